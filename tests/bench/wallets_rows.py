"""The durable write: debits of wallets against pgbench, all on one wallet, and what an event adds to the log."""
import re
import time

import wallets
from cpu import Spent
from load import CONNECTIONS, Yardstick, wrk


def _ready(world):
    """finance alone, its wallets full; the address, and a caller."""
    world.arrange(identity="api", finance="api")
    wallets.seed(world)
    return world.stack.daemons["finance"].url, world.sign_in()


def _load(world, url, token, seconds, count=wallets.WALLETS):
    """On fresh tables: what the last load left makes every one slower."""
    wallets.seed(world)
    world.settle()
    wrk(url, wallets.debits(url, token, count), 1)
    with Spent(world, "finance") as spent:
        got = wrk(url, wallets.debits(url, token, count), seconds)
    return got, spent


def debit(world, seconds):
    """pgbench does the same as one statement and, for comparison, as a transaction of several."""
    url, token = _ready(world)
    wrk(url, wallets.debits(url, token), 1)
    fast = Yardstick(world, "finance", wallets.one_statement(world), seconds)
    plain = Yardstick(world, "finance", wallets.transaction(world), seconds)
    for yardstick in (fast, plain):
        wallets.seed(world)
        yardstick.before()
    got, spent = _load(world, url, token, seconds)
    for yardstick in (fast, plain):
        wallets.seed(world)
        yardstick.after()
    wallets.seed(world)
    pgbench_p99_ms = fast.p99_ms(CONNECTIONS)
    return {"ratio": got["rate"] / fast.rate, "to_transaction": got["rate"] / plain.rate, "p99_ms": got["p99_ms"],
            "cpu_to_postgres": spent.seconds["finance"] / spent.seconds["postgres"],
            "requests_per_s": round(got["rate"]), "p50_ms": got["p50_ms"], "transaction_tps": round(plain.rate),
            "pgbench_p99_ms": pgbench_p99_ms,
            **fast.details(), **spent.against(fast.spent, got["requests"])}


def one_wallet(world, seconds):
    """Spread, one, spread, one."""
    url, token = _ready(world)
    rates = {wallets.WALLETS: [], 1: []}
    for count in (wallets.WALLETS, 1) * 2:
        got, _ = _load(world, url, token, seconds / 2, count)
        rates[count].append(got["rate"])
    spread, one = (sum(rates[count]) / 2 for count in (wallets.WALLETS, 1))
    return {"ratio": one / spread, "one_per_s": round(one), "spread_per_s": round(spread)}


# ---- bytes of the log ----

def _log_bytes(db, statement, times=500):
    """Bytes of log a run of it, full-page images left out."""
    ask = "SELECT wal_bytes - wal_fpi * 8192 FROM pg_stat_wal"
    for run in (0, 1):
        db.execute("CHECKPOINT")
        time.sleep(0.5)
        before = db.execute("SELECT pg_stat_force_next_flush()", prepare=False) and db.execute(ask).fetchone()[0]
        for n in range(times):
            db.execute(statement.replace(":i", str(800_000_000_000 + run * times + n)).replace(":w", str(wallets.FIRST + n)))
        db.execute("SELECT pg_stat_force_next_flush()")
        after = db.execute(ask).fetchone()[0]
    return float(after - before) / times


def log_bytes(world, seconds):
    """The debit as one statement, with its event and without, on an otherwise quiet server."""
    url, token = _ready(world)
    wrk(url, wallets.debits(url, token), 1)
    found = {}
    for name, script in (("with_event", wallets.one_statement(world)), ("without", wallets.one_statement(world, event=False))):
        wallets.seed(world)
        world.arrange(identity="api")
        with world.superuser("finance") as db:
            found[name] = _log_bytes(db, re.sub(r"^\\set.*\n", "", script, flags=re.M).rstrip(";\n"))
        world.arrange(identity="api", finance="api")
    return {"ratio": found["with_event"] / found["without"], **{k: round(v) for k, v in found.items()}}
