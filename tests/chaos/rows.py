"""The rows R1 to R14 of the chaos suite: each does its harm to a running copy while writes go on, and tells its figures.

A row is a function of a World, a random.Random and the size of the run; words.py says what it does, and what it returns
are figures. What does not fit
afterwards is found by history.check(), for all rows alike; a row that expects something else says so.
"""
import collections
import contextlib
import random
import re
import signal
import threading
import time
import uuid
from array import array
from concurrent.futures import ThreadPoolExecutor

import psycopg
from client import eventually
from exhaust import broker_disk, clock, database_disk, descriptors, names
from ids import new_uuid7
from nxt.home import ROOT, SERVICES
from overload import horizon, overload
from sabotage import FAULTS
from storm import Storm
from topics import everything, messages

FAILPOINTS = dict(re.findall(r'X\((\w+), "(\w+)"', (ROOT / "libcommon/failpoint.h").read_text()))
# Where each fail point is hit. One lane a service: a killed consumer waits for its session to end, others need not.
LANES = {
    "finance": ["unit_before_commit", "db_commit_sent", "unit_after_commit", "reply_after_commit", "relay_lease_taken",
                "relay_before_produce", "relay_after_produce", "relay_reported", "relay_before_delete",
                "relay_after_delete"],
    "audit": ["consumer_polled", "consumer_applied"],
    "notify": ["consumer_before_offset", "consumer_before_lag", "mail_taken"],
    "profiles": ["dead_letter_put", "dead_letter_applied"],
}
LEASE_FREE = "UPDATE relay_lease SET deadline = '-infinity'"


@contextlib.contextmanager
def workers(count):
    """A pool, and the event at which its work ends early: the run is interrupted, or one of them has failed."""
    ended = threading.Event()
    with ThreadPoolExecutor(count) as pool:
        try:
            yield pool, ended
        finally:
            ended.set()


# ---- R1 ----

def kills(world, rand, size):
    with world.load(per_second=size["rate"]), Storm(world.stack, rand.random(), 3600, most=size["kills"]) as storm:
        storm.wait_for_end()
    return {"kills": storm.kills.total(), "of": dict(storm.kills)}


# ---- R2 ----

class Lane:
    """One service, killed at its fail points one after the other."""

    def __init__(self, world, service, seed, hits, ended):
        self.world, self.service, self.hits, self.ended = world, service, hits, ended
        self.daemon, self.random, self.count = world.stack.daemons[service], random.Random(seed), {}

    def run(self):
        for point in LANES[self.service]:
            self.count[point] = sum(self._hit(point) for _ in range(self.hits))
        self.world.daemon_env(self.service)
        self.world.stack.start(self.service)
        return self.count

    def _hit(self, point):
        """The daemon is started so that it dies at the point, and what leads there is done until it does."""
        if self.ended.is_set():
            return 0
        rare = point in ("relay_lease_taken", "consumer_before_lag", "mail_taken") or point.startswith("dead_letter")
        self.world.daemon_env(self.service, NXT_FAILPOINT=f"{point}:{1 if rare else self.random.randrange(1, 12)}")
        begin = self.daemon.process.log.stat().st_size
        self.world.sql(self.service, LEASE_FREE)
        self.daemon.start()
        end = time.monotonic() + 40
        while self.daemon.process.pid() is not None:
            self._provoke(point)
            assert time.monotonic() < end, f"{self.service} did not come to {point} within 40 s"
            time.sleep(0.05)
        assert f'failpoint: {point}"' in self.daemon.process.log_since(begin), f"{self.service} died before {point}: {self.daemon.process.log_tail(3)}"
        return 1

    def _provoke(self, point):
        if point == "mail_taken":
            self.world.some_mail()
        elif point == "dead_letter_put":
            self.world.send_garbage("user.registered")
        elif point == "dead_letter_applied":
            self.world.put_letter(self.service)


def failpoints(world, rand, size):
    with world.load(per_second=60), workers(len(LANES)) as (pool, ended):
        done = [pool.submit(Lane(world, s, rand.random(), size["hits"], ended).run) for s in LANES]
        counts = [d.result() for d in done]
    reached = {point: n for count in counts for point, n in count.items()}
    world.judge_letters()
    return {"points": len(reached), "hits": sum(reached.values()), "of": reached}


# ---- R4 ----

class LateCommits:
    """Writers straight into an outbox: those of one key exclude each other, as a row lock makes them; some keep their
    transaction open, some give it up."""
    ROWS = 25   # a transaction
    INSERT = """INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload)
        SELECT id, 'pricing', %s, 'pricing.changed', payload FROM unnest(%s::uuid[], %s::bytea[]) e (id, payload)"""

    def __init__(self, world, seed, size, ended):
        self.world, self.seed, self.size, self.ended = world, seed, size, ended
        self.keys = [str(uuid.UUID(int=seed << 96 | 7 << 76 | 2 << 62 | n)) for n in range(1, 201)]
        self.locks, self.version = [threading.Lock() for _ in self.keys], [0] * len(self.keys)
        self.message, self.rolled_back, self.committed = messages()["PricingChanged"], 0, 0

    def _events(self, key, after):
        """(ids, packed events) of the key's next versions."""
        event, ids, packed = self.message(id=key, name="Late"), [], []
        context = event.context
        context.aggregate_id, context.aggregate_type, context.action, context.status = key, "pricing", "UPDATE", "SUCCESS"
        context.occurred_at.GetCurrentTime()
        context.correlation_id = str(new_uuid7(int(1000 * time.time())))
        for version in range(after + 1, after + 1 + self.ROWS):
            context.event_id, context.aggregate_version = str(new_uuid7(int(1000 * time.time()))), version
            ids.append(context.event_id)
            packed.append(event.SerializeToString())
        return ids, packed

    def write(self, number):
        rand = random.Random(f"{self.seed} {number}")
        held = number < 4       # a few hold theirs open for long, once
        with psycopg.connect(self.world.env["NXT_DB_FINANCE"]) as db:
            while not self.ended.is_set() and (self.committed < self.size["late_events"] or held):
                at = rand.randrange(len(self.keys))
                with self.locks[at]:
                    self._transaction(db, at, rand, self.size["hold"] if held else rand.choice((0, 0, 0, 0.002, 0.02, 0.3)))
                held = False

    def _transaction(self, db, at, rand, seconds):
        db.execute(self.INSERT, (self.keys[at], *self._events(self.keys[at], self.version[at])))
        time.sleep(seconds)
        if rand.random() < 0.15:
            db.rollback()
            self.rolled_back += self.ROWS
            return
        db.commit()
        self.version[at] += self.ROWS
        self.committed += self.ROWS

    def broken(self):
        """What of the keys' stories is not 1, 2, 3, … to their end; an event that came twice counts once."""
        stories, strange = {key: array("q") for key in self.keys}, collections.Counter()
        for record in everything(self.world.env, "pricing.changed"):
            context = self.message.FromString(record.value()).context
            story, event = stories.get(context.aggregate_id), hash(context.event_id)
            if story is None:
                continue        # of another row's load
            if context.aggregate_version == len(story) + 1:
                story.append(event)
            elif event not in story[context.aggregate_version - 1:context.aggregate_version]:
                strange[context.aggregate_id] += 1
        return [f"{key}: {len(stories[key])} of {n} in order, {strange[key]} out of it"
                for key, n in zip(self.keys, self.version) if strange[key] or len(stories[key]) != n]

    def judge(self):
        self.world.settle()
        broken = self.broken()
        if broken:
            self.world.findings["order of a key broken"] = broken
        return broken


def late_commits(world, rand, size):
    with workers(64) as (pool, ended):
        late = LateCommits(world, rand.randrange(1, 2**31), size, ended)
        list(pool.map(late.write, range(64)))
    broken = late.judge()
    return {"events": sum(late.version), "rolled_back": late.rolled_back, "keys": len(late.keys), "held_s": size["hold"],
            "keys_broken": len(broken)}


# ---- R6 ----

def _lease_epochs(world, services):
    """Of all together; each take-over of a lease raises its epoch."""
    return sum(world.sql(s, "SELECT epoch FROM relay_lease")[0]["epoch"] for s in services)


def _relay_of(*daemons):
    """Who of them holds the lease."""
    return eventually("one holds the lease", lambda: next((d for d in daemons if "nxt_relay_active 1\n" in d.metrics()), None), 30)


def stopped(world, rand, size):
    services = ("finance", "audit", "notify")
    rounds, before = -(-size["stops"] // len(services)), _lease_epochs(world, services)
    with world.replicas(services) as replicas, world.load(per_second=60):
        for _ in range(rounds):
            victims = [_relay_of(world.stack.daemons[s], replicas[s]) for s in services]
            for v in victims:
                v.process.signal(signal.SIGSTOP)
            time.sleep(7 + rand.uniform(0, 1))      # the lease lasts 5 s, the session 6 s
            for v in victims:
                v.process.signal(signal.SIGCONT)
            time.sleep(rand.uniform(0.2, 1.5))
    taken = _lease_epochs(world, services) - before
    if taken < rounds * len(services):
        world.findings["a stopped relay's lease was not taken over"] = [f"{taken} of {rounds * len(services)}"]
    return {"stops": rounds * len(services), "taken_over": taken}


# ---- R7 ----

def resend(world, rand, size):
    with world.load():
        eventually("some writes", lambda: len(world.history.writes) >= size["writes"], 120, 0.2)
    world.settle()
    before = world.hashes()
    again = world.send_again()
    for s in SERVICES:
        world.stack.stop(s)
        world.sql(s, "UPDATE consumer_offsets SET next_offset = 0")
    world.settle()
    changed = sorted(name for name, value in world.hashes().items() if before.get(name) != value)
    if changed:
        world.findings["tables differ after everything came again"] = changed
    return {"sent_again": again, "tables": len(before), "changed": len(changed)}


# ---- R9 ----

def away(world, rand, size):
    before = world.history.refused
    with world.load(per_second=100):
        world.stack.kill9("broker")
        written = len(world.history.writes)
        time.sleep(size["away"])
        meanwhile, refused = len(world.history.writes) - written, world.history.refused - before
        world.stack.start("kafka")
        world.stack.stop("postgres")
        starter = threading.Thread(target=world.stack.start, args=("postgres",))
        starter.start()
        eventually("PostgreSQL accepts", world.stack.postgres.answers, 60, 0.002)
        accepted, count = time.monotonic(), len(world.history.writes)
        eventually("the first write after it", lambda: len(world.history.writes) > count, 30, 0.002)
        first_ms = (time.monotonic() - accepted) * 1000
        starter.join()
    if refused or not meanwhile:
        world.findings["HTTP suffered from the broker"] = [f"{refused} refused, {meanwhile} written"]
    return {"away_s": size["away"], "written_meanwhile": meanwhile, "http_errors_meanwhile": refused,
            "first_success_after_postgres_ms": round(first_ms)}


# ---- R10 ----

def sabotage(world, rand, size):
    seen, before = {}, {}
    for what, (do, wanted) in FAULTS.items():
        do(world)
        found, _ = world.verdict()
        now = {k: v[0] for k, v in found.items()}
        seen[what] = {k: n - before.get(k, 0) for k, n in now.items() if n > before.get(k, 0)}
        if wanted not in seen[what]:
            seen["blind"] = [*seen.get("blind", []), f"{what}: {wanted} was not seen"]
        before = now
    world.ruined = True
    if "blind" in seen:
        world.findings["the harness is blind"] = seen["blind"]
    return seen


# ---- R11 ----

def _few_among_many(world, rand, size):
    """One that nobody can read among so many that audit can. How many those are."""
    many = {"late_events": size["garbage"] * size["apart"], "hold": 0}
    with workers(8) as (pool, ended):
        late = LateCommits(world, rand.randrange(1, 2**31), many, ended)
        writers = [pool.submit(late.write, n) for n in range(8)]
        for n in range(size["garbage"]):
            eventually("the next of so many", lambda: late.committed >= n * size["apart"], 120, 0.01)
            world.send_garbage("wallet.credited")
        for w in writers:
            w.result()
    late.judge()
    return late.committed


def undecodable(world, rand, size):
    among = _few_among_many(world, rand, size)
    with world.load(per_second=60):
        world.send_garbage("wallet.debited", 100, key=b"00000000-0000-7000-8000-0000000000ff")
        took = world.passes_by()
    world.settle()
    world.walk_through_dlq("notify")
    sent = sum(world.garbage.values())
    return {"sent": sent, "among": among, "dead_letters": world.judge_letters(), "other_keys_after_s": round(took, 2)}


# ---- R14 ----

def rolling(world, rand, size):
    with world.replicas() as replicas, world.gateway_over(replicas):
        before = world.history.refused
        with world.load(per_second=60):
            for _ in range(size["rolls"]):
                for s in SERVICES:
                    for one in (world.stack.daemons[s], replicas[s]):
                        one.stop()
                        one.start()
                        one.wait_ready()
        failed = world.history.refused - before
    if failed:
        world.findings["requests failed during a rolling restart"] = [f"{failed}"]
    return {"restarts": size["rolls"] * 2 * len(SERVICES), "failed": failed}


# R7 comes before the rows that send what nobody can read: its consumers read everything once more. What R4 sends every later
# row compares again. R10 ruins the copy.
ROWS = {"R1": kills, "R7": resend, "R2": failpoints, "R5": horizon, "R6": stopped, "R8": overload, "R9": away,
        "R11": undecodable, "R13": descriptors, "R13-disk": database_disk, "R13-bus": broker_disk, "R13-names": names,
        "R13-clock": clock, "R14": rolling, "R4": late_commits, "R10": sabotage}
# small is what ./nxt test runs; full are the numbers asked for. Times are judged where they were measured for long enough.
SIZES = {
    "small": {"kills": 6, "rate": 50, "hits": 1, "stops": 1, "writes": 150, "away": 8, "garbage": 10, "apart": 200,
              "late_events": 200000, "hold": 5, "horizon": 4, "rounds": 1, "overload": 3, "rolls": 1, "full": 5, "names": 12,
              "judged": False, "rows": ("R1", "R2", "R4", "R7", "R11", "R13", "R10")},
    "medium": {"kills": 60, "rate": None, "hits": 5, "stops": 24, "writes": 2000, "away": 60, "garbage": 50, "apart": 1000,
               "late_events": 200000, "hold": 30, "horizon": 30, "rounds": 2, "overload": 8, "rolls": 5, "full": 15,
               "names": 20, "judged": True},
    "full": {"kills": 1000, "rate": None, "hits": 50, "stops": 200, "writes": 20000, "away": 600, "garbage": 100, "apart": 10000,
             "late_events": 10**7, "hold": 30, "horizon": 60, "rounds": 3, "overload": 20, "rolls": 100, "full": 60,
             "names": 60, "judged": True},
}
