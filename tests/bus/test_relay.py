"""Outbox rows reach Kafka: all of them, in order for each key, whatever dies."""
import itertools
import random
import signal
import socket
import struct
import threading
import time
import uuid
from collections import defaultdict

from conftest import eventually
from freezer import Freezer
from mock_broker import NOT_LEADER_OR_FOLLOWER, MockBroker
from psycopg.conninfo import conninfo_to_dict, make_conninfo

FILL = """INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers)
SELECT gen_random_uuid(), 'lead', ('00000000-0000-7000-8000-' || lpad((i %% 500)::text, 12, '0'))::uuid, %s,
       int8send(i) || decode(repeat('61', 500), 'hex'),
       '{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}'
FROM generate_series(%s::bigint, %s::bigint) i"""
FILL_ONE = FILL.replace("lpad((i %% 500)::text, 12, '0')", "repeat('0', 12)")     # all of one key
TOPIC = "lead.opened"


def number(message):
    return struct.unpack(">q", message.value()[:8])[0]


def drained(bus):
    return eventually(lambda: bus.one("SELECT count(*) = 0 FROM outbox_events"), 120, "an empty outbox")


def check_complete(messages, numbers):
    """Every number is there, and per key each first occurrence is above the ones before."""
    seen, last = set(), defaultdict(int)
    for m in messages:
        n = number(m)
        if n not in seen:
            assert n > last[m.key()], f"{n} after {last[m.key()]} of {m.key()}"
            last[m.key()] = n
            seen.add(n)
    assert seen == set(numbers)


def read_all(bus, begin, numbers):
    wanted = set(numbers)

    def complete(messages):
        return len(messages) >= len(wanted) and wanted <= {number(m) for m in messages}
    return bus.read(TOPIC, begin, complete)


def test_a_backlog_is_drained_in_order_without_doubles(bus):
    begin = bus.ends(TOPIC)
    bus.sql(FILL, TOPIC, 1, 200_000)
    began = time.monotonic()
    bus.probe("relay")
    drained(bus)
    print(f"200,000 rows in {time.monotonic() - began:.1f} s")
    messages = read_all(bus, begin, range(1, 200_001))
    check_complete(messages, range(1, 200_001))
    assert len(messages) == 200_000


def test_headers_are_cloudevents(bus):
    begin = bus.ends(TOPIC)
    event_id, aggregate_id = str(uuid.uuid4()), str(uuid.uuid4())
    bus.sql("INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers, created_at) VALUES "
            "(%s, 'lead', %s, 'lead.opened', 'x', '{\"traceparent\": \"00-0af7651916cd43dd8448eb211c80319c-"
            "b7ad6b7169203331-01\"}', '2026-11-02T09:30:00.123456Z')", event_id, aggregate_id)
    bus.probe("relay")
    message = bus.read(TOPIC, begin, bool)[0]
    assert message.key().decode() == aggregate_id
    assert {k: v.decode() for k, v in message.headers()} == {
        "ce_specversion": "1.0", "ce_id": event_id, "ce_type": TOPIC, "ce_source": "/nxtgauge/marketplace",
        "ce_subject": aggregate_id, "ce_time": "2026-11-02T09:30:00.123456Z", "ce_partitionkey": aggregate_id,
        "ce_dataschema": "nxtgauge.events.v1.LeadOpened", "content-type": "application/protobuf",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def test_kill_9_loses_nothing(bus):
    begin = bus.ends(TOPIC)
    for start in range(1, 60_001, 20_000):
        bus.sql(FILL, TOPIC, start, start + 19_999)
        probe = bus.probe("relay")
        eventually(lambda: probe.logged("relay: active"), 15)
        time.sleep(random.uniform(0.05, 0.6))
        probe.kill9()
        bus.sql("UPDATE relay_lease SET deadline = '-infinity'")    # five seconds less to wait
    bus.probe("relay")
    drained(bus)
    check_complete(read_all(bus, begin, range(1, 60_001)), range(1, 60_001))


def test_a_stopped_relay_is_replaced_and_finds_out(bus):
    begin = bus.ends(TOPIC)
    first = bus.probe("relay")
    eventually(lambda: first.logged("relay: active"), 15)
    second = bus.probe("relay")
    bus.sql(FILL, TOPIC, 1, 30_000)
    time.sleep(0.3)
    first.signal(signal.SIGSTOP)
    bus.sql(FILL, TOPIC, 30_001, 40_000)
    eventually(lambda: second.logged("relay: active"), 15, "a takeover")
    first.signal(signal.SIGCONT)
    eventually(lambda: first.logged("relay: replaced"), 15, "the first one noticing")
    bus.sql(FILL, TOPIC, 40_001, 50_000)
    drained(bus)
    check_complete(read_all(bus, begin, range(1, 50_001)), range(1, 50_001))


def test_late_commits_keep_the_order_of_their_key(bus):
    """Transactions overlap, wait and roll back; those of one key exclude each other, as a row lock makes them."""
    begin = bus.ends(TOPIC)
    locks, counter, published = [threading.Lock() for _ in range(20)], iter(range(1, 10**9)), []
    guard, stop = threading.Lock(), time.monotonic() + 8

    def write():
        with bus.connect() as pg:
            while time.monotonic() < stop:
                key = random.randrange(20)
                with locks[key]:
                    with guard:
                        n = next(counter)
                    pg.execute("INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload) VALUES "
                               "(gen_random_uuid(), 'lead', %s, %s, int8send(%s))",
                               (f"00000000-0000-7000-8000-{key:012}", TOPIC, n))
                    time.sleep(random.choice([0, 0, 0, 0.002, 0.02, 0.3]))
                    if random.random() < 0.15:
                        pg.rollback()
                    else:
                        pg.commit()
                        published.append(n)
    bus.probe("relay")
    writers = [threading.Thread(target=write) for _ in range(12)]
    [w.start() for w in writers]
    [w.join() for w in writers]
    drained(bus)
    messages = read_all(bus, begin, published)
    check_complete(messages, published)
    assert len(messages) == len(published)


def test_a_very_late_commit_below_everything_is_found(bus):
    begin = bus.ends(TOPIC)
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    with bus.connect() as pg:
        pg.execute(FILL, (TOPIC, 1, 3))
        bus.sql(FILL, TOPIC, 100, 5000)
        time.sleep(3)
        pg.commit()
    drained(bus)
    numbers = [1, 2, 3, *range(100, 5001)]
    assert sorted(number(m) for m in read_all(bus, begin, numbers)) == numbers


def test_a_row_that_was_put_far_below_is_swept_up(bus):
    begin = bus.ends(TOPIC)
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    bus.sql(FILL, TOPIC, 1, 10)
    drained(bus)
    bus.sql("INSERT INTO outbox_events (seq, id, aggregatetype, aggregateid, type, payload) VALUES "
            "(-5, gen_random_uuid(), 'lead', gen_random_uuid(), 'lead.opened', int8send(99))")
    drained(bus)
    assert {number(m) for m in read_all(bus, begin, [*range(1, 11), 99])} == {*range(1, 11), 99}


def test_a_missing_topic_blocks_only_itself(bus):
    begin = bus.ends(TOPIC)
    name = f"late.t{uuid.uuid4().hex[:8]}"
    bus.sql(FILL, name, 1, 50)
    bus.sql(FILL, TOPIC, 1, 5000)
    probe = bus.probe("relay")
    read_all(bus, begin, range(1, 5001))
    eventually(lambda: probe.logged(f"{name} cannot be published"), 20)
    bus.sql(FILL, TOPIC, 5001, 6000)
    read_all(bus, begin, range(1, 6001))
    eventually(lambda: bus.one("SELECT count(*) FROM outbox_events") == 50)
    bus.create_topic(name, partitions=1)
    drained(bus)
    assert [number(m) for m in bus.read(name, {0: 0}, lambda m: len(m) >= 50)] == list(range(1, 51))


def arrivals(bus, names):
    """(topic of one partition, its numbers in the order in which each came first)"""
    for name, ends in bus.ends_of(*names).items():
        end, = ends.values()
        yield name, list(dict.fromkeys(number(m) for m in bus.read(name, {0: 0}, lambda m, end=end: len(m) >= end)))


def test_no_row_passes_one_that_was_skipped(bus):
    """Of a topic that comes to be while rows of one key are written all the time, the first read comes first: at the moment
    in which its block ends too, which one of many topics meets."""
    names = [f"late.t{uuid.uuid4().hex[:8]}" for _ in range(40)]
    ended = threading.Event()

    def write():
        with bus.connect() as pg:
            pg.autocommit = True
            for n in itertools.count(1):
                if ended.is_set():
                    return
                pg.execute("INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload) SELECT gen_random_uuid(),"
                           " 'lead', '00000000-0000-7000-8000-000000000001', t, int8send(%s) FROM unnest(%s::text[]) t", (n, names))
                time.sleep(0.002)
    writer = threading.Thread(target=write)
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    writer.start()
    try:
        eventually(lambda: all(probe.logged(f"{name} cannot be published") for name in names), 20)
        bus.create_topic(*names, partitions=1)
        time.sleep(3)       # some blocks end meanwhile
    finally:
        ended.set()
        writer.join()
    drained(bus)
    for name, came in arrivals(bus, names):
        assert came == sorted(came), name


def test_no_row_passes_one_that_was_refused(bus):
    """Topics that refuse what is more than two milliseconds old refuse some of a key's rows, and would take the next."""
    names = [f"late.t{uuid.uuid4().hex[:8]}" for _ in range(5)]
    for name in names:
        bus.create_refusing(name, "2")
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    for n in range(1, 10_001, 2500):
        for name in names:
            bus.sql(FILL_ONE, name, n, n + 2499)
    eventually(lambda: probe.logged(f"{names[0]} cannot be published"), 20, "a refusal")
    for name in names:
        bus.create_refusing(name, str(2**63 - 1))
    drained(bus)
    for name, came in arrivals(bus, names):
        assert came == list(range(1, 10_001)), name


def test_what_a_broker_refuses_for_now_is_published_before_what_follows(bus):
    """As one does that is just starting, and then takes the next request: where it knows nothing of the producer yet it asks
    for no sequence. librdkafka tells such a batch as delivered when a later one was."""
    with MockBroker(TOPIC) as broker:
        probe = bus.probe("relay", NXT_KAFKA_BROKERS=broker.brokers)
        bus.sql(FILL_ONE, TOPIC, 1, 1)
        drained(bus)
        broker.answer_after(300)
        broker.refuse_next_produce(NOT_LEADER_OR_FOLLOWER)
        for n in range(2, 41):
            bus.sql(FILL_ONE, TOPIC, n, n)
            time.sleep(0.02)    # few come at once: librdkafka keeps five messages of a partition on their way
        drained(bus)
        messages = bus.read(TOPIC, {0: 0}, lambda m: len(m) >= 39 and 40 in map(number, m), broker.brokers)
        assert [number(m) for m in messages] == list(range(1, 41))
        probe.stop()


def test_a_topic_without_a_leader_holds_up_no_other(bus):
    """Where a row cannot even be handed over, reading goes back to it, which waits for all that is on its way: not for ever."""
    without = f"late.t{uuid.uuid4().hex[:8]}"
    with MockBroker(TOPIC, without) as broker:
        probe = bus.probe("relay", NXT_KAFKA_BROKERS=broker.brokers)
        bus.sql(FILL_ONE, TOPIC, 1, 1)
        drained(bus)
        broker.take_leader(without)
        bus.sql(FILL_ONE, without, 1, 5)
        bus.sql("INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload) VALUES"
                " (gen_random_uuid(), 'lead', gen_random_uuid(), 'lead.closed', decode(repeat('00', 1200000), 'hex'))")
        eventually(lambda: probe.logged("lead.closed cannot be published"), 15)
        time.sleep(0.5)     # its block of 0.1 s ends: reading is to go back
        bus.sql(FILL_ONE, TOPIC, 2, 40)
        messages = bus.read(TOPIC, {0: 0}, lambda m: len(set(map(number, m))) >= 40, broker.brokers)
        assert list(dict.fromkeys(map(number, messages))) == list(range(1, 41))
        assert bus.one("SELECT count(*) FROM outbox_events WHERE type = %s", without) == 5


def with_first(known, port):
    """Where the database is, with a server at this port before it."""
    return make_conninfo(**{**known, "host": f"127.0.0.1,{known['host']}", "port": f"{port},{known['port']}"})


def test_a_server_that_does_not_greet_is_left_for_the_next(bus):
    """As one that is frozen while its kernel goes on accepting."""
    known = conninfo_to_dict(bus.postgres.runtime_url("marketplace"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = bus.probe("relay", NXT_DATABASE_URL=with_first(known, silent.getsockname()[1]))
        eventually(lambda: probe.logged("relay: active"), 20, "a relay of the second server")


def test_a_server_that_falls_silent_is_left_for_the_next(bus):
    """Its kernel keeps the sessions. Who goes on finds another that greets, and leaves those behind too."""
    known = conninfo_to_dict(bus.postgres.runtime_url("marketplace"))
    with Freezer(known["host"], int(known["port"])) as freezer:
        probe = bus.probe("relay", NXT_DATABASE_URL=with_first(known, freezer.port))
        begin = bus.ends(TOPIC)
        bus.sql(FILL, TOPIC, 1, 10)
        drained(bus)
        assert freezer.sessions > 0
        freezer.freeze()
        bus.sql(FILL, TOPIC, 11, 20)
        drained(bus)
        check_complete(read_all(bus, begin, range(1, 21)), range(1, 21))
        probe.stop()


def test_a_lease_of_a_clock_that_was_set_back_is_free(bus):
    """Its owner ended, and its deadline lies an hour ahead."""
    bus.sql("UPDATE relay_lease SET deadline = clock_timestamp() + interval '1 hour', owner = gen_random_uuid()")
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)


def test_kafka_away_and_back(bus):
    begin = bus.ends(TOPIC)
    bus.sql(FILL, TOPIC, 1, 40_000)
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    time.sleep(0.2)
    bus.kafka.process.kill9()
    bus.sql(FILL, TOPIC, 40_001, 50_000)
    time.sleep(3)
    assert bus.one("SELECT count(*) FROM outbox_events") >= 10_000
    bus.kafka.start()
    drained(bus)
    check_complete(read_all(bus, begin, range(1, 50_001)), range(1, 50_001))
    probe.stop()


def test_the_database_away_and_back(bus):
    begin = bus.ends(TOPIC)
    bus.sql(FILL, TOPIC, 1, 30_000)
    probe = bus.probe("relay")
    eventually(lambda: probe.logged("relay: active"), 15)
    time.sleep(0.2)
    bus.postgres.process.kill9()
    time.sleep(1)
    bus.postgres.start()
    bus.sql(FILL, TOPIC, 30_001, 31_000)
    drained(bus)
    check_complete(read_all(bus, begin, range(1, 31_001)), range(1, 31_001))


def test_a_number_that_was_given_twice_is_published_twice(bus):
    """As after a failover to a standby that lacks the last commits: rows of the same numbers are others."""
    begin = bus.ends(TOPIC)
    bus.sql(FILL, TOPIC, 1, 10)
    with bus.connect() as pg:
        rows = pg.execute("SELECT seq FROM outbox_events ORDER BY seq FOR UPDATE").fetchall()
        bus.probe("relay")
        eventually(lambda: bus.one("SELECT count(*) FROM pg_locks WHERE NOT granted"), 15, "a DELETE that waits")
        pg.execute("DELETE FROM outbox_events")
        pg.cursor().executemany("INSERT INTO outbox_events (seq, id, aggregatetype, aggregateid, type, payload) VALUES "
                                "(%s, gen_random_uuid(), 'lead', gen_random_uuid(), 'lead.opened', int8send(%s))",
                                [(seq, 101 + n) for n, (seq,) in enumerate(rows)])
        bus.end_sessions("nxt-marketplace-relay")
    drained(bus)
    numbers = [*range(1, 11), *range(101, 111)]
    assert {number(m) for m in read_all(bus, begin, numbers)} == set(numbers)
