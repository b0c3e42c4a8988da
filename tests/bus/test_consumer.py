"""Events have their effect exactly once: bus_probe counts jobs, and counting twice would show."""
import json
import random
import signal
import subprocess
import threading
import time
import uuid

import pytest
from conftest import BIN, SUBSCRIBED, eventually
from mock_broker import TOPIC_AUTHORIZATION_FAILED, MockBroker

TOPIC = "job.changed"


def job(n):
    return f"00000000-0000-7000-9000-{n:012}"


def jobs(make_event, numbers, version=1, title="counted"):
    return [(job(n).encode(), make_event("JobChanged", job(n), version, title=title)) for n in numbers]


def counted(bus, n):
    return eventually(lambda: bus.one("SELECT count(*) FROM bus_counts") >= n, 60, f"{n} counts")


def no_doubles(bus, n):
    assert bus.sql("SELECT n, count(*) FROM bus_counts GROUP BY 1") == [(1, n)]
    assert bus.one("SELECT count(*) FROM dead_letters") == 0


def positions(bus):
    return dict(bus.sql("SELECT partition, next_offset FROM consumer_offsets WHERE topic = %s", TOPIC))


@pytest.fixture(params=["reactions", "batch"])
def how(request, monkeypatch):
    """What the probes are: one that reacts to each event, or one that takes batches, in three lanes."""
    monkeypatch.setenv("BUS_PROBE", request.param)


def test_each_event_counts_once_and_the_position_follows(bus, make_event):
    bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, range(5000)))
    counted(bus, 5000)
    no_doubles(bus, 5000)
    eventually(lambda: positions(bus) == bus.ends(TOPIC))
    event, correlation = bus.sql("SELECT causation, correlation FROM bus_order LIMIT 1")[0]
    assert event and correlation == "0af76519-16cd-43dd-8448-eb211c80319c"


def test_order_within_a_key(bus, make_event, how):
    bus.publish(TOPIC, [m for v in range(1, 41) for m in jobs(make_event, range(50), v)])
    bus.probe("consumer")
    eventually(lambda: bus.one("SELECT count(*) FROM bus_order") == 2000)
    assert bus.one("SELECT bool_and(version = place) FROM (SELECT version, row_number() OVER "
                   "(PARTITION BY aggregate_id ORDER BY seq) AS place FROM bus_order) t")


def test_kill_9_counts_nothing_twice(bus, make_event, how):
    stop = threading.Event()

    def publish():
        for start in range(0, 12_000, 200):
            bus.publish(TOPIC, jobs(make_event, range(start, start + 200)))
            time.sleep(0.1)
        stop.set()
    publisher = threading.Thread(target=publish)
    publisher.start()
    while not stop.is_set():
        probe = bus.probe("consumer")
        time.sleep(random.uniform(3, 9))
        probe.kill9()
    publisher.join()
    bus.probe("consumer")
    counted(bus, 12_000)
    no_doubles(bus, 12_000)


def test_two_share_the_work_and_one_leaves(bus, make_event, how):
    first = bus.probe("consumer")
    eventually(lambda: first.logged("partitions"), 20)
    bus.publish(TOPIC, jobs(make_event, range(3000)))
    second = bus.probe("consumer")
    eventually(lambda: second.logged("partitions"), 20)
    bus.publish(TOPIC, jobs(make_event, range(3000, 6000)))
    counted(bus, 4000)
    first.stop()
    bus.publish(TOPIC, jobs(make_event, range(6000, 7000)))
    counted(bus, 7000)
    no_doubles(bus, 7000)


def test_a_stopped_consumer_that_revives_does_no_harm(bus, make_event, how):
    first, second = bus.probe("consumer"), bus.probe("consumer")
    eventually(lambda: first.logged("partitions") and second.logged("partitions"), 20)
    bus.publish(TOPIC, jobs(make_event, range(2000)))
    time.sleep(0.1)
    first.signal(signal.SIGSTOP)
    bus.publish(TOPIC, jobs(make_event, range(2000, 4000)))
    counted(bus, 4000)      # once the group has noticed
    first.signal(signal.SIGCONT)
    bus.publish(TOPIC, jobs(make_event, range(4000, 5000)))
    counted(bus, 5000)
    time.sleep(1)
    no_doubles(bus, 5000)


def test_another_owner_moved_the_position(bus, make_event, how):
    """As if another consumer had applied what is still to come: our transaction fails and we go on behind it."""
    probe = bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, range(300)))
    counted(bus, 300)
    with bus.connect() as pg:       # the position is locked while the events arrive
        pg.execute("UPDATE consumer_offsets SET next_offset = next_offset + 100000 WHERE topic = %s", (TOPIC,))
        bus.publish(TOPIC, jobs(make_event, range(300, 400)))
        time.sleep(1)
        ends = bus.ends(TOPIC)
        for partition, offset in ends.items():
            pg.execute("UPDATE consumer_offsets SET next_offset = %s WHERE topic = %s AND partition = %s",
                       (offset, TOPIC, partition))
        pg.commit()
    eventually(lambda: probe.logged("another owner moved"), 20)
    bus.publish(TOPIC, jobs(make_event, range(400, 500)))
    counted(bus, 400)
    time.sleep(1)
    assert bus.one("SELECT count(*) FROM bus_counts WHERE aggregate_id BETWEEN %s AND %s", job(300), job(399)) == 0
    no_doubles(bus, 400)


def test_a_database_that_forgot_is_followed_back(bus, make_event, how):
    """As after a failover to a standby that lacks the last commits: nothing more comes, and yet all is counted again."""
    bus.probe("consumer")
    begin = positions(bus)
    bus.publish(TOPIC, jobs(make_event, range(300)))
    counted(bus, 300)
    with bus.connect() as pg:
        pg.execute("TRUNCATE bus_counts")
        for partition, offset in begin.items():
            pg.execute("UPDATE consumer_offsets SET next_offset = %s WHERE topic = %s AND partition = %s",
                       (offset, TOPIC, partition))
    bus.end_sessions("nxt-marketplace")
    counted(bus, 300)
    no_doubles(bus, 300)


def commit_unheard(bus, make_event):
    """As where the COMMIT of job 1's second version was written and PostgreSQL ended before it answered. Returns its partition."""
    bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, [1]))
    counted(bus, 1)
    before = positions(bus)
    with bus.connect() as pg:
        pg.execute("LOCK TABLE bus_counts IN EXCLUSIVE MODE")
        bus.publish(TOPIC, jobs(make_event, [1], version=2))
        eventually(lambda: bus.one("SELECT count(*) FROM pg_locks WHERE NOT granted"), 15, "a batch in flight")
        partition = next(p for p, end in bus.ends(TOPIC).items() if end > before[p])
        pg.execute("UPDATE consumer_offsets SET next_offset = next_offset + 1 WHERE topic = %s AND partition = %s",
                   (TOPIC, partition))
        bus.end_sessions("nxt-marketplace")
    return partition


def test_a_batch_in_flight_while_its_position_moves_silences_nothing(bus, make_event, how):
    commit_unheard(bus, make_event)
    bus.publish(TOPIC, jobs(make_event, [1], version=3))
    eventually(lambda: bus.one("SELECT n FROM bus_counts") == 2, 20, "the next event")
    assert positions(bus) == bus.ends(TOPIC)


def test_a_batch_in_flight_while_its_position_moves_silences_no_other_partition(bus, make_event):
    other = (commit_unheard(bus, make_event) + 1) % 3
    bus.publish(TOPIC, jobs(make_event, [2]), other)
    eventually(lambda: bus.one("SELECT count(*) FROM bus_counts WHERE aggregate_id = %s", job(2)), 20, "the other partition's event")


def test_a_position_that_was_lost_is_made_again(bus, make_event, how):
    """As after a failover to a standby that does not know a partition yet: its events are applied, from their beginning."""
    bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, [1]), 1)
    counted(bus, 1)
    bus.sql("DELETE FROM consumer_offsets WHERE topic = %s AND partition = 1", TOPIC)
    bus.publish(TOPIC, jobs(make_event, [2]), 1)
    eventually(lambda: positions(bus) == bus.ends(TOPIC), 60)
    assert bus.one("SELECT count(*) FROM bus_counts WHERE aggregate_id = %s", job(2)) == 1


@pytest.mark.parametrize("value", [b"\xff\xff\xff", b"", None, b"\x0a\x02\x0a\x00", b"\x0a\x05\x0a\x03\xff\xfe\xfd"],
                         ids=["not protobuf", "empty", "tombstone", "no ids", "not utf-8"])
def test_bytes_that_do_not_decode(bus, make_event, value):
    bus.publish(TOPIC, [*jobs(make_event, range(10)), (job(3).encode(), value), *jobs(make_event, range(10, 20))])
    bus.probe("consumer")
    counted(bus, 20)
    eventually(lambda: bus.one("SELECT count(*) FROM dead_letters") == 1)
    topic, payload, key, attempts = bus.sql("SELECT topic, payload, key, attempts FROM dead_letters")[0]
    assert (topic, payload, key, attempts) == (TOPIC, value, job(3).encode(), 1)
    eventually(lambda: positions(bus) == bus.ends(TOPIC))


def nxtctl(bus, *words):
    out = subprocess.run([BIN / "nxtctl", "dlq", *words[:1], "--database", bus.postgres.owner_url("marketplace"),
                          *words[1:]], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return out.stdout


def test_a_refused_event_waits_then_is_put_aside_and_can_be_replayed(bus, make_event, how):
    bus.sql("INSERT INTO bus_refused VALUES ('bad')")
    bus.publish(TOPIC, [*jobs(make_event, range(100)), *jobs(make_event, [500], title="bad"),
                        *jobs(make_event, range(100, 200))])
    probe = bus.probe("consumer")
    eventually(lambda: bus.one("SELECT count(*) FROM dead_letters") == 1, 30)
    counted(bus, 200)
    letter, attempts, error = bus.sql("SELECT id::text, attempts, error FROM dead_letters")[0]
    assert attempts == 7 and "refused by the test: bad" in error
    assert letter in nxtctl(bus, "list")
    shown = json.loads(nxtctl(bus, "show", letter))
    assert shown["event"]["title"] == "bad" and shown["event"]["context"]["aggregate_id"] == job(500)
    assert nxtctl(bus, "replay", letter) == "1 to be applied again\n"
    eventually(lambda: probe.logged("refused again"), 10)
    assert bus.one("SELECT attempts FROM dead_letters") == 1
    bus.sql("DELETE FROM bus_refused")
    nxtctl(bus, "replay", "--all")
    eventually(lambda: bus.one("SELECT count(*) FROM dead_letters") == 0, 10)
    assert bus.one("SELECT n FROM bus_counts WHERE aggregate_id = %s", job(500)) == 1
    no_doubles(bus, 201)


def test_what_an_event_refers_to_may_come_later(bus, make_event):
    """A refusal holds back its own partition only, and ends when the reason goes."""
    bus.sql("INSERT INTO bus_refused VALUES ('early')")
    bus.probe("consumer")
    bus.publish(TOPIC, [*jobs(make_event, [700], title="early"), *jobs(make_event, range(30))])
    eventually(lambda: bus.one("SELECT count(*) FROM bus_counts") >= 10)
    bus.sql("DELETE FROM bus_refused")
    counted(bus, 31)
    no_doubles(bus, 31)


def test_a_refusal_waits_for_all_that_is_still_to_be_read(bus, make_event):
    """What it misses may stand at the very end of a long backlog of other partitions."""
    bus.sql("INSERT INTO bus_refused VALUES ('early')")
    bus.sql("CREATE OR REPLACE FUNCTION bus_slow() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(0.01); DELETE FROM bus_refused WHERE NEW.title = 'last'; RETURN NULL; END $$")
    bus.sql("CREATE TRIGGER bus_slow AFTER INSERT ON bus_counts FOR EACH ROW EXECUTE FUNCTION bus_slow()")
    try:
        early = jobs(make_event, [800], title="early")
        bus.publish(TOPIC, early)
        bus.publish(TOPIC, jobs(make_event, [n for n in range(900) if n != 800]))
        bus.publish(TOPIC, jobs(make_event, [990, 991, 992, 993, 994, 995], title="last"))
        bus.probe("consumer")
        counted(bus, 906)
        no_doubles(bus, 906)
    finally:
        bus.sql("DROP TRIGGER bus_slow ON bus_counts")


def test_the_database_away_and_back(bus, make_event, how):
    probe = bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, range(1000)))
    counted(bus, 200)
    bus.postgres.process.kill9()
    bus.publish(TOPIC, jobs(make_event, range(1000, 2000)))
    time.sleep(2)
    bus.postgres.start()
    counted(bus, 2000)
    no_doubles(bus, 2000)
    probe.stop()


def test_kafka_away_and_back(bus, make_event):
    probe = bus.probe("consumer")
    bus.publish(TOPIC, jobs(make_event, range(1000)))
    counted(bus, 1000)
    bus.kafka.process.kill9()
    time.sleep(2)
    bus.kafka.start()
    bus.publish(TOPIC, jobs(make_event, range(1000, 2000)))
    counted(bus, 2000)
    no_doubles(bus, 2000)
    probe.stop()


def test_silent_partitions_rest_while_much_comes_and_lose_nothing(bus, make_event):
    """Those that rest are not fetched: what comes for them all the same is found by asking where they end."""
    probe, stop, sent = bus.probe("consumer"), threading.Event(), []
    users = [str(uuid.uuid4()) for _ in range(12)]

    def publish():
        while not stop.wait(0.1):
            sent.extend(range(len(sent), len(sent) + 50))
            bus.publish(TOPIC, jobs(make_event, sent[-50:]))

    def suspend(some):
        bus.publish("user.suspended", [(u.encode(), make_event("UserSuspended", u, 1, status="SUSPENDED", account_type="COMPANY",
                                                               email="a@example.com", display_name="A")) for u in some])
        eventually(lambda: bus.one("SELECT count(*) FROM user_refs WHERE id = ANY(%s::uuid[])", some) == len(some))
    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for number in range(0, 9, 3):
            eventually(lambda: probe.log.read_text().count("partitions rest") > number // 3, 30, "a rest")
            suspend(users[number:number + 3])
    finally:
        stop.set()
        publisher.join()
    counted(bus, len(sent))
    eventually(lambda: bus.one("SELECT sum(next_offset) FROM consumer_offsets WHERE topic = 'user.suspended'")
               == sum(bus.ends("user.suspended").values()))
    suspend(users[9:])
    no_doubles(bus, len(sent))


def test_references_and_access_follow_their_events(bus, make_event):
    user, session, role = (str(uuid.uuid4()) for _ in range(3))
    bus.probe("consumer")

    def publish(topic, message, aggregate, aggregate_version, **fields):
        bus.publish(topic, [(aggregate.encode(), make_event(message, aggregate, aggregate_version, **fields))])
    publish("user.suspended", "UserSuspended", user, 3, status="SUSPENDED", account_type="COMPANY",
            email="a@example.com", display_name="A")
    eventually(lambda: bus.sql("SELECT 1 FROM user_refs WHERE id = %s", user))
    publish("user.registered", "UserRegistered", user, 1, status="PENDING", account_type="COMPANY",
            email="old@example.com", display_name="Old")
    publish("user.access_changed", "UserAccessChanged", user, 3, user_id=user, access_epoch=7, status="SUSPENDED",
            role_keys=["company", 'a "quoted" one'])
    publish("session.revoked", "SessionRevoked", user, 4, id=session, session_id=session, user_id=user)
    publish("signing_key.removed", "SigningKeyRemoved", str(uuid.uuid4()), 1, kid="key-1")
    publish("role.permissions_changed", "RolePermissionsChanged", role, 2, role_key="reviewer", epoch=5,
            permission_keys=["jobs.close", "approval-requests.approve"], can_approve_requests=True, is_active=True)
    publish("config.changed", "ConfigChanged", str(uuid.uuid4()), 9, config_key="posting_price", config_group="jobs",
            config_value_json='{"coins": 3}', is_active=True, version=9)
    eventually(lambda: bus.one("SELECT count(*) FROM config_values"))
    eventually(lambda: bus.one("SELECT count(*) FROM access_sessions"))
    eventually(lambda: bus.one("SELECT count(*) FROM access_keys"))
    eventually(lambda: bus.one("SELECT count(*) FROM access_users"))
    eventually(lambda: bus.one("SELECT count(*) FROM access_roles"))
    eventually(lambda: bus.one("SELECT sum(next_offset) FROM consumer_offsets WHERE topic = 'user.registered'")
               == sum(bus.ends("user.registered").values()))
    assert bus.sql("SELECT status, email, display_name, known, version FROM user_refs WHERE id = %s", user) == [
        ("SUSPENDED", "a@example.com", "A", True, 3)]
    assert bus.sql("SELECT epoch, status, role_keys, employee_id FROM access_users") == [
        (7, "SUSPENDED", ["company", 'a "quoted" one'], None)]
    assert str(bus.one("SELECT session_id FROM access_sessions")) == session
    assert bus.sql("SELECT role_key, permissions, can_approve_requests, can_manage_system_settings, is_active "
                   "FROM access_roles") == [
        ("reviewer", ["jobs.close", "approval-requests.approve"], True, False, True)]
    assert bus.sql("SELECT config_key, value, version FROM config_values") == [("posting_price", {"coins": 3}, 9)]
    assert bus.one("SELECT count(*) FROM dead_letters") == 0


def test_a_topic_that_may_not_be_read_is_told(bus):
    with MockBroker(*SUBSCRIBED) as broker:
        broker.refuse_topic(TOPIC, TOPIC_AUTHORIZATION_FAILED)
        probe = bus.probe("consumer", NXT_KAFKA_BROKERS=broker.brokers, NXT_LOG_LEVEL="info")
        eventually(lambda: probe.logged("TOPIC_AUTHORIZATION_FAILED"), 30, "a warning")
        probe.stop()
