"""The two buses: Apache Kafka, and librdkafka's in-process broker for a first look without Java."""
import os
import re
import subprocess

from nxt import build, daemons
from nxt.proc import Process
from nxt.ui import NxtError, say, step

KAFKA, EMBEDDED = "kafka", "embedded"


class EmbeddedBroker:
    """`nxtctl broker`: real protocol, in memory. It prints its address on its first line."""
    name = "embedded"
    warning = ("  embedded bus: everything is in memory and gone when it stops; no retention, no replication, one\n"
               "  consumer group joins again only after its session time-out, and no number measured on it means\n"
               "  anything. Use it for a first look; ./nxt up --bus kafka brings the real one.")

    def __init__(self, stack):
        self.stack = stack
        self.process = Process(stack.home, self.name)

    @property
    def brokers(self):
        return self.stack.home.state.get("embedded_brokers", "")

    @property
    def incarnation(self):
        """Its topics go with its process."""
        return f"{self.name} {self.process.pid()}"

    def start(self):
        """Returns whether it had to be started."""
        argv = [str(build.binaries(self.stack.preset) / "nxtctl"), "broker"]
        if self.process.is_current(argv):
            return False
        self.process.stop()
        self.process.log.unlink(missing_ok=True)
        self.process.start(argv)
        self.process.wait_ready(self._printed, 10)
        self.stack.home.state["embedded_brokers"] = self._printed()
        # Its topics went with the last one.
        self.stack.home.set_done("topics", "")
        return True

    def _printed(self):
        found = re.search(r"127\.0\.0\.1:\d+(,127\.0\.0\.1:\d+)*", self.process.log_tail(100))
        return found.group(0) if found else None

    def stop(self):
        return self.process.stop(grace=3)


def make_topics(stack):
    """Creates what the daemons publish; topics that exist stay as they are."""
    nxtctl = build.binaries(stack.preset) / "nxtctl"
    lines = "".join(sorted(set("".join(d.printed("topics") for d in daemons.built(stack)).splitlines(True))))
    if not nxtctl.exists():
        say("  topics         not made: nxtctl is not built")
        return

    def make():
        with step("topics") as note:
            out = subprocess.run([str(nxtctl), "topics", "create", "--brokers", stack.bus.brokers], input=lines,
                                 capture_output=True, text=True)
            if out.returncode:
                raise NxtError(f"nxtctl topics create: {(out.stderr or out.stdout).strip()}")
            note(str(lines.count("\n")))
    prefix = os.environ.get("NXT_TOPIC_PREFIX", "")  # nxtctl and the daemons read it too
    daemons.once(stack.home, "topics", f"{stack.bus_name} {prefix} {lines}", make)
