"""Daemons that run in another way than ./nxt starts them: a second one beside the first, or the same under a wrapper."""
import contextlib
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


class Wrapped(Daemon):
    """Words go before the binary; what they run becomes the daemon (exec), so that its pid is the one that is known."""

    def __init__(self, stack, service, before):
        super().__init__(stack, service)
        self.before = [str(word) for word in before]

    @property
    def argv(self):
        return [*self.before, *super().argv]


@contextlib.contextmanager
def started_otherwise(stack, service, before=(), **env):
    """The daemon with these words before it and this environment, in the place of the usual one."""
    usual = stack.daemons[service]
    stack.daemon_env[service] = env
    stack.daemons[service] = stack.parts[service] = Wrapped(stack, service, before)
    try:
        stack.start(service)
        yield stack.daemons[service]
    finally:
        stack.daemons[service] = stack.parts[service] = usual
        stack.daemon_env[service] = {}
        stack.start(service)
