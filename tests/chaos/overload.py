"""R5 and R8: what is asked of one daemon at a steady rate, and at more than it can do."""
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import psycopg
from beside import Beside
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from nxt import build
from nxt.home import SERVICES
from nxt.loads import Server
from nxt.records import percentile
from open_loop import Debits, Memory
from topics import messages

# ---- R5 ----

RATE, WARM_S, TOPIC = 300, 2, "wallet.debited"


class Onlooker(Beside):
    """A foreign consumer that notes when each debit came by, by its reference."""

    def __init__(self, env):
        super().__init__()
        self.consumer = Consumer({"bootstrap.servers": env["NXT_KAFKA_BROKERS"], "group.id": "onlooker",
                                  "enable.auto.commit": False, "fetch.wait.max.ms": 5})
        partitions = self.consumer.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions
        self.consumer.assign([TopicPartition(TOPIC, p, OFFSET_END) for p in partitions])
        self.came = {}

    def go_on(self):
        decode = messages()["WalletDebited"].FromString
        while not self.over.is_set():
            record = self.consumer.poll(0.05)
            if record is not None and record.error() is None:
                self.came.setdefault(decode(record.value()).reference_id, time.time())

    def __exit__(self, *raised):
        super().__exit__(*raised)
        self.consumer.close()


@contextlib.contextmanager
def commit_times(world):
    """PostgreSQL notes when each transaction was committed."""
    postgres = world.stack.postgres

    def note(how):
        postgres.psql(f"ALTER SYSTEM {how}")
        world.stack.restart("postgres")
        world.settle()
    note("SET track_commit_timestamp = on")
    try:
        yield
    finally:
        note("RESET track_commit_timestamp")


def _delays(world, seconds):
    """Milliseconds from the commit of each debit to its arrival at an outside consumer."""
    before = len(world.history.writes)
    with Onlooker(world.env) as seen:
        Debits(world).run(64, (RATE, WARM_S + seconds))
        world.settle()
    mine = [w.key for w in world.history.writes[before + WARM_S * RATE:]]
    rows = world.sql("finance", "SELECT reference_id::text AS id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float AS at"
                                " FROM tracecoin_ledger WHERE reference_id = ANY (%s::uuid[])", mine)
    return [1000 * (seen.came[r["id"]] - r["at"]) for r in rows if r["id"] in seen.came]


@contextlib.contextmanager
def _held_open(world):
    """A transaction that has written and stays open, in the database of another service."""
    with psycopg.connect(world.env["NXT_DB_SUPERUSER"].rsplit("/", 1)[0] + "/nxt_marketplace") as db:
        db.execute("CREATE TEMP TABLE held AS SELECT pg_current_xact_id()")
        yield
        db.rollback()


def horizon(world, rand, size):
    delays = {False: [], True: []}
    world.token = world.renew(world.token)
    with commit_times(world):
        for held in (False, True) * size["rounds"]:
            with _held_open(world) if held else contextlib.nullcontext():
                delays[held] += _delays(world, size["horizon"])
    p99 = {held: percentile(values, 99) for held, values in delays.items()}
    ratio = p99[True] / p99[False]
    if ratio > 1.2 and size["judged"]:
        world.findings["the relay suffers from another database's transaction"] = [f"p99 {ratio:.2f} times"]
    return {"held_s": size["horizon"], "events": len(delays[True]), "p50_ms": round(percentile(delays[False], 50), 1),
            "p50_held_ms": round(percentile(delays[True], 50), 1), "p99_ms": round(p99[False], 1),
            "p99_held_ms": round(p99[True], 1), "ratio": round(ratio, 2)}


# ---- R8: the generator has its share of the same processors, which those who are let in lack ----

CLIENTS, CROWD, FACTOR = (64, 256), 4000, 4


def _good(answers):
    return [a for a in answers if a.status == 200]


def _between(answers, begin_s, end_s):
    return [a for a in answers if begin_s * 1e6 <= a.due_us < end_s * 1e6]


def _normal_after(answers, end_s, limit_us):
    """Seconds until, in a tenth of a second, all is served and nearly all of it soon."""
    last = answers[-1].due_us / 1e6
    tenths = 0
    while end_s + tenths / 10 < last:
        window = _between(answers, end_s + tenths / 10, end_s + (tenths + 1) / 10)
        if window and all(a.status == 200 for a in window) and percentile([a.took_us for a in window], 99) <= limit_us:
            return tenths / 10
        tenths += 1
    return None


def _statuses(answers):
    found = {}
    for a in answers:
        found[a.status] = found.get(a.status, 0) + 1
    return found


def _peak(load, seconds):
    """(answers a second, p99 in µs, clients) where they are the most, each client asking again at once."""
    best = 0, 0, 0
    for clients in CLIENTS:
        good = _good(_between(load.run(clients, (0, 2), (0, seconds)), 2, 2 + seconds))
        best = max(best, (len(good) / seconds, percentile([a.took_us for a in good], 99), clients))
    return best


def _most_beside_refusals(world, load, rate, clients, seconds):
    """What part of the peak the machine has left where all above it is refused at the least cost there is: by a server
    that does nothing else, at a port of its own."""
    build.build(world.stack.preset, ("bare_loop",))     # tests/bench/bare_loop.c
    with Server(world.stack.preset, "bare_loop") as url, ThreadPoolExecutor(1) as beside:
        crowd = beside.submit(load.ask_another, urlsplit(url).port, CROWD, ((FACTOR - 1) * rate, seconds + 1))
        good = _good(_between(load.run(clients, (0, seconds)), 1, seconds))
        refused = _good(crowd.result())
    return {"most_goodput": round(len(good) / (seconds - 1) / rate, 2),
            "refused_there_per_s": round(len(_between(refused, 1, seconds)) / (seconds - 1))}


def _measure(world, size):
    load, pid, seconds = Debits(world), world.stack.daemons["finance"].process.pid(), size["overload"]
    with Memory(pid) as calm:
        rate, p99, clients = _peak(load, seconds)
    with Memory(pid) as crowded:
        answers = load.run(CROWD, (rate / 2, 2), (FACTOR * rate, seconds), (rate / 2, 4))
    over = _between(answers, 2, 2 + seconds)
    p99_over = percentile([a.took_us for a in _good(over)], 99)
    return {"peak_per_s": round(rate), "peak_p99_ms": round(p99 / 1000, 1), "offered_per_s": round(len(over) / seconds),
            "unsent": round(FACTOR * rate * seconds) - len(over), "goodput": round(len(_good(over)) / seconds / rate, 2), "p99_ms": round(p99_over / 1000, 1),
            "p99_times": round(p99_over / p99, 1), "rss_mb": round(calm.most, 1), "rss_times": round(crowded.most / calm.most, 2),
            "normal_after_s": _normal_after(answers, 2 + seconds, 3 * p99), "answers": _statuses(over),
            **_most_beside_refusals(world, load, rate, clients, seconds)}


LIMITS = {"goodput": (0.9, 99), "p99_times": (0, 3), "rss_times": (0, 2), "normal_after_s": (0, 1)}


@contextlib.contextmanager
def _alone(world):
    """Finance serves; the other daemons, and its own relay and consumer, rest."""
    world.daemon_env("finance", NXT_ROLES="api")
    world.stack.start("finance")
    try:
        for s in SERVICES:
            if s not in ("finance", "identity"):
                world.stack.stop(s)
        yield
    finally:
        world.daemon_env("finance")


def overload(world, rand, size):
    world.settle()
    world.token = world.renew(world.token)
    with _alone(world):
        found = _measure(world, size)
    odd = set(found["answers"]) - {200, 503}
    if odd:
        world.findings["answers that are neither an answer nor a refusal"] = [f"{found['answers']}"]
    if size["judged"]:
        world.findings.update({f"{what} beyond its limit": [found[what]] for what, (low, high) in LIMITS.items()
                               if found[what] is None or not low <= found[what] <= high})
    return found
