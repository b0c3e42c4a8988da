"""The HTTP server with nothing behind it against the least that a server can be."""
import subprocess

import flame
from load import request_text, wrk
from nxt import build

PRESET = "release"
OURS, LEAST = "http_probe_server", "bare_loop"


class Server:
    """with Server(name) as url: a program that prints its port and serves until it is killed."""

    def __init__(self, name):
        self.binary = build.binaries(PRESET) / name

    def __enter__(self):
        self.process = subprocess.Popen([str(self.binary)], stdout=subprocess.PIPE, text=True)
        return f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def answers(world, seconds):
    """In turns, each half of the time; the daemons' idle hum would disturb both."""
    build.build(PRESET, (OURS, LEAST))
    world.arrange(identity="api")
    rates = {LEAST: [], OURS: []}
    for name in (LEAST, OURS) * 2:
        with Server(name) as url:
            ask = [request_text("GET", url, "/.well-known/jwks.json", "")]
            wrk(url, ask, 1)
            with flame.sampled():
                rates[name].append(wrk(url, ask, seconds / 2)["rate"])
    ours, least = (sum(rates[name]) / 2 for name in (OURS, LEAST))
    return {"ratio": ours / least, "requests_per_s": round(ours), "least_per_s": round(least)}
