"""How far a consumer has come in a topic, and how far it can come."""
import time

from confluent_kafka import Consumer, TopicPartition

from nxt.ui import NxtError

SECONDS = 900


def position(db, topic):
    """It moves in the transaction that holds the effects."""
    return db.execute("SELECT coalesce(sum(next_offset), 0) FROM consumer_offsets WHERE topic = %s",
                      (topic,)).fetchone()[0]


def end(brokers, topic):
    """The sum of the partitions' end offsets."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "bench"})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions)
    finally:
        consumer.close()


def wait_position(db, topic, until):
    stop = time.monotonic() + SECONDS
    while position(db, topic) < until:
        if time.monotonic() > stop:
            raise NxtError(f"{position(db, topic)} of {until} events of {topic} consumed in {SECONDS} s")
        time.sleep(0.02)
