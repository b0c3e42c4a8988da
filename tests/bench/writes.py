"""POST that writes a row and its outbox row: against pgbench, and with the relay beside it."""
from urllib.parse import urlsplit

import broker
import flame
import packages
import wallets
from cpu import Spent
from load import Yardstick, wrk
from nxt.loads import open_loop
from nxt.records import percentile
from nxt.ui import NxtError

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

OFFERED, CALLERS, WARM_S = 5000, 256, 2


def _offer(world, url, token, seconds):
    """Debits that come OFFERED a second whatever became of those before, over CALLERS connections."""
    stages = (OFFERED, WARM_S), (OFFERED, seconds)
    answers = open_loop(world.stack.preset, urlsplit(url).port, CALLERS, wallets.debits(url, token), *stages)
    if odd := {a.status for a in answers} - {200, 503}:
        raise NxtError(f"debits were answered with {odd}")
    took_us = [a.took_us for a in answers if a.status == 200 and a.due_us >= WARM_S * 1e6]
    return {"requests": len(answers), "served": len(took_us) / (OFFERED * seconds),
            "p50_ms": percentile(took_us, 50) / 1000, "p99_ms": percentile(took_us, 99) / 1000}


def _debits_of(world, roles):
    """Full wallets and these daemons; where finance is, and a caller."""
    world.arrange(identity="api")
    wallets.seed(world)
    world.arrange(**roles)
    token = world.sign_in()
    world.settle()
    return world.stack.daemons["finance"].url, token


def offered(world, seconds):
    """Alone, then with the relay and every consumer of all six. The broker has done the same before."""
    found, costs = {}, {}
    roles_alone = {"identity": "api", "finance": "api"}
    url, _ = _debits_of(world, {})
    warming = broker.warm(world, lambda: _offer(world, url, world.sign_in(), seconds)["requests"])
    for name, roles in (("alone", roles_alone), ("beside", {}), ("alone_again", roles_alone)):
        url, token = _debits_of(world, roles)
        with flame.sampled(name == "beside"), Spent(world) as spent:
            found[name] = _offer(world, url, token, seconds)
        costs[name] = spent.per(found[name]["requests"])
    beside, alone = found["beside"], {k: (v + found["alone_again"][k]) / 2 for k, v in found["alone"].items()}
    return {"p99": beside["p99_ms"] / alone["p99_ms"], "served": beside["served"], "served_alone": round(alone["served"], 3),
            "p50_ms_alone": round(alone["p50_ms"], 1), "p99_ms_alone": round(alone["p99_ms"], 1), "p50_ms_beside": beside["p50_ms"],
            "p99_ms_beside": beside["p99_ms"], "cpu_us_per_debit": costs["beside"], "cpu_us_alone": costs["alone"],
            "broker_us_per_event_while_warming": warming}
