"""R13: what a machine may run out of, or get wrong: disks, names, the time of day, file descriptors.

Each row wants the same: whoever asks meanwhile is answered or refused clearly, no daemon ends, and all goes on by
itself when the machine is well again. Nothing is lost is judged as everywhere, by history.check().
"""
import collections
import contextlib
import email.utils
import http.client
import os
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

from client import eventually
from nxt.home import SERVICES
from replica import started_otherwise

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
SPARE_MB = 64
RESOLVER = "127.0.0.9"


@contextlib.contextmanager
def same_processes(world, services=SERVICES):
    """No daemon ends inside the block."""
    before = {s: world.stack.daemons[s].process.pid() for s in services}
    yield
    ended = [s for s in services if world.stack.daemons[s].process.pid() != before[s]]
    if ended:
        world.findings["a daemon ended"] = ended


def _goes_on(world, more=20, seconds=90):
    """Seconds until so many more writes were acknowledged."""
    begun, count = time.monotonic(), len(world.history.writes)
    eventually("writes go on", lambda: len(world.history.writes) > count + more, seconds, 0.05)
    return round(time.monotonic() - begun, 1)


# ---- disks ----

class SmallDisk:
    """with SmallDisk(stack, part, folder) as disk: the part's data on a disk of its own, of which little is free."""

    def __init__(self, stack, part, folder):
        assert os.geteuid() == 0, "a disk of its own is mounted by root"
        self.stack, self.part, self.folder = stack, part, Path(folder).resolve()
        self.whole = self.folder.with_name(self.folder.name + ".whole")

    def _run(self, *argv):
        subprocess.run([str(a) for a in argv], check=True, capture_output=True, text=True)

    def __enter__(self):
        self.stack.stop(self.part)
        used = int(subprocess.run(["du", "-sm", self.folder], capture_output=True, text=True, check=True).stdout.split()[0])
        self.folder.rename(self.whole)
        self.folder.mkdir()
        self._run("mount", "-t", "tmpfs", "-o", f"size={used + SPARE_MB}m", "tmpfs", self.folder)
        self._run("cp", "-a", f"{self.whole}/.", self.folder)
        self.stack.start(self.part)
        return self

    def __exit__(self, *_):
        self.stack.stop(self.part)
        shutil.rmtree(self.whole)
        self._run("cp", "-a", self.folder, self.whole)
        self._run("umount", self.folder)
        self.folder.rmdir()
        self.whole.rename(self.folder)
        self.stack.start(self.part)

    @contextlib.contextmanager
    def full(self):
        """Another program takes all that is left."""
        filler = self.folder / "filler"
        with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(1 << 16))
        try:
            yield
        finally:
            filler.unlink()


def _fill(world, disk, seconds, what):
    """Whoever writes while the disk is full, and after it; what ends by itself for want of disk is started as by its operator."""
    process = world.stack.part(what).process
    begin = process.log.stat().st_size
    with same_processes(world), world.load(per_second=60):
        _goes_on(world)
        before, written = world.history.refused, len(world.history.writes)
        with disk.full():
            time.sleep(seconds)
        refused, meanwhile = world.history.refused - before, len(world.history.writes) - written
        ended = world.stack.part(what).process.pid() is None
        world.stack.start(what)
        after = _goes_on(world)
    told = process.log_since(begin).count("No space left on device")
    if not told:
        world.findings[f"the disk of {what} was never full"] = [f"{meanwhile} written meanwhile"]
    return {"full_s": seconds, "written_meanwhile": meanwhile, "refused_meanwhile": refused, "no_space_told": told,
            f"{what}_ended": ended, "again_after_s": after}


def database_disk(world, rand, size):
    world.settle()
    world.stack.postgres.psql("CHECKPOINT")
    with SmallDisk(world.stack, "postgres", world.stack.postgres.folder / "data") as disk:
        world.settle()
        return _fill(world, disk, size["full"], "postgres")


def broker_disk(world, rand, size):
    world.settle()
    with SmallDisk(world.stack, "kafka", world.stack.home / "kafka/data") as disk:
        world.settle()
        found = _fill(world, disk, size["full"], "kafka")
        world.settle()
    if found["refused_meanwhile"]:
        world.findings["HTTP suffered from the broker's disk"] = [f"{found['refused_meanwhile']} refused"]
    return found


# ---- names ----

class Names:
    """One daemon that finds all others by names of its own, in files that only it sees."""
    MOUNTED = "for f in hosts resolv.conf; do mount --bind \"$0/$f\" /etc/$f; done; exec \"$@\""

    def __init__(self, world):
        self.folder = world.stack.home.path / "names"
        self.folder.mkdir(exist_ok=True)
        self.before = ["/usr/bin/unshare", "-m", "/bin/sh", "-ec", self.MOUNTED, self.folder]
        stack = world.stack
        url = stack.postgres.runtime_url("finance").split("@", 1)[0]
        self.env = {"NXT_DATABASE_URL": f"{url}@database.test:{stack.postgres.port}/nxt_finance",
                    "NXT_KAFKA_BROKERS": f"broker.test:{stack.ports['kafka']}",
                    "NXT_JWKS_URL": f"http://identity.test:{stack.ports['identity']}/.well-known/jwks.json"}
        self.known(True)

    def known(self, are):
        """Written in place: the files are mounted. Whoever asks for a name that is in none waits for a resolver that is mute."""
        (self.folder / "resolv.conf").write_text(f"nameserver {RESOLVER}\n")
        (self.folder / "hosts").write_text("127.0.0.1 localhost database.test broker.test identity.test\n" if are else "")


def _answer_ms(port, path):
    """(status, ms) of one GET; no answer within five seconds has no status."""
    begun, connection, status = time.monotonic(), http.client.HTTPConnection("127.0.0.1", port, timeout=5), None
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        status = connection.getresponse().status
    connection.close()
    return status, (time.monotonic() - begun) * 1000


def names(world, rand, size):
    named = Names(world)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((RESOLVER, 53))
        with started_otherwise(world.stack, "finance", named.before, **named.env) as finance, world.load(per_second=60):
            _goes_on(world)
            with same_processes(world):
                named.known(False)
                world.stack.postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nxt_finance'")
                before, written = world.history.refused, len(world.history.writes)
                alive = _watched(finance.ports["finance-ops"], size["names"])
                refused, meanwhile = world.history.refused - before, len(world.history.writes) - written
                named.known(True)
                after = _goes_on(world)
    if set(alive) != {200}:
        world.findings["a daemon hung on a name"] = [f"{dict(alive)}"]
    return {"away_s": size["names"], "alive": dict(alive), "written_meanwhile": meanwhile, "refused_meanwhile": refused,
            "again_after_s": after}


def _watched(port, seconds):
    """{status of /livez, or "late" above a second: how often}"""
    end, found = time.monotonic() + seconds, collections.Counter()
    while time.monotonic() < end:
        status, ms = _answer_ms(port, "/livez")
        found["late" if ms > 1000 else status] += 1
        time.sleep(0.2)
    return found


# ---- the time of day ----

class Clock:
    """The wall clock of daemons, and of nobody else, by libfaketime."""

    def __init__(self, world):
        assert FAKETIME.exists(), "install the Debian package libfaketime"
        self.file = world.stack.home.path / "clock"
        self.set(0)
        self.env = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_CACHE_DURATION": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, hours):
        self.file.write_text(f"{hours:+}h\n")


def clock(world, rand, size):
    faked, figures = Clock(world), {}
    for services in (SERVICES, ("finance",)):
        with contextlib.ExitStack() as stack:
            for s in services:
                stack.enter_context(started_otherwise(world.stack, s, **faked.env))
            with same_processes(world):
                for hours in (1, -1, 0):
                    faked.set(hours)
                    figures[f"{len(services)} by {hours} h"] = _at_another_time(
                        world, services, hours, alone=len(services) == 1 and hours)
    return figures


def _hours_off(port):
    """By how much a daemon's answers differ from our time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/livez")
    told = email.utils.parsedate_to_datetime(connection.getresponse().headers["Date"])
    connection.close()
    return round((told.timestamp() - time.time()) / 3600)


def _at_another_time(world, services, hours, alone):
    """Who signs in again is served; where one daemon alone is wrong about the time it refuses tokens, and no more."""
    for s in services:      # they look at the file once a second
        eventually(f"the clock of {s} is {hours} h off", lambda s=s: _hours_off(world.stack.ports[f"{s}-ops"]) == hours, 20)
    if not alone:
        with world.load(callers=2, per_second=20):
            return {"again_after_s": _goes_on(world)}
    statuses = collections.Counter(_ask(world) for _ in range(20))
    if set(statuses) - {200, 401}:
        world.findings["a clock that is wrong makes more than refusals"] = [f"{dict(statuses)}"]
    return {"answers": dict(statuses)}


def _ask(world):
    from client import Api
    return Api(world.env, world.token).get("/v1/tracecoin-wallets", expect=tuple(range(200, 600))).status


# ---- file descriptors ----

def _open(pid):
    return [int(n) for n in os.listdir(f"/proc/{pid}/fd")]


def descriptors(world, rand, size):
    pid = world.stack.daemons["finance"].process.pid()
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with same_processes(world), world.load(per_second=60):
        limit = max(_open(pid)) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limits[1]))
        crowd = [socket.socket() for _ in range(60 + limit - len(_open(pid)))]      # numbers below may be free
        for s in crowd:
            s.settimeout(0.2)
            with contextlib.suppress(OSError):
                s.connect(("127.0.0.1", world.stack.ports["finance"]))
        eventually("no descriptor is left", lambda: len(_open(pid)) >= limit - 1, 20, 0.01)     # one is just being closed for the next
        time.sleep(2)       # so long without any to spare
        for s in crowd:
            s.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        _goes_on(world)
    return {"descriptors": limit, "connections": len(crowd)}
