"""One Apache Kafka node in KRaft mode, broker and controller at once, from its published jars."""
import os
import shutil
import socket

from nxt import packages
from nxt.home import write_whole
from nxt.packages import run
from nxt.proc import Process

CLUSTER_ID = "bnh0Z2F1Z2UtbG9jYWwtMQ"
JAVA = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-Xshare:auto",
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        # at the first start six services want the offsets topic at once: five are told that it exists
        "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.server.DefaultAutoTopicCreationManager=error",
        "-Djava.awt.headless=true"]

# Each group answers a measurement: replication of one because there is one node; the session times because
# a restart took 11 to 14 s with the defaults; small segments and indexes because 100 topics are preallocated;
# few threads because they share two processors with everything else.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
num.partitions=3
num.network.threads=1
num.io.threads=2
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
controlled.shutdown.enable=true
log.segment.bytes=16777216
log.index.size.max.bytes=262144
log.cleaner.dedupe.buffer.size=4194304
"""


class Kafka:
    name = "kafka"
    incarnation = "kafka"  # its topics stay with its folder, whatever process serves them

    def __init__(self, home, ports):
        self.home, self.ports = home, ports
        self.process = Process(home, self.name)

    @property
    def brokers(self):
        return f"127.0.0.1:{self.ports['kafka']}"

    def _java(self, *more):
        jars = packages.kafka_jars() / "lib"
        # The class archive holds only for exactly this class path in exactly this order.
        path = ":".join(str(j) for j in sorted(jars.glob("*.jar")))
        return [os.path.realpath(shutil.which("java")), *JAVA, *more, "-cp", path]

    def _configure(self):
        data = self.home / "kafka/data"
        text = PROPERTIES.format(port=self.ports["kafka"], controller=self.ports["kafka-controller"], data=data)
        properties = self.home / "kafka/server.properties"
        if not properties.exists() or properties.read_text() != text:
            write_whole(properties, text)
        if not (data / "meta.properties").exists():
            shutil.rmtree(data, ignore_errors=True)
            run([*self._java(), "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties])
        return properties, text

    def _archive_arguments(self):
        """The first broker on a machine writes a class archive when it ends; later ones start twice as fast.

        In an argument file, so that the command line stays the same whether the archive exists or not.
        One that does not fit (another Java) is ignored by -Xshare:auto."""
        shared, own = packages.TOOLS / "kafka/classes.jsa", self.home / "kafka/classes.jsa"
        if own.exists() and not shared.exists():
            os.replace(own, shared)
        flag = f"-XX:SharedArchiveFile={shared}" if shared.exists() else f"-XX:ArchiveClassesAtExit={own}"
        write_whole(self.home / "kafka/java.args", f'"{flag}"\n')

    def start(self):
        """Returns whether it had to be started."""
        properties, text = self._configure()
        argv = [*self._java(f"@{self.home / 'kafka/java.args'}"), "kafka.Kafka", str(properties)]
        if self.process.is_current(argv, marks=[text]):
            return False
        self.process.stop()
        self._archive_arguments()
        self.process.start(argv, marks=[text])
        self.process.wait_ready(self.answers, 180)
        return True

    def answers(self):
        """A listener that accepts has finished its recovery: Kafka opens it last."""
        try:
            socket.create_connection(("127.0.0.1", self.ports["kafka"]), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self):
        return self.process.stop(grace=20)
