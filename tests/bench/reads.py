"""GET of one item by id and of lists, through the daemon's own port; with auth, where it is not said otherwise."""
import packages
from cpu import Spent
from load import Yardstick, wrk


def _against(world, seconds, script, make_requests, is_signed_in=True):
    world.arrange(identity="api", finance="api")
    packages.seed(world)
    daemon = world.stack.daemons["finance"]
    same = Yardstick(world, "finance", script, seconds)
    requests = make_requests(daemon.url, world.sign_in() if is_signed_in else None)
    wrk(daemon.url, requests, 1)
    same.before()
    with Spent(world, "finance") as spent:
        got = wrk(daemon.url, requests, seconds)
    same.after()
    return {"ratio": got["rate"] / same.rate,
            "requests_per_s": round(got["rate"]), "p50_ms": got["p50_ms"], "p99_ms": got["p99_ms"],
            **same.details(), **spent.against(same.spent, got["requests"])}


def get_by_id(world, seconds):
    return _against(world, seconds, packages.SELECT, packages.gets)


def list_of_50(world, seconds):
    """A public list asked for by visitors who are not signed in, whose requests share readings; then lists that each differ in a bound."""
    alike = _against(world, seconds, packages.LIST, packages.lists, is_signed_in=False)
    apart = _against(world, seconds, packages.LIST_APART, packages.lists_apart)
    return {**alike, "apart": apart["ratio"], "apart_requests_per_s": apart["requests_per_s"], "apart_pgbench_tps": apart["pgbench_tps"],
            "apart_cpu_us_per_request": apart["cpu_us_per_request"], "apart_pgbench_cpu_us": apart["pgbench_cpu_us"]}
