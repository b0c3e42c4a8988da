"""A second process of one service, on ports of its own, beside the one that ./nxt starts."""
import socket

from nxt.daemons import Daemon
from nxt.proc import Process


class _Ports:
    """The copy's ports, but for those of one daemon."""

    def __init__(self, ports, own):
        self.ports, self.own = ports, own

    def __getitem__(self, name):
        return self.own[name] if name in self.own else self.ports[name]


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Replica(Daemon):
    def __init__(self, stack, service):
        super().__init__(stack, service)
        self.name = f"{service}-2"
        self.ports = _Ports(stack.ports, {service: _free_port(), f"{service}-ops": _free_port()})
        self.process = Process(self.home, self.name)
