"""For bench and chaos: requests that come at a rate of their own, whatever became of those before (tests/chaos/open_loop.c),
and bare servers to compare with."""
import functools
import subprocess
import tempfile

from nxt import build


class Answer:
    """One request of a load: what came of it (0: nothing), how long after it was due, and when that was."""

    def __init__(self, line):
        self.number, self.status, self.took_us, self.due_us = map(int, line.split())


@functools.cache
def _program(preset):
    build.build(preset, ("open_loop",))
    return build.binaries(preset) / "open_loop"


def open_loop(preset, port, connections, requests, *stages):
    """The answers, in the order in which they were due. Stages are (requests a second, seconds); a rate of 0 keeps every
    connection busy. Twelve '#' in a request become its number."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("\0".join(requests))
        file.flush()
        out = subprocess.run([_program(preset), str(port), str(connections), file.name,
                              *(f"{rate:.0f}:{seconds}" for rate, seconds in stages)], capture_output=True, text=True, check=True)
    return sorted(map(Answer, out.stdout.splitlines()), key=lambda a: a.due_us)


class Server:
    """with Server(preset, name) as url: a program that prints its port and serves until it is killed."""

    def __init__(self, preset, name):
        self.binary = build.binaries(preset) / name

    def __enter__(self):
        self.process = subprocess.Popen([str(self.binary)], stdout=subprocess.PIPE, text=True)
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
