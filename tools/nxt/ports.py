"""Ports: picked once, remembered in the state file, overridden by NXT_<NAME>_PORT or --port NAME=N."""
import os
import random
import socket

from nxt.home import SERVICES
from nxt.ui import NxtError, say

PREFERRED = {"gateway": 8080, "postgres": 5432, "kafka": 9092, "kafka-controller": 9093,
             "smtp": 1025, "smtps": 1465, "mail": 8025}
for _i, _service in enumerate(SERVICES, 1):
    PREFERRED[_service] = 8100 + _i
    PREFERRED[f"{_service}-ops"] = 9100 + _i


def is_free(port):
    """As a server would find it: SO_REUSEADDR, so that closed connections of the last run do not count."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _random_free(taken):
    """Below the kernel's own range (32768), so that no outgoing connection takes it in the meantime."""
    for _ in range(1000):
        port = random.randint(20000, 32000)
        if port not in taken and is_free(port):
            return port
    raise NxtError("no free port between 20000 and 32000")


class Ports:
    """`running(name)` tells whether the part behind a port is up: its port is then in use by ourselves."""

    def __init__(self, home, preferred=True):
        self.home, self.preferred = home, preferred
        self.known = home.state.setdefault("ports", {})

    def __getitem__(self, name):
        if name not in self.known:
            raise NxtError("nothing was started here yet: run ./nxt up")
        return self.known[name]

    def configure(self, given, running):
        """All or none: what cannot be had is not remembered, and nothing that runs is touched for it."""
        unknown = set(given) - set(PREFERRED)
        if unknown:
            raise NxtError(f"no such port: {', '.join(sorted(unknown))} (there are {', '.join(PREFERRED)})")
        wanted = {name: given.get(name) or os.environ.get(f"NXT_{name.upper().replace('-', '_')}_PORT") for name in PREFERRED}
        fixed = {name: self._number(name, value) for name, value in wanted.items() if value}
        for name, port in fixed.items():
            if not (self.known.get(name) == port and running(name)) and not is_free(port):
                raise NxtError(f"port {port} is in use, so {name} cannot have it; say --port {name}=N with one that is free")
        self.known.update(fixed)
        self.home.state.setdefault("fixed_ports", {}).update(fixed)

    @staticmethod
    def _number(name, value):
        if not str(value).isdigit() or not 0 < int(value) < 65536:
            raise NxtError(f"port {name}: {value!r} is no number from 1 to 65535")
        return int(value)

    def settle(self, running):
        """Gives every part a port that is free or its own."""
        fixed = self.home.state.get("fixed_ports", {})
        for name, wish in PREFERRED.items():
            if running(name):
                continue
            port = self.known.get(name)
            if port and is_free(port):
                continue
            if port and fixed.get(name) == port:
                raise NxtError(f"port {port}, configured for {name}, is in use by another program; free it, or say "
                               f"./nxt up --port {name}=N with one that is free")
            free = self.preferred and wish not in self.known.values() and is_free(wish)
            self.known[name] = wish if free else _random_free(set(self.known.values()))
            if port:
                say(f"  port {port} of {name} was taken by another program; now {self.known[name]}")
        self.home.save()
