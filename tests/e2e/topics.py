"""What was really published, read from Kafka by a foreign client and decoded by a foreign decoder."""
import functools
import sys
import time
import uuid
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import contract  # noqa: E402
from client import eventually  # noqa: E402


@functools.cache
def messages():
    return contract.load_messages(contract.descriptor_set())


class Reader:
    """Goes through topics with one consumer, and each record once: a topic is asked for what came since."""

    def __init__(self, brokers):
        # What is at its end is said so at once, not after half a second without anything new.
        self.consumer = Consumer({"bootstrap.servers": brokers, "group.id": "tests", "enable.auto.commit": False,
                                  "enable.partition.eof": True, "fetch.wait.max.ms": 10, "auto.offset.reset": "error"})
        self.found, self.next = {}, {}

    def _places(self, topic):
        if not self.next.get(topic):
            partitions = self.consumer.list_topics(topic, timeout=10).topics[topic].partitions
            self.found[topic], self.next[topic] = [], dict.fromkeys(partitions, OFFSET_BEGINNING)
        return self.next[topic]

    def records(self, topic):
        at = self._places(topic)
        self.consumer.assign([TopicPartition(topic, p, offset) for p, offset in at.items()])
        left, end = set(at), time.monotonic() + 20
        while left:
            record = self.consumer.poll(1)
            if record is not None and record.error() is None:
                self.found[topic].append(record)
                at[record.partition()] = record.offset() + 1
            elif record is not None and record.error().code() == KafkaError._PARTITION_EOF:
                left.discard(record.partition())
            assert time.monotonic() < end, f"{topic} is not read within 20 s: {record and record.error()}"
        self.consumer.unassign()
        return sorted(self.found[topic], key=lambda r: (r.partition(), r.offset()))


@functools.cache
def _reader(brokers):
    return Reader(brokers)


def raw(env, topic):
    """The records of a topic so far, in order per partition."""
    return _reader(env["NXT_KAFKA_BROKERS"]).records(topic)


def _offsets(admin, places, which):
    """One question for all partitions: asked one by one, each waits for its topic's metadata."""
    asked = admin.list_offsets({place: which for place in places}, request_timeout=20)
    return {(place.topic, place.partition): future.result().offset for place, future in asked.items()}


def _bounds(brokers):
    admin = AdminClient({"bootstrap.servers": brokers})
    places = [TopicPartition(name, p) for name, topic in admin.list_topics(timeout=10).topics.items()
              if not name.startswith("__") for p in topic.partitions]
    low, high = (_offsets(admin, places, spec()) for spec in (OffsetSpec.earliest, OffsetSpec.latest))
    return {place: (low[place], high[place]) for place in high if high[place] > low[place]}


def bounds(env):
    """{(topic, partition): (first offset, end)} of all partitions that hold something."""
    def asked():
        try:
            return _bounds(env["NXT_KAFKA_BROKERS"]), True
        except KafkaException:      # a broker that has just come back has no leaders for a moment
            return None
    return eventually("all topics tell their bounds", asked, 60, 0.2)[0]


def everything(env, *topics):
    """All records so far of these topics, or of all, in order per partition."""
    consumer = Consumer({"bootstrap.servers": env["NXT_KAFKA_BROKERS"], "group.id": "tests", "enable.auto.commit": False,
                         "auto.offset.reset": "error"})
    try:
        found = {place: ends for place, ends in bounds(env).items() if not topics or place[0] in topics}
        left = {place: high for place, (_, high) in found.items()}
        consumer.assign([TopicPartition(t, p, low) for (t, p), (low, _) in found.items()])
        while left:
            records = consumer.consume(1000, 10)
            assert records, f"{len(left)} partitions give nothing for ten seconds"
            for record in records:
                assert record.error() is None, record.error()
                if record.offset() >= left.get((record.topic(), record.partition()), 0) - 1:
                    left.pop((record.topic(), record.partition()), None)
                yield record
    finally:
        consumer.close()


def read(env, topic, key=None):
    """All events of a topic so far, of one aggregate where `key` is given, in order per partition.

    Each once: Kafka has an event again where a relay lost its lease, or its answer, on a busy machine."""
    found = {}
    for record in raw(env, topic):
        if key is None or record.key() == key.encode():
            event = messages()[contract.message_name(topic)].FromString(record.value())
            found.setdefault(event.context.event_id, event)
    return list(found.values())


def published(env, topic, key, count=1):
    """The events of one aggregate, once there are `count` of them."""
    return eventually(f"{count} {topic} of {key}",
                      lambda: (lambda found: found if len(found) >= count else None)(read(env, topic, key)))


def other_id(event):
    """Of an event as old as this one: the log lays it into the same month."""
    return event.context.event_id[:24] + uuid.uuid4().hex[:12]


def records(env, topic, key):
    """[(record, decoded event)] of one aggregate: for who looks at headers and partitions."""
    return [(r, messages()[contract.message_name(topic)].FromString(r.value())) for r in raw(env, topic)
            if r.key() == key.encode()]
