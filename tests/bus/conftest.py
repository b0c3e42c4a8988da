"""Relay and consumer against a real PostgreSQL and a real Kafka: bus_probe is a daemon that only counts.

NXT_BUS_HOME=/some/folder keeps PostgreSQL and Kafka of one run for the next. What a run that was cut off
left behind is ended by the next one.
"""
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec, ResourceType

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests/golden"))
import contract  # noqa: E402
from nxt import migrate  # noqa: E402
from nxt.home import Home  # noqa: E402
from nxt.kafka import Kafka  # noqa: E402
from nxt.ports import Ports  # noqa: E402
from nxt.postgres import Postgres  # noqa: E402

SUBSCRIBED = ("job.changed", "user.registered", "user.suspended", "user.access_changed", "session.revoked",
              "signing_key.removed", "role.permissions_changed", "config.changed")
PARTITION_UA = -1      # librdkafka's word for "by the key"
RUNS = ROOT / ".nxt/test/bus"  # removed by ./nxt test when all passed
BIN = Path(os.environ.get("NXT_BIN") or ROOT / "build" / os.environ.get("NXT_PRESET", "dev") / "bin")
TABLES = """
CREATE TABLE IF NOT EXISTS bus_counts (aggregate_id uuid PRIMARY KEY, title text, n integer);
CREATE TABLE IF NOT EXISTS bus_refused (title text);
CREATE TABLE IF NOT EXISTS bus_order (seq bigserial, aggregate_id uuid, version bigint, causation uuid,
    correlation text);
GRANT ALL ON bus_counts, bus_refused, bus_order TO nxt_runtime;
GRANT ALL ON SEQUENCE bus_order_seq_seq TO nxt_runtime;
"""


def eventually(check, seconds=30, what="it"):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return found


class Probe:
    """One bus_probe process."""

    def __init__(self, bus, roles, **env):
        self.log = bus.folder / f"probe-{uuid.uuid4().hex[:8]}.log"
        environment = {**os.environ, "NXT_DATABASE_URL": bus.postgres.runtime_url("marketplace"),
                       "NXT_KAFKA_BROKERS": bus.kafka.brokers, "NXT_ROLES": roles, "NXT_LOG_LEVEL": "debug",
                       "NXT_OPS_LISTEN": "127.0.0.1:0", **env}
        with open(self.log, "wb") as out:
            # Ends with us, also where we are killed: it is in no pid file.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", BIN / "bus_probe"], env=environment,
                                            stdout=out, stderr=out)

    def signal(self, number):
        self.process.send_signal(number)

    def kill9(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.signal(signal.SIGTERM)
        assert self.process.wait(30) == 0, self.log.read_text()[-3000:]

    def logged(self, text):
        return text in self.log.read_text()


class Bus:
    """PostgreSQL with marketplace's database, Kafka with its topics, and who works on them."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.home = Home(self.folder)
        ports = Ports(self.home, preferred=False)
        ports.settle(lambda name: True if (self.folder / "kafka").exists() else False)
        self.postgres, self.kafka = Postgres(self.home, ports), Kafka(self.home, ports)
        self.probes, self.admin = [], None

    def up(self):
        self.postgres.start()
        self.postgres.make_databases()
        self.kafka.start()
        migrate.migrate("marketplace", self.postgres.owner_url("marketplace"))
        self.sql(TABLES)
        self.create_topic(*SUBSCRIBED, "lead.opened")

    def create_topic(self, *names, partitions=3):
        lines = "".join(f"{name}\t{partitions}\t3600000\tdelete\n" for name in names)
        subprocess.run([BIN / "nxtctl", "topics", "create", "--brokers", self.kafka.brokers], input=lines, text=True,
                       check=True, capture_output=True)

    def create_refusing(self, name, milliseconds):
        """A topic, new or not, that refuses what is older than that when it comes."""
        self.ends_of("lead.opened")     # makes the client
        config = {"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": milliseconds}
        if name in self.admin.list_topics(timeout=10).topics:
            entries = [ConfigEntry(*one, incremental_operation=AlterConfigOpType.SET) for one in config.items()]
            made = self.admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)])
        else:
            made = self.admin.create_topics([NewTopic(name, 1, config=config)])
        for future in made.values():
            future.result(20)

    def down(self):
        self.kafka.process.stop()
        self.postgres.stop()

    def sql(self, text, *parameters):
        with psycopg.connect(self.postgres.owner_url("marketplace"), autocommit=True) as pg:
            cursor = pg.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else None

    def one(self, text, *parameters):
        return self.sql(text, *parameters)[0][0]

    def connect(self):
        return psycopg.connect(self.postgres.owner_url("marketplace"))

    def end_sessions(self, application):
        """PostgreSQL ends those of a probe, as a failover does."""
        self.postgres.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{application}'")

    def probe(self, roles, **env):
        probe = Probe(self, roles, **env)
        self.probes.append(probe)
        return probe

    def end_probes(self):
        """Asked to end: for one that is killed its group waits six seconds, and so would the next test."""
        left = [probe for probe in self.probes if probe.process.poll() is None]
        for probe in left:
            probe.signal(signal.SIGTERM)
            probe.signal(signal.SIGCONT)
        for probe in left:
            try:
                probe.process.wait(10)
            except subprocess.TimeoutExpired:
                probe.kill9()
        self.probes = []

    def ends(self, topic):
        """Where each partition of a topic ends now."""
        return self.ends_of(topic)[topic]

    def ends_of(self, *topics):
        """The same of several, asked in one question: {topic: {partition: its end}}"""
        if self.admin is None:
            self.admin = AdminClient({"bootstrap.servers": self.kafka.brokers})

        def ask():
            try:
                known = self.admin.list_topics(timeout=10).topics
                asked = self.admin.list_offsets({TopicPartition(topic, p): OffsetSpec.latest() for topic in topics
                                                 for p in known[topic].partitions}, request_timeout=10)
                found = {topic: {} for topic in topics}
                for place, future in asked.items():
                    found[place.topic][place.partition] = future.result().offset
                return found if all(found.values()) else None
            except (KafkaException, KeyError):      # a topic just made has no leader yet
                return None
        return eventually(ask)

    def read(self, topic, begin, until, brokers=None):
        """Messages of a topic from the offsets `begin` until `until(messages)` is true."""
        consumer = Consumer({"bootstrap.servers": brokers or self.kafka.brokers, "group.id": "reader",
                             "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic, p, offset) for p, offset in begin.items()])
        messages, end = [], time.monotonic() + 60
        while not until(messages):
            messages += consumer.consume(5000, 0.2)
            assert time.monotonic() < end, f"{len(messages)} messages of {topic} within 60 s"
        consumer.close()
        return messages

    def publish(self, topic, messages, partition=PARTITION_UA):
        """(key, value) pairs, as a foreign producer sends them; into the partition of their key unless said otherwise."""
        producer = Producer({"bootstrap.servers": self.kafka.brokers, "linger.ms": 5, "partitioner": "murmur2"})
        for key, value in messages:
            producer.produce(topic, value, key, partition)
            producer.poll(0)
        assert producer.flush(30) == 0

    def fresh(self):
        """Leaves nothing of the test before: consumers begin where the topics end now."""
        self.end_probes()
        self.sql("TRUNCATE outbox_events, consumer_offsets, dead_letters, bus_counts, bus_refused, bus_order, "
                 "access_users, access_roles, access_sessions, access_keys, config_values")
        self.sql("UPDATE relay_lease SET deadline = '-infinity'")
        for topic, ends in self.ends_of(*SUBSCRIBED).items():
            self.sql("INSERT INTO consumer_offsets (topic, partition, next_offset)"
                     " SELECT %s, * FROM unnest(%s::integer[], %s::bigint[])", topic, list(ends), list(ends.values()))


def interrupt(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def end_leftovers():
    """What runs that are gone left running is ended, by its pid files."""
    for folder in RUNS.glob("*"):
        if not Path(f"/proc/{folder.name}").exists():
            bus = Bus(folder)
            bus.down()
            bus.postgres.wipe()


@pytest.fixture(scope="session")
def whole_bus():
    kept = os.environ.get("NXT_BUS_HOME")
    signal.signal(signal.SIGTERM, interrupt)
    end_leftovers()
    folder = Path(kept or RUNS / str(os.getpid()))
    folder.mkdir(parents=True, exist_ok=True)
    bus = Bus(folder)
    try:
        bus.up()
        yield bus
    finally:
        bus.end_probes()
        if not kept:
            bus.down()
            bus.postgres.wipe()


@pytest.fixture
def bus(whole_bus):
    whole_bus.fresh()
    yield whole_bus
    whole_bus.end_probes()


@pytest.fixture(scope="session")
def messages():
    return contract.load_messages(contract.descriptor_set())


@pytest.fixture
def make_event(messages):
    """Bytes of an event as another service would publish it."""
    def make(message, aggregate_id, aggregate_version=1, event_id=None, **fields):
        event = messages[message](**fields)
        context = event.context
        context.event_id = event_id or str(uuid.uuid4())
        context.aggregate_type, context.aggregate_id, context.aggregate_version = "x", aggregate_id, aggregate_version
        context.occurred_at.GetCurrentTime()
        context.correlation_id = "0af76519-16cd-43dd-8448-eb211c80319c"
        context.action, context.status = "UPDATE", "SUCCESS"
        return event.SerializeToString()
    return make
