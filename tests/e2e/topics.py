"""What was really published, read from Kafka by a foreign client and decoded by a foreign decoder."""
import functools
import sys
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "golden"))
import contract  # noqa: E402
from client import eventually  # noqa: E402


@functools.cache
def messages():
    return contract.load_messages(contract.descriptor_set())


def raw(env, topic):
    """The records of a topic so far, in order per partition."""
    consumer = Consumer({"bootstrap.servers": env["NXT_KAFKA_BROKERS"], "group.id": "tests", "enable.auto.commit": False})
    found = []
    try:
        for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            place = TopicPartition(topic, partition, 0)
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            if high == low:
                continue
            place.offset = low
            consumer.assign([place])
            while (record := consumer.poll(10)) is not None:
                if record.error() is None:
                    found.append(record)
                if record.offset() >= high - 1:
                    break
    finally:
        consumer.close()
    return found


def read(env, topic, key=None):
    """All events of a topic so far, of one aggregate where `key` is given, in order per partition."""
    return [messages()[contract.message_name(topic)].FromString(r.value()) for r in raw(env, topic)
            if key is None or r.key() == key.encode()]


def published(env, topic, key, count=1):
    """The events of one aggregate, once there are `count` of them."""
    return eventually(f"{count} {topic} of {key}",
                      lambda: (lambda found: found if len(found) >= count else None)(read(env, topic, key)))


def records(env, topic, key):
    """[(record, decoded event)] of one aggregate: for who looks at headers and partitions."""
    return [(r, messages()[contract.message_name(topic)].FromString(r.value())) for r in raw(env, topic)
            if r.key() == key.encode()]
