"""Where the processor time of a load went: ours by part, and what the machine did beside it."""
import os
import resource
import time
from pathlib import Path

import flame

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _times(pid):
    """(parent, own seconds, seconds of children already collected) of a process, or None."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), (int(fields[11]) + int(fields[12])) * TICK, (int(fields[13]) + int(fields[14])) * TICK


def with_children(pid):
    """Seconds so far. PostgreSQL works in children; those that ended are counted by their parent."""
    own = _times(pid)
    if own is None:
        return 0.0
    return own[1] + own[2] + sum(times[1] for times in children(pid))


def children(pid):
    for entry in os.listdir("/proc"):
        times = _times(entry) if entry.isdigit() else None
        if times and times[0] == pid:
            yield times


def wait_for_ends(pid, number, seconds=5):
    """Until a process has collected its ended children down to `number`: only then does it count their time."""
    end = time.monotonic() + seconds
    while sum(1 for _ in children(pid)) > number and time.monotonic() < end:
        time.sleep(0.02)


def _machine():
    """Seconds that any processor was busy, with what a hypervisor took."""
    fields = [int(f) for f in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * TICK


def _generator():
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


class Spent:
    """with Spent(world) as spent: …; then spent.seconds = {part: processor seconds}, and others'."""

    count = 0

    def __init__(self, world, *parts):
        """parts: those that work for the load; the idle hum of the others is left out of comparisons."""
        self.world, self.parts = world, ("postgres", "load", *parts)

    def _now(self):
        now = {name: with_children(part.process.pid())
               for name, part in self.world.stack.parts.items() if part.process.pid()}
        return {**now, "load": _generator(), "machine": _machine()}

    def __enter__(self):
        self.sampled = flame.sampled(len(self.parts) > 2)    # pgbench alone has no part of ours
        self.sampled.__enter__()
        self.first = self._now()
        return self

    def __exit__(self, *_):
        last = self._now()
        self.sampled.__exit__(None, None, None)     # what perf does with its samples is not the load's
        self.seconds = {name: last[name] - self.first.get(name, 0.0) for name in last}
        machine = self.seconds.pop("machine")
        self.seconds["others"] = max(0.0, machine - sum(self.seconds.values()))

    def _all(self):
        return sum(self.seconds[name] for name in self.parts)

    def against(self, yardstick, count):
        """The same comparison in processor time: it holds also where other programs take their share."""
        mine, theirs = self._all() / count, yardstick._all() / yardstick.count
        return {"cpu_ratio": round(theirs / mine, 2), "cpu_us_per_request": self.per(count),
                "pgbench_cpu_us": yardstick.per(yardstick.count)}

    def per(self, count):
        """{part: microseconds per request}, small ones left out."""
        return {name: round(1e6 * s / count, 1) for name, s in self.seconds.items() if s / count > 0.5e-6}
