"""Debits at a rate that does not wait for answers, straight at finance's port; the generator is open_loop.c."""
import subprocess
import tempfile
import uuid
from pathlib import Path

from beside import Beside
from history import Write
from nxt import build

PAGE = 4096


class Answer:
    """One request of a load: what came of it, how long after it was due, and when that was."""

    def __init__(self, line):
        self.number, self.status, self.took_us, self.due_us = map(int, line.split())


class Debits:
    """Each has a reference and an Idempotency-Key of its own; those that were let in become part of the history."""

    def __init__(self, world):
        self.world, self.port = world, world.stack.ports["finance"]
        build.build(world.stack.preset, ("open_loop",))
        self.program = build.binaries(world.stack.preset) / "open_loop"

    def _requests(self, batch):
        body = f'{{"amount":1,"reference_type":"BONUS","reference_id":"{reference(batch, "############")}"}}'
        return [f"POST /v1/tracecoin-wallets/{wallet}/debit HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
                f"Authorization: Bearer {self.world.token}\r\nContent-Type: application/json\r\n"
                f"Idempotency-Key: load-{batch}-############\r\nContent-Length: {len(body)}\r\n\r\n{body}"
                for wallet in self.world.wallets]

    def _ask(self, port, connections, stages):
        """(the answers in order of when they were due, what the references of this batch begin with)"""
        batch = uuid.uuid4().hex[:8]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("\0".join(self._requests(batch)))
            file.flush()
            out = subprocess.run([self.program, str(port), str(connections), file.name,
                                  *(f"{rate:.0f}:{seconds}" for rate, seconds in stages)],
                                 capture_output=True, text=True, check=True)
        return sorted(map(Answer, out.stdout.splitlines()), key=lambda a: a.due_us), batch

    def ask_another(self, port, connections, *stages):
        """The same requests at a program that does nothing with them."""
        return self._ask(port, connections, stages)[0]

    def run(self, connections, *stages):
        """Stages are (requests a second, seconds); a rate of 0 keeps every connection busy. The answers, in order."""
        answers, batch = self._ask(self.port, connections, stages)
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
