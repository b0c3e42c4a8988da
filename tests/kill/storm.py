"""kill -9 of every part in turn, and the wait until nothing moves any more."""
import collections
import random
import time

from beside import Beside
from nxt.home import SERVICES
from topics import bounds

# How often each is killed in one round. A broker needs some seconds to come back, in which nothing moves.
ROUND = {**{s: 3 for s in SERVICES}, "postgres": 2, "broker": 1}


class Storm(Beside):
    """The killer: goes through rounds, each in another order, and brings each part back. Its time is limited, so that
    on a slow machine the last flows end in peace."""

    def __init__(self, stack, seed, seconds, most=None, victims=None):
        """Ends after `seconds`, or after `most` kills."""
        super().__init__()
        self.stack, self.random = stack, random.Random(seed)
        self.seconds, self.most, self.victims = seconds, most, victims or ROUND
        self.kills, self.away = collections.Counter(), collections.Counter()

    def go_on(self):
        end = time.monotonic() + self.seconds
        while True:
            for victim in self._round():
                if self.over.wait(self.random.uniform(0.2, 3.0)) or time.monotonic() > end:
                    return
                if self.most is not None and self.kills.total() >= self.most:
                    return
                begun = time.monotonic()
                self.stack.kill9(victim)
                self.kills[victim] += 1
                self.over.wait(self.random.uniform(0, 0.5))
                self.stack.start("kafka" if victim == "broker" else victim)
                self.away[victim] += time.monotonic() - begun

    def _round(self):
        return self.random.sample(list(self.victims), sum(self.victims.values()), counts=self.victims.values())

    def described(self):
        away = {v: round(s / self.kills[v], 1) for v, s in self.away.items()}
        return f"killed {dict(self.kills)}, each away for {away} s on average"


def _unrest(sql, ends):
    """What waits in an outbox, and the positions that are not at their partition's end."""
    found = []
    for service in SERVICES:
        found += [f"{service}: outbox row {row['seq']} of {row['type']}"
                  for row in sql(service, "SELECT seq, type FROM outbox_events ORDER BY seq LIMIT 3")]
        for row in sql(service, "SELECT topic, partition, next_offset FROM consumer_offsets"):
            place, offset = (row["topic"], row["partition"]), row["next_offset"]
            if offset < ends.get(place, 0):
                found.append(f"{service}: {place} is at {offset} of {ends[place]}")
    return found


LONGEST = 3600


def settle(stack, sql, seconds=180):
    """All is up again, and what the last effects published has had its effects too. Fails after so many seconds in
    which nothing moved, or when it never ends."""
    for name in ("postgres", "kafka", *SERVICES, "gateway"):
        stack.start(name)
    env, before, begun = {"NXT_KAFKA_BROKERS": stack.bus.brokers}, None, time.monotonic()
    moved = begun
    while True:
        ends = {place: end for place, (_, end) in bounds(env).items()}
        unrest = _unrest(sql, ends)
        now = time.monotonic()
        if (ends, unrest) != before:
            moved = now
        elif not unrest:
            return
        assert now - moved < seconds, f"nothing moved for {seconds} s before all was published and consumed; {unrest}"
        assert now - begun < LONGEST, f"not all is published and consumed after {LONGEST} s; {unrest or 'topics still grow'}"
        before = ends, unrest
        time.sleep(0.5)
