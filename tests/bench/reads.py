"""GET of one item by id, with auth, through the daemon's own port."""
import packages
from cpu import Spent
from load import Yardstick, wrk


def get_by_id(world, seconds):
    world.arrange(identity="api", finance="api")
    packages.seed(world)
    daemon = world.stack.daemons["finance"]
    same = Yardstick(world, "finance", packages.SELECT, seconds)
    requests = packages.gets(daemon.url, world.sign_in())
    wrk(daemon.url, requests, 1)
    same.before()
    with Spent(world, "finance") as spent:
        got = wrk(daemon.url, requests, seconds)
    same.after()
    return {"ratio": got["rate"] / same.rate,
            "requests_per_s": round(got["rate"]), "p50_ms": got["p50_ms"], "p99_ms": got["p99_ms"],
            **same.details(), **spent.against(same.spent, got["requests"])}
