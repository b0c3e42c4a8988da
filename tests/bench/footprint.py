"""What a daemon costs before it does anything: memory, and the time until it is ready."""
import os
import re
import resource
import signal
import socket
import statistics
import time
from pathlib import Path

import events
import packages
import wallets
from load import wrk
from nxt.home import SERVICES
from nxt.ui import NxtError
from world import EVERY_ROLE

IDLE_S = 10
STARTS = 5
READY_S = 30


def _memory_mb(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) / 1024 for name in ("VmRSS", "RssAnon")}


def idle_memory(world, seconds):
    """The largest of the daemons, each with all its roles, ten seconds after its start."""
    world.arrange()
    world.catch_up("audit", events.TYPE)
    world.arrange(identity="api")
    world.arrange()
    time.sleep(IDLE_S)
    found = {s: _memory_mb(world.pid(s)) for s in SERVICES if world.built(s)}
    return {"mb": max(m["VmRSS"] for m in found.values()),
            "each": {s: round(m["VmRSS"], 1) for s, m in found.items()},
            "anonymous": {s: round(m["RssAnon"], 1) for s, m in found.items()},
            "together": round(sum(m["VmRSS"] for m in found.values()), 1)}


def peak_mb(pid):
    """The most that it ever held."""
    return int(re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1]) / 1024


def peak_memory(world, seconds):
    """The most that finance ever held while each load ran, with relay and consumer; it began anew before the first."""
    world.arrange(identity="api")
    packages.seed(world)
    wallets.seed(world)
    world.arrange(identity="api", finance=EVERY_ROLE)
    url, token = world.stack.daemons["finance"].url, world.sign_in()
    loads = {"get": packages.gets(url, token), "debit": wallets.debits(url, token),
             "list": packages.lists_apart(url, token)}
    for requests in loads.values():
        wrk(url, requests, seconds)
    return {"mb": peak_mb(world.pid("finance"))}


def idle_connections(world, seconds, count=10_000):
    """Each has made a request before it idles; afterwards all are still open and one more is served."""
    world.arrange(identity="api", finance="api")
    packages.seed(world)
    daemon = world.stack.daemons["finance"]
    ask = packages.gets(daemon.url, world.sign_in())[0].encode()
    address = ("127.0.0.1", daemon.ports["finance"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    before = _memory_mb(world.pid("finance"))["VmRSS"]
    held = []
    try:
        for _ in range(count):
            held.append(_asked(address, ask))
        after = _memory_mb(world.pid("finance"))["VmRSS"]
        alive = sum(_answers(connection, ask) for connection in held)
    finally:
        for connection in held:
            connection.close()
    return {"kib": 1024 * (after - before) / count, "held": alive, "rss_mb": round(after, 1)}


BUSY = 1000


def busy_connections(world, seconds):
    """The most that any way of keeping BUSY connections busy costs each, everything given up before the next way."""
    world.arrange(identity="api")
    packages.seed(world)
    found = {}
    for name, sent, copies in _ways_to_be_busy(world):
        world.arrange(identity="api", finance="api")
        daemon = world.stack.daemons["finance"]
        before = _memory_mb(world.pid("finance"))["VmRSS"]
        held = [_pushed(("127.0.0.1", daemon.ports["finance"]), sent, copies) for _ in range(BUSY)]
        alive = _is_ready(daemon.ports["finance-ops"])
        after = peak_mb(world.pid("finance"))
        for connection in held:
            connection.close()
        if not alive:
            raise NxtError(f"finance is not ready under {name}")
        found[name] = round(1024 * (after - before) / BUSY, 1)
    return {"kib": max(found.values()), "each": found}


def _ways_to_be_busy(world):
    """(name, bytes, how often they are sent); none of the requests is ever whole, but for those whose answers nobody reads."""
    url, token = world.stack.daemons["finance"].url, world.sign_in()
    head = "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n"
    yield "a body without its end", (head + "Content-Length: 1000000\r\n\r\n{{\"name\":\"").format(packages.PATH).encode() + b"x" * 999_000, 1
    yield "a chunked body of small pieces", (head + "Transfer-Encoding: chunked\r\n\r\n").format(packages.PATH).encode() + b"1\r\n[\r\n" * 60_000, 1
    yield "a header block without its end", head.format(packages.PATH).encode() + b"X-Fill: " + b"y" * 15_000, 1
    yield "lists that nobody reads", packages.lists(url, token)[0].encode(), 40


def _pushed(address, sent, copies):
    """A connection into which so much was written as it would take."""
    connection = socket.create_connection(address, timeout=10)
    connection.setblocking(False)
    left = memoryview(sent * copies)
    end = time.monotonic() + 0.05
    while left and time.monotonic() < end:
        try:
            left = left[connection.send(left):]
        except BlockingIOError:
            time.sleep(0.001)
        except ConnectionError:
            break
    return connection


def _asked(address, ask):
    connection = socket.create_connection(address, timeout=10)
    if not _answers(connection, ask):
        raise NxtError("a connection was refused")
    return connection


def _answers(connection, ask):
    connection.sendall(ask)
    return connection.recv(8192).startswith(b"HTTP/1.1 200")


def _is_ready(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _start_once(daemon):
    """Milliseconds from the fork to the first 200 of /readyz, asked every millisecond."""
    env = {**os.environ, **daemon.environment()}
    begun = time.monotonic()
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    pid = os.posix_spawn(str(daemon.binary), [str(daemon.binary)], env, file_actions=null)
    try:
        while not _is_ready(daemon.ports[f"{daemon.service}-ops"]):
            if time.monotonic() - begun > READY_S:
                raise NxtError(f"{daemon.name} is not ready after {READY_S} s")
            time.sleep(0.001)
        return 1000 * (time.monotonic() - begun)
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def start_time(world, seconds):
    """The slowest daemon's median of five; database, broker and the other daemons run."""
    world.arrange()
    world.catch_up("audit", events.TYPE)
    medians = {}
    for service in filter(world.built, SERVICES):
        daemon = world.stack.daemons[service]
        daemon.stop()
        medians[service] = round(statistics.median(_start_once(daemon) for _ in range(STARTS)), 1)
        daemon.start()
        daemon.wait_ready()
    return {"ms": max(medians.values()), "each": medians}
