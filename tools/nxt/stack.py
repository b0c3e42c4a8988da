"""One running copy as a whole. `nxt up` and the tests both drive this class.

    stack = Stack(home="/tmp/x", preset="dev", preferred_ports=False)   # or Stack() for ./nxt's own
    stack.up(); stack.env["NXT_GATEWAY_URL"]; stack.kill9("finance"); stack.restart("finance"); stack.down(wipe=True)
"""
import shutil
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from nxt import build, daemons, migrate, packages
from nxt.bus import EmbeddedBroker, KAFKA, make_topics
from nxt.gateway import Gateway
from nxt.home import Home, SERVICES
from nxt.kafka import Kafka
from nxt.mail import Mail
from nxt.ports import Ports
from nxt.postgres import Postgres
from nxt.ui import NxtError, say, step


class Stack:
    def __init__(self, home=None, preset=None, preferred_ports=True, daemon_env=None):
        """daemon_env: {service or "*": {NAME: value}} goes before what is made up here. Where None is given it is that of
        the last up(): whoever stops and starts a part of a copy later, a test for example, starts the same."""
        self.home = Home(home)
        self.preset = preset or self.home.state.get("preset", "release")
        self.daemon_env = dict(self.home.state.get("daemon_env", {}) if daemon_env is None else daemon_env)
        self.preferred_ports = preferred_ports
        self._assemble()

    def _assemble(self):
        self.ports = Ports(self.home, self.preferred_ports)
        self.postgres = Postgres(self.home, self.ports)
        self.kafka = Kafka(self.home, self.ports)
        self.embedded = EmbeddedBroker(self)
        self.mail = Mail(self.home, self.ports)
        self.gateway = Gateway(self)
        self.daemons = {s: daemons.Daemon(self, s) for s in SERVICES}
        self.parts = {p.name: p for p in (self.postgres, self.kafka, self.embedded, self.mail,
                                          *self.daemons.values(), self.gateway)}

    @property
    def bus_name(self):
        return self.home.state.get("bus", KAFKA)

    @property
    def bus(self):
        return self.kafka if self.bus_name == KAFKA else self.embedded

    def part(self, name):
        if name == "broker":
            return self.bus
        if name not in self.parts:
            raise NxtError(f"no part called {name}; there are {', '.join(self.parts)}, broker")
        return self.parts[name]

    def need(self, *names):
        """For words that talk to a running part."""
        down = [name for name in names if not self.part(name).process.pid()]
        if down:
            raise NxtError(f"{', '.join(down)}: not running; ./nxt up starts what is missing")

    # ---- what the tests need ----

    def kill9(self, name):
        """SIGKILL for one part, and nothing else."""
        self.part(name).process.kill9()

    def start(self, name):
        """Starts one part again and waits until it is ready."""
        part = self.part(name)
        part.start()
        if name in self.daemons:
            part.wait_ready()

    def stop(self, name):
        self.part(name).stop()

    def restart(self, name):
        self.stop(name)
        self.start(name)

    def settle_ports(self):
        """New ports for parts that are down and whose port another program took meanwhile."""
        self.ports.settle(self._is_running)

    @property
    def env(self):
        """Where an outside test finds everything; the names are fixed."""
        found = {"NXT_GATEWAY_URL": self.gateway.url}
        found.update({f"NXT_{s.upper()}_URL": self.daemons[s].url for s in SERVICES})
        found.update({f"NXT_{s.upper()}_OPS_URL": self.daemons[s].ops_url for s in SERVICES})
        found.update({f"NXT_DB_{s.upper()}": self.postgres.owner_url(s) for s in SERVICES})
        found.update({"NXT_KAFKA_BROKERS": self.bus.brokers, "NXT_MAIL_URL": self.mail.url,
                      "NXT_BIN": str(build.binaries(self.preset))})
        # For the daemons' one-time commands. By service: one environment serves all six.
        found.update({f"NXT_{s.upper()}_DATABASE_URL": self.postgres.runtime_url(s) for s in SERVICES})
        found["NXT_IDENTITY_SIGNING_KEYS_DIR"] = self.daemons["identity"].environment()["NXT_SIGNING_KEYS_DIR"]
        return found

    @property
    def inner_env(self):
        """More than `nxt env` promises: for our own tests and benchmarks."""
        found = {f"NXT_RUNTIME_DB_{s.upper()}": self.postgres.runtime_url(s) for s in SERVICES}
        return {**self.env, **found, "NXT_HOME": str(self.home.path), "NXT_PRESET": self.preset,
                "NXT_DB_SUPERUSER": self.postgres.super_url(), "NXT_SMTP_CA_FILE": str(self.mail.ca)}

    # ---- up and down ----

    def up(self, bus=None, ports=None, with_build=True):
        with self.home.locked():
            self._assemble()
            self._choose(bus, ports or {})
            packages.install_debian({"build", "run"} | ({"kafka"} if self.bus_name == KAFKA else set()))
            if with_build:
                build.build(self.preset)
            self._need_binaries()
            self._fetch_tools()
            for part in self.parts.values():
                part.process.sweep()
            self.ports.settle(self._is_running)
            self._start_infrastructure()
            self._prepare()
            self._start_daemons()
            _report("gateway", self.gateway.start, lambda: self.gateway.url)

    def _choose(self, bus, ports):
        if bus and bus != self.bus_name:
            self._stop_all([*self.daemons.values(), self.bus])
        self.home.state.update(bus=bus or self.bus_name, preset=self.preset, daemon_env=self.daemon_env)
        self.ports.configure(ports, self._is_running)

    def _need_binaries(self):
        missing = [d.binary.name for d in self.daemons.values() if not d.binary.exists()]
        if missing:
            raise NxtError(f"not built: {', '.join(missing)}; run ./nxt build {self.preset}")

    def _fetch_tools(self):
        packages.npm("run")
        packages.venv("run")
        if self.bus_name == KAFKA:
            packages.kafka_jars()

    def _is_running(self, port_name):
        owner = {"smtp": "mail", "smtps": "mail", "kafka-controller": "kafka"}.get(port_name)
        return bool(self.parts[owner or port_name.removesuffix("-ops")].process.pid())

    def _start_infrastructure(self):
        """The three need nothing of each other. Forking is done by one thread at a time inside Process.start."""
        reports = {"postgres": lambda: f"127.0.0.1:{self.postgres.port}", self.bus.name: lambda: self.bus.brokers,
                   "mail": lambda: self.mail.url}
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(_report, name, self.parts[name].start, where) for name, where in reports.items()]
        for each in waiting:
            each.result()
        if self.bus is self.embedded:
            say(self.embedded.warning)

    def _prepare(self):
        """Databases, migrations, topics, keys, permissions, mail server: each only where its inputs changed."""
        if daemons.once(self.home, "databases", " ".join(SERVICES), self.postgres.make_databases):
            say(f"  {'databases':<14} {len(SERVICES)} made")
        self.migrate(always=False)
        self._forget_other_bus()
        make_topics(self)
        if self.daemons["identity"].binary.exists():
            daemons.make_signing_keys(self)
            daemons.import_permissions(self)
            daemons.import_settings(self)
        if self.daemons["notify"].binary.exists():
            daemons.configure_smtp(self)

    def _forget_other_bus(self):
        """A position counts the events of one bus: on another a consumer would pass over what is new there. All that
        is there is read from its beginning; what was known already has no effect again."""
        now = self.bus.incarnation
        if self.home.state.get("positions_of", KAFKA) == now:
            return
        self._stop_all(list(self.daemons.values()))
        for service in SERVICES:
            self.postgres.psql("DELETE FROM consumer_offsets", self.postgres.owner_url(service))
        self.home.state["positions_of"] = now
        self.home.save()

    def migrate(self, always=True):
        with ThreadPoolExecutor(3) as pool:
            behind = [s for s, is_behind in zip(SERVICES, pool.map(self._is_behind, SERVICES)) if is_behind]
        todo = SERVICES if always else behind
        if not todo:
            return
        # Tables that are made anew are empty, and what a daemon remembers of the old ones is no longer so.
        self.home.forget(*(what for s in behind for what in daemons.IMPORTS.get(s, ())))
        self._stop_all([self.daemons[s] for s in behind])
        with step("migrations") as note, ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda s: migrate.migrate(s, self.postgres.owner_url(s)), todo))
            note(", ".join(todo))

    def _is_behind(self, service):
        return migrate.is_behind(service, self.postgres)

    def _start_daemons(self):
        started = [d for d in daemons.built(self) if d.start()]
        if not started and all(d.ready() for d in daemons.built(self)):
            return
        with step("daemons") as note:
            for daemon in daemons.built(self):
                daemon.wait_ready()
            for daemon in daemons.built(self):
                daemon.wait_consumes()
            note(", ".join(d.name for d in started) or "ready again")

    def down(self, wipe=False, report=lambda name, seconds: None):
        """report is told of each part when it has stopped."""
        with self.home.locked():
            self._assemble()
            stopped = self._stop_all([self.gateway, *self.daemons.values(), self.mail, self.kafka, self.embedded,
                                      self.postgres], report)
            if wipe:
                self._wipe()
        return stopped

    def _stop_all(self, parts, report=lambda name, seconds: None):
        """Together: each has its own grace period. PostgreSQL last, so that the daemons can still commit."""
        begun = monotonic()

        def stop(part):
            was = part.stop()
            if was:
                report(part.name, monotonic() - begun)
            return was
        first = [p for p in parts if p is not self.postgres]
        with ThreadPoolExecutor(len(first) or 1) as pool:
            stopped = [p.name for p, was in zip(first, list(pool.map(stop, first))) if was]
        if self.postgres in parts and stop(self.postgres):
            stopped.append("postgres")
        return stopped

    def _wipe(self):
        """Data, logs, secrets and chosen ports; not the tools, which hold nothing of a run."""
        self.postgres.wipe()
        for entry in self.home.path.iterdir():
            if entry.name in ("tools", "test", "lock"):
                continue
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.home.state.clear()


def _report(name, start, where):
    """One line for a part that had to be started; nothing for one that runs."""
    begun = monotonic()
    if start():
        say(f"  {name:<14} {where()} ({monotonic() - begun:.1f} s)")
