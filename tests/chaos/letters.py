"""Events that nobody can read, the dead letters they become, and the operator's way with those."""
import json
import subprocess
from pathlib import Path

from client import eventually
from confluent_kafka import Producer
from nxt.home import SERVICES
from topics import raw


class Letters:
    """Part of a World."""

    def send_garbage(self, topic, count=1, key=None):
        producer = Producer({"bootstrap.servers": self.env["NXT_KAFKA_BROKERS"], "partitioner": "murmur2"})
        for n in range(count):
            producer.produce(topic, b"\xff\xfe no protobuf " + str(n).encode(), key or str(n).encode())
        assert producer.flush(30) == 0
        self.garbage[topic] += count
        self.garbage_ever += count

    def readers(self, topic):
        return [s for s in SERVICES if self.sql(s, "SELECT FROM consumer_offsets WHERE topic = %s LIMIT 1", topic)]

    def letters(self):
        return {s: self.sql(s, "SELECT count(*) AS n FROM dead_letters")[0]["n"] for s in SERVICES}

    def judge_letters(self):
        """Each reader has put aside exactly what was sent to it; then the letters are dropped."""
        self.settle()
        have = self.letters()
        wanted = {s: sum(n for topic, n in self.garbage.items() if s in self.readers(topic)) for s in SERVICES}
        if have != wanted:
            self.findings["dead letters differ from what was sent"] = [f"{have}, wanted {wanted}"]
        for s in SERVICES:
            if have[s]:
                self.nxtctl(s, "drop", "--all", "--yes")
        self.garbage.clear()
        return have

    def put_letter(self, service, attempts=0, topic="user.registered"):
        """A good event among the dead letters, as after a refusal that was mended; attempts 0 asks for a replay."""
        record = raw(self.env, topic)[0]
        self.sql(service, "INSERT INTO dead_letters (id, topic, partition, \"offset\", payload, error, attempts)"
                          " VALUES (gen_random_uuid(), %s, %s, %s, %s, 'put by the test', %s) ON CONFLICT DO NOTHING",
                 topic, record.partition(), record.offset(), record.value(), attempts)

    def nxtctl(self, service, *words):
        url = self.env[f"NXT_DB_{service.upper()}"]
        out = subprocess.run([Path(self.env["NXT_BIN"]) / "nxtctl", "dlq", words[0], "--database", url, *words[1:]],
                             capture_output=True, text=True, timeout=60)
        assert out.returncode == 0, f"nxtctl dlq {' '.join(words)}: {out.stderr}"
        return [line for line in out.stdout.splitlines() if not line.startswith("#")]

    def ids(self, service):
        return [line.split("\t")[0] for line in self.nxtctl(service, "list")]

    def walk_through_dlq(self, service):
        """list, show, replay and drop, on an event that can be read and on one that cannot."""
        broken = self.ids(service)
        assert len(broken) == self.letters()[service]
        shown = json.loads(self.nxtctl(service, "show", broken[0])[0])
        assert "undecodable" in shown["event"], shown
        self.put_letter(service, attempts=1)
        good, = set(self.ids(service)) - set(broken)
        shown = json.loads(self.nxtctl(service, "show", good)[0])
        assert shown["event"]["type"] == "user.registered" and "undecodable" not in shown["event"], shown
        self.nxtctl(service, "replay", good)
        eventually("the good letter is applied", lambda: good not in self.ids(service), 20, 0.2)
        self.nxtctl(service, "replay", broken[0])
        eventually("the broken letter is refused again", lambda: self.sql(
            service, "SELECT FROM dead_letters WHERE id = %s AND attempts = 1 AND error NOT LIKE 'put by%%'", broken[0]), 20, 0.2)
        assert sorted(self.ids(service)) == sorted(broken)
