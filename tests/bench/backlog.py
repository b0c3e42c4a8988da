"""A backlog in an outbox, through Kafka, into audit_logs and audit_log_changes; against one SQL session
that inserts the same rows into the same tables."""
import time

import broker
import bus
import events
import flame
import footprint
from bus import position, wait_position
from cpu import Spent
from nxt.ui import NxtError

EVENTS = 1_000_000
BATCH = 500
WARM = 30_000       # events a round
TABLES = ("audit_logs", "audit_log_changes")


def _put(world, count):
    """So many events of one text and many aggregates into finance's outbox."""
    with world.superuser("finance") as db:
        payload = events.PriceChanges().one()[4]
        db.execute("""INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload)
            SELECT gen_random_uuid(), 'pricing', ('01920000-0000-7000-8000-' || (100000000000 + n %% 10000))::uuid, %s, %s
            FROM generate_series(1, %s) n""", (events.TYPE, payload, count))


def _warm(world):
    """A broker of some minutes of age is what the rates are of."""
    world.arrange(identity="api", finance="relay")

    def send():
        _put(world, WARM)
        world.drain("finance")
        return WARM
    return broker.warm(world, send)


def _pipeline(world, count):
    """Seconds from the start of finance's process, whose relay sends, to audit's last row."""
    world.arrange(identity="api", audit="consumer")
    world.catch_up("audit", events.TYPE)
    world.empty("audit", *TABLES)
    world.empty("finance", "outbox_events")
    events.fill(world, count)
    world.settle()
    with world.connect("audit") as db:
        until = position(db, events.TYPE) + count
        with Spent(world, "finance", "audit") as spent:
            begun = time.monotonic()
            world.arrange(identity="api", audit="consumer", finance="relay")
            wait_position(db, events.TYPE, until)
            seconds = time.monotonic() - begun
        peak = {s: round(footprint.peak_mb(world.pid(s)), 1) for s in ("finance", "audit")}
        _check(db, count)
    return seconds, spent.per(count), peak


def _check(db, count):
    found = [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
    if found != [count, 2 * count]:
        raise NxtError(f"audit holds {found} rows instead of {[count, 2 * count]}")


class _Batches:
    """Rows as the pipeline wrote them, in the order it wrote them, as binary arrays ready to be sent."""

    def __init__(self, db):
        self.columns = {table: self._columns(db, table) for table in TABLES}
        self.logs = self._arrays(db, "audit_logs", "SELECT *, row_number() OVER (ORDER BY tableoid, ctid) AS place FROM audit_logs")
        self.changes = self._arrays(db, "audit_log_changes", """SELECT c.*, l.place * 2 AS place FROM audit_log_changes c
            JOIN (SELECT id, row_number() OVER (ORDER BY tableoid, ctid) AS place FROM audit_logs) l ON l.id = c.audit_log_id""", 2)

    @staticmethod
    def _columns(db, table):
        """{column: type}"""
        return dict(db.execute("""SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum""", (table,)).fetchall())

    def _arrays(self, db, table, rows, each=1):
        """One list of binary arrays, a column each, per batch."""
        arrays = ", ".join(f"array_agg({c} ORDER BY place)" for c in self.columns[table])
        sql = f"SELECT {arrays} FROM ({rows}) t GROUP BY (place - {each}) / {BATCH * each} ORDER BY min(place)"
        found = db.pgconn.exec_params(sql.encode(), None, result_format=1)
        return [[found.get_value(row, column) for column in range(found.nfields)] for row in range(found.ntuples)]

    def insert(self, table):
        columns = self.columns[table]
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), 1))
        return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})".encode()


def _run(connection, what, *more):
    result = getattr(connection, what)(*more)
    if result.error_message:
        raise NxtError(f"the plain session: {result.error_message.decode()}")


def _plain(world, batches):
    """Seconds that one session needs: 500 events a transaction, prepared, everything at hand before."""
    world.arrange(identity="api")
    world.empty("audit", *TABLES)
    world.settle()
    with world.connect("audit") as db:
        for table in TABLES:
            _run(db.pgconn, "prepare", table.encode(), batches.insert(table))
        begun = time.monotonic()
        for logs, changes in zip(batches.logs, batches.changes, strict=True):
            _run(db.pgconn, "exec_", b"BEGIN")
            _run(db.pgconn, "exec_prepared", b"audit_logs", logs, [1] * len(logs))
            _run(db.pgconn, "exec_prepared", b"audit_log_changes", changes, [1] * len(changes))
            _run(db.pgconn, "exec_", b"COMMIT")
        return time.monotonic() - begun


def drain(world, seconds, count=EVENTS):
    """Pipeline, session, pipeline, session: the rates of each are of their summed times."""
    warming = _warm(world)
    first, cpu, peak = _pipeline(world, count)
    with world.superuser("audit") as db:
        batches = _Batches(db)
    plain = _plain(world, batches)
    second, *_ = _pipeline(world, count)
    plain_again = _plain(world, batches)
    return {"ratio": (plain + plain_again) / (first + second), "mb": max(peak.values()), "peak_mb": peak,
            "events_per_s": round(2 * count / (first + second)), "plain_per_s": round(2 * count / (plain + plain_again)),
            "seconds": [round(x, 2) for x in (first, plain, second, plain_again)],
            "events": count, "cpu_us_per_event": cpu, "broker_us_per_event_while_warming": warming}


# ---- does a relay slow down as rows wait? ----

WAITING = 5_000_000
TENTH = WAITING // 10


def deep(world, seconds):
    """The rate at which the relay sends the first tenth of WAITING rows, against that of the last tenth."""
    warming = _warm(world)
    world.arrange(identity="api")
    world.empty("finance", "outbox_events")
    _put(world, WAITING)
    with world.superuser("finance") as db:
        db.execute("VACUUM ANALYZE outbox_events")
    world.settle()
    brokers = world.stack.bus.brokers
    first = bus.end(brokers, events.TYPE)
    world.arrange(identity="api", finance="relay")
    with flame.sampled():
        marks = {sent: _when_sent(brokers, first + sent) for sent in (TENTH // 5, TENTH, WAITING - TENTH, WAITING)}
    rates = {"deep": (TENTH - TENTH // 5) / (marks[TENTH] - marks[TENTH // 5]),
             "shallow": TENTH / (marks[WAITING] - marks[WAITING - TENTH])}
    peak = footprint.peak_mb(world.pid("finance"))
    world.drain("finance")
    return {"ratio": rates["deep"] / rates["shallow"], "mb": peak, **{f"{k}_per_s": round(v) for k, v in rates.items()},
            "all_per_s": round((WAITING - TENTH // 5) / (marks[WAITING] - marks[TENTH // 5])),
            "broker_us_per_event_while_warming": warming}


def _when_sent(brokers, until):
    """The moment at which the topic's ends have come so far."""
    begun = time.monotonic()
    while bus.end(brokers, events.TYPE) < until:
        if time.monotonic() > begun + bus.SECONDS:
            raise NxtError(f"the relay did not send {until} rows in {bus.SECONDS} s")
        time.sleep(0.01)
    return time.monotonic()
