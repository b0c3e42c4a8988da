"""POST that writes a row and its outbox row: against pgbench, and with the relay beside it."""
import broker
import flame
import packages
import wallets
from cpu import Spent
from load import Yardstick, wrk

PAIRS = 6
TABLES = ("outbox_events", "pricing_packages")


def _alone(world, roles):
    """finance with these roles, identity for its keys; nobody consumes. Empty tables."""
    world.arrange(identity="api")
    world.empty("finance", *TABLES)
    world.arrange(identity="api", finance=roles)
    daemon = world.stack.daemons["finance"]
    return daemon.url, packages.posts(daemon.url, world.sign_in())


def post_with_event(world, seconds):
    """The relay is off: its work has a row of its own."""
    url, requests = _alone(world, "api")
    wrk(url, requests, 1)
    same = Yardstick(world, "finance", packages.insert_script(world), seconds)
    world.settle()
    same.before()
    with Spent(world, "finance") as spent:
        got = wrk(url, requests, seconds)
    same.after()
    return {"ratio": got["rate"] / same.rate,
            "requests_per_s": round(got["rate"]), "p50_ms": got["p50_ms"], "p99_ms": got["p99_ms"],
            **same.details(), **spent.against(same.spent, got["requests"])}


def relay_beside(world, seconds):
    """Off, on, off, on, …: so a machine that slows down slows both. The broker has run for a while before."""
    rates, costs, left = {"api": [], "api,relay": []}, {}, 0
    url, requests = _alone(world, "api,relay")
    warming = broker.warm(world, lambda: wrk(url, requests, seconds)["requests"])
    for roles in tuple(rates) * PAIRS:
        url, requests = _alone(world, roles)
        wrk(url, requests, 1)
        world.settle()
        with Spent(world, "finance") as spent:
            got = wrk(url, requests, seconds / 2)
        costs[roles] = spent.per(got["requests"])
        rates[roles].append(got["rate"])
        if roles != "api":
            left = world.count("finance", "outbox_events")
    off, on = (sum(each) / PAIRS for each in rates.values())
    return {"ratio": on / off, "with_relay_per_s": round(on), "without_per_s": round(off),
            "rows_waiting_at_the_end": left, "cpu_us_per_request": costs["api,relay"],
            "cpu_us_without": costs["api"], "broker_us_per_event_while_warming": warming}


# ---- 5,000 a second offered ----

OFFERED = 5000
CALLERS, PAUSE_MS = 64, 10      # each asks again so long after its answer; without load that is some 5,000 a second


def offered(world, seconds):
    """Debits at a rate that is offered: alone, then with the relay and every consumer of all six. The broker has run before."""
    found, costs = {}, {}
    url, requests = _alone(world, "api,relay")
    warming = broker.warm(world, lambda: wrk(url, requests, seconds)["requests"])
    for name, roles in (("alone", {"identity": "api", "finance": "api"}), ("beside", {}), ("alone_again", {"identity": "api", "finance": "api"})):
        world.arrange(identity="api")
        wallets.seed(world)
        world.arrange(**roles)
        url, token = world.stack.daemons["finance"].url, world.sign_in()
        wrk(url, wallets.debits(url, token), 2, CALLERS, PAUSE_MS)
        world.settle()
        with flame.sampled(name == "beside"), Spent(world) as spent:
            found[name] = wrk(url, wallets.debits(url, token), seconds, CALLERS, PAUSE_MS)
        costs[name] = spent.per(found[name]["requests"])
    alone = (found["alone"]["p99_ms"] + found["alone_again"]["p99_ms"]) / 2
    return {"p99": found["beside"]["p99_ms"] / alone, "served": found["beside"]["rate"] / OFFERED,
            "served_alone": round((found["alone"]["rate"] + found["alone_again"]["rate"]) / 2 / OFFERED, 2),
            "p99_ms_alone": round(alone, 1), "p99_ms_beside": found["beside"]["p99_ms"],
            "cpu_us_per_debit": costs["beside"], "cpu_us_alone": costs["alone"],
            "broker_us_per_event_while_warming": warming}
