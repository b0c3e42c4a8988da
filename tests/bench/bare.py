"""The HTTP server with nothing behind it against the least that a server can be."""
import flame
from load import request_text, wrk
from nxt import build
from nxt.loads import Server

PRESET = "release"
OURS, LEAST = "http_probe_server", "bare_loop"


def answers(world, seconds):
    """In turns, each half of the time; the daemons' idle hum would disturb both."""
    build.build(PRESET, (OURS, LEAST))
    world.arrange(identity="api")
    rates = {LEAST: [], OURS: []}
    for name in (LEAST, OURS) * 2:
        with Server(PRESET, name) as url:
            ask = [request_text("GET", url, "/.well-known/jwks.json", "")]
            wrk(url, ask, 1)
            with flame.sampled():
                rates[name].append(wrk(url, ask, seconds / 2)["rate"])
    ours, least = (sum(rates[name]) / 2 for name in (OURS, LEAST))
    return {"ratio": ours / least, "requests_per_s": round(ours), "least_per_s": round(least)}
