"""Debits at a rate that does not wait for answers, straight at finance's port."""
import uuid
from pathlib import Path

from beside import Beside
from history import Write
from nxt.loads import open_loop

PAGE = 4096


class Debits:
    """Each has a reference and an Idempotency-Key of its own; those that were let in become part of the history."""

    def __init__(self, world):
        self.world, self.port = world, world.stack.ports["finance"]

    def _requests(self, batch):
        body = f'{{"amount":1,"reference_type":"BONUS","reference_id":"{reference(batch, "############")}"}}'
        return [f"POST /v1/tracecoin-wallets/{wallet}/debit HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                f"Authorization: Bearer {self.world.token}\r\nContent-Type: application/json\r\n"
                f"Idempotency-Key: load-{batch}-############\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                for wallet in self.world.wallets]

    def ask_another(self, port, connections, *stages):
        """The same requests at a program that does nothing with them."""
        return open_loop(self.world.stack.preset, port, connections, self._requests("00000000"), *stages)

    def run(self, connections, *stages):
        """Stages are (requests a second, seconds); a rate of 0 keeps every connection busy. The answers, in order."""
        batch = uuid.uuid4().hex[:8]
        answers = open_loop(self.world.stack.preset, self.port, connections, self._requests(batch), *stages)
        for a in answers:
            if a.status == 200:
                self.world.history.acknowledged(Write(
                    "movement", "finance", "tracecoin_ledger", reference(batch, f"{a.number:012}"), type="DEBIT", amount=1,
                    wallet=self.world.wallets[a.number % len(self.world.wallets)]))
        return answers


def reference(batch, number):
    return f"{batch}-0000-4000-8000-{number}"


class Memory(Beside):
    """with Memory(pid) as memory: …; then memory.most is the largest resident size in MB that was seen."""

    def __init__(self, pid):
        super().__init__()
        self.file, self.most = Path(f"/proc/{pid}/statm"), 0

    def go_on(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, int(self.file.read_text().split()[1]) * PAGE / 1e6)
