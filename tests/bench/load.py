"""The two load generators: pgbench, which is the yardstick, and wrk, which asks the daemons."""
import json
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from cpu import Spent, children, wait_for_ends
from nxt.postgres import BIN
from nxt.records import percentile
from nxt.ui import NxtError

HERE = Path(__file__).resolve().parent
CLIENTS = (8, 16, 32)
CONNECTIONS = 64


def _run(argv, seconds):
    out = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         timeout=seconds + 60)
    if out.returncode:
        raise NxtError(f"{Path(argv[0]).name} ended with {out.returncode}: {(out.stdout + out.stderr)[-2000:]}")
    return out.stdout


class Yardstick:
    """pgbench with prepared statements: best client count before the load, that one again after it.

    The machine is rarely alone and rarely the same twice. The value is the mean of before and after, so
    that whatever slowed the load in between slowed the yardstick as well; the best of many runs would
    only be the luckiest moment, which the load in between did not have.
    """
    run = 0

    def __init__(self, world, service, script, seconds):
        self.world, self.url, self.script, self.seconds = world, world.url(service), script, seconds
        self.tried, self.figures = {}, []

    def _once(self, clients, seconds, *more):
        """Transactions a second. `run`, `client_id` and `n` make numbers that never come twice."""
        Yardstick.run += 1
        server = self.world.pid("postgres")
        sessions = len(list(children(server)))
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(self.script)
            file.flush()
            text = _run([BIN / "pgbench", "-n", "-M", "prepared", "-f", file.name, "-c", clients, "-j", 2,
                         "-T", max(1, round(seconds)), "-D", f"run={Yardstick.run}", "-D", "n=0", *more, self.url], seconds)
        wait_for_ends(server, sessions)
        if not re.search(r"failed transactions: 0 ", text):
            raise NxtError(f"pgbench: transactions failed: {text[-2000:]}")
        tps = re.search(r"tps = ([\d.]+)", text)
        return float(tps[1]) if tps else 0.0    # on a crowded machine so many cannot even connect in the time

    def p99_ms(self, clients):
        """How long one of a hundred transactions takes at least, with so many clients at once."""
        with tempfile.TemporaryDirectory() as folder:
            self._once(clients, self.seconds, "--log", f"--log-prefix={folder}/took")
            took = [int(line.split()[2]) for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
        return round(percentile(took, 99) / 1000, 1)

    def before(self):
        each = max(3, round(self.seconds / 2))
        self.tried = {clients: self._once(clients, each) for clients in CLIENTS}
        self.clients = max(self.tried, key=self.tried.get)
        self.figures.append(self.tried[self.clients])
        return self

    def after(self):
        with Spent(self.world) as self.spent:
            rate = self._once(self.clients, self.seconds)
        self.spent.count = rate * max(1, round(self.seconds))
        self.figures.append(rate)
        return self.rate

    @property
    def rate(self):
        return sum(self.figures) / len(self.figures)

    def details(self):
        return {"pgbench_tps": round(self.rate), "pgbench_clients": self.clients,
                "pgbench_before": round(self.figures[0]), "pgbench_after": round(self.figures[-1])}


def request_text(method, url, path, token, body=None, *fields):
    """One HTTP/1.1 request, byte for byte."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", *fields]
    if token:
        head.append(f"Authorization: Bearer {token}")
    data = "" if body is None else json.dumps(body)
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(data.encode())}"]
    return "\r\n".join(head) + "\r\n\r\n" + data


def wrk(url, requests, seconds, connections=CONNECTIONS, pause_ms=0):
    """Keeps `connections` busy with these requests, each with a pause after an answer; any but 2xx ends the run."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("\0".join(requests))
        file.flush()
        text = _run(["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", HERE / "http.lua", url,
                     "--", file.name, pause_ms], seconds)
    found = json.loads(text.split("RESULT ", 1)[1])
    if found["failed"] or found["broken"]:
        raise NxtError(f"wrk: {found['failed']} requests refused, {found['broken']} broken: {text}")
    return {**found, "rate": found["requests"] / found["seconds"]}
