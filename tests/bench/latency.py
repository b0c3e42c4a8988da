"""From a commit in finance to the same event's row being visible in audit, at a steady rate."""
import itertools
import re
import selectors
import socket
import time
from urllib.parse import urlsplit

import broker
import events
import flame
import packages
from nxt.records import percentile
from nxt.ui import NxtError

RATE = 500
CONNECTIONS = 50
PATIENCE_S = 20
WARM_S = 10


class _Line:
    """One connection of the load, whose next request waits for the last answer."""

    def __init__(self, url):
        self.socket = socket.create_connection((url.hostname, url.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.came, self.free = b"", True

    def take(self):
        """Reads what is there. Returns the status of an answer that is now whole, or None."""
        came = self.socket.recv(65536)
        if not came:
            raise NxtError("the daemon closed a connection of the load")
        self.came += came
        head, blank, body = self.came.partition(b"\r\n\r\n")
        if not blank or len(body) < int(re.search(rb"(?i)\ncontent-length: *(\d+)", head)[1]):
            return None
        self.came, self.free = b"", True
        return int(head.split(b" ", 2)[1])


def _load(url, requests, seconds):
    """RATE requests a second, each at its own time, in one thread: the load must not be what costs most."""
    lines = [_Line(url) for _ in range(CONNECTIONS)]
    arrivals, statuses, sent = selectors.DefaultSelector(), [], 0
    for line in lines:
        arrivals.register(line.socket, selectors.EVENT_READ, line)
    begun = time.monotonic()
    while len(statuses) < RATE * seconds:
        if time.monotonic() > begun + seconds + PATIENCE_S:
            raise NxtError(f"{len(statuses)} of {sent} requests were answered")
        due = min(RATE * seconds, int((time.monotonic() - begun) * RATE))
        while sent < due and (line := next((x for x in lines if x.free), None)):
            line.free = False
            line.socket.sendall(requests[sent % len(requests)])
            sent += 1
        pause = begun + (sent + 1) / RATE - time.monotonic()
        for key, _ in arrivals.select(max(0.0005, pause)):
            if (status := key.data.take()) is not None:
                statuses.append(status)
    for line in lines:
        line.socket.close()
    return statuses


def _commit_times(world, service, sql, *words):
    with world.connect(service) as db:
        return dict(db.execute(sql, words).fetchall())


def _delays(world, first):
    """Milliseconds between the two commits of every event since, and how many are not there yet."""
    wrote = _commit_times(world, "finance", """SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))
        FROM pricing_packages WHERE created_at >= %s""", first)
    seen = _commit_times(world, "audit", """SELECT entity_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))
        FROM audit_logs WHERE entity_type = 'pricing' AND created_at >= %s""", first)
    return [float(1000 * (seen[i] - wrote[i])) for i in wrote if i in seen], len(wrote.keys() - seen.keys())


def commit_to_audit(world, seconds):
    """Everything runs as it always does; the load comes over HTTP."""
    world.arrange()
    world.drain("finance")
    world.catch_up("audit", events.TYPE)
    world.settle()
    url, token = world.stack.daemons["finance"].url, world.sign_in()
    requests = [text.encode() for text in packages.posts(url, token)]
    rounds = broker.warm(world, lambda: len(_load(urlsplit(url), requests, WARM_S)))
    with world.connect("finance") as db:
        first = db.execute("SELECT now()").fetchone()[0]
    with flame.sampled():
        statuses = _load(urlsplit(url), requests, 2 * seconds)
    for _ in range(100):
        delays, missing = _delays(world, first)
        if not missing:
            break
        time.sleep(0.1)
    refused = sum(s != 201 for s in statuses)
    if missing or refused:
        raise NxtError(f"{missing} of {len(delays) + missing} events never came to audit, {refused} requests were refused")
    return {"p50_ms": percentile(delays, 50), "p99_ms": percentile(delays, 99), "max_ms": round(max(delays), 1),
            "events": len(delays), "asked_per_s": RATE, "broker_us_per_event_while_warming": rounds}


# ---- faster than callers of this machine could write: straight into the outbox ----

STREAM_RATE = 5000
STREAM_EVERY_S = 0.01
INSERT = """INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers)
    SELECT id, 'pricing', aggregate, %s, payload, '{}' FROM unnest(%s::uuid[], %s::uuid[], %s::bytea[]) e (id, aggregate, payload)
    RETURNING pg_current_xact_id()::xid::text"""


def _stream(db, made, seconds):
    """{event id: the transaction that wrote it}; a transaction every STREAM_EVERY_S, late ones at once."""
    each, wrote, begun = round(STREAM_RATE * STREAM_EVERY_S), {}, time.monotonic()
    for n in range(round(seconds / STREAM_EVERY_S)):
        time.sleep(max(0, begun + n * STREAM_EVERY_S - time.monotonic()))
        rows = list(itertools.islice(made, each))
        xid = db.execute(INSERT, (events.TYPE, [r[0] for r in rows], [r[2] for r in rows], [r[4] for r in rows])).fetchone()[0]
        wrote.update((row[0], xid) for row in rows)
    return wrote, len(wrote) / (time.monotonic() - begun)


def stream_to_audit(world, seconds):
    """finance's relay and audit's consumer alone; the events are packed before, so that only their way is measured."""
    world.arrange(identity="api", finance="relay", audit="consumer")
    world.drain("finance")
    world.catch_up("audit", events.TYPE)
    make = events.PriceChanges()
    with world.superuser("finance") as db:
        made = iter([make.one() for _ in range(round(STREAM_RATE * 2 * seconds))])
        warming = broker.warm(world, lambda: len(_stream(db, (make.one() for _ in itertools.count()), WARM_S)[0]))
        world.drain("finance")
        world.catch_up("audit", events.TYPE)
        with flame.sampled():
            wrote, rate = _stream(db, made, 2 * seconds)
        world.drain("finance")
        world.catch_up("audit", events.TYPE)
        commits = dict(db.execute("SELECT x, extract(epoch FROM pg_xact_commit_timestamp(x::xid)) FROM unnest(%s::text[]) x",
                                  (sorted(set(wrote.values())),)).fetchall())
    seen = {str(i): t for i, t in _commit_times(world, "audit", """SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin))
        FROM audit_logs WHERE id = ANY (%s::uuid[])""", list(wrote)).items()}
    delays = [float(1000 * (seen[i] - commits[xid])) for i, xid in wrote.items() if i in seen]
    if len(delays) < len(wrote) or rate < 0.98 * STREAM_RATE:
        raise NxtError(f"{len(wrote) - len(delays)} of {len(wrote)} events never came to audit; {rate:.0f} a second were written"
                       f" instead of {STREAM_RATE}")
    return {"p50_ms": percentile(delays, 50), "p99_ms": percentile(delays, 99), "max_ms": round(max(delays), 1),
            "events": len(delays), "asked_per_s": STREAM_RATE, "written_per_s": round(rate), "broker_us_per_event_while_warming": warming}
