"""What is measured: one running copy of the project in a home of its own, and who signs in to it."""
import secrets

import psycopg

import bus
from nxt.client import Client, eventually
from nxt.home import SERVICES
from nxt.stack import Stack

ADMINISTRATOR = "bench@nxtgauge.localhost"
EVERY_ROLE = "api,relay,consumer"


class World:
    """Starts from nothing each time, so that no run is measured on what an earlier one left."""

    def __init__(self, home, preset="release"):
        self.stack = Stack(home, preset=preset, preferred_ports=False)
        self.password = secrets.token_urlsafe(24)

    def begin(self):
        """Everything up, an administrator who may write prices, commits with their time."""
        self.stack.down(wipe=True)
        self.stack.up()
        self._keep_commit_times()
        self.arrange()
        self.stack.daemons["identity"].run(["admin", "create", "--email", ADMINISTRATOR], self.password + "\n")
        eventually("the administrator's permission in finance", self._may_write, 180)

    def end(self):
        self.stack.down()

    def _keep_commit_times(self):
        """pg_xact_commit_timestamp() tells when a row became visible; it costs about nothing."""
        self.stack.postgres.psql("ALTER SYSTEM SET track_commit_timestamp = on")
        self.stack.restart("postgres")

    def _may_write(self):
        return self.client("finance").patch_nothing() in (404, 428)

    # ---- daemons ----

    def built(self, service):
        return self.stack.daemons[service].binary.exists()

    def arrange(self, **roles):
        """Leaves exactly these daemons running, each with these roles; without words all six with all."""
        roles = roles or {s: EVERY_ROLE for s in SERVICES}
        for service, daemon in self.stack.daemons.items():
            if service not in roles:
                daemon.stop()
        self.stack.settle_ports()
        for service in filter(self.built, roles):
            self.stack.daemon_env[service] = {"NXT_ROLES": roles[service]}
            self.stack.daemons[service].start()
        for service in filter(self.built, roles):
            self.stack.daemons[service].wait_ready()

    def pid(self, service):
        return self.stack.part(service).process.pid()

    # ---- callers ----

    def sign_in(self):
        """An access token of the administrator; it lives for some minutes, so each row takes its own."""
        return Client(self.stack.daemons["identity"].url).post(
            "/v1/auth/login", {"email": ADMINISTRATOR, "password": self.password}, expect=200)["access_token"]

    def client(self, service):
        return _Staff(self.stack.daemons[service].url, self.sign_in())

    # ---- databases ----

    def url(self, service):
        """The daemons' own way in: their role, over the unix socket."""
        return self.stack.postgres.runtime_url(service)

    def connect(self, service, autocommit=True):
        return psycopg.connect(self.url(service), autocommit=autocommit)

    def superuser(self, service):
        url = self.stack.postgres.super_url().rsplit("/", 1)[0] + f"/nxt_{service}"
        return psycopg.connect(url, autocommit=True)

    def empty(self, service, *tables):
        """Also insert-only tables: their triggers do not fire for a replica."""
        with self.superuser(service) as db:
            db.execute("SET session_replication_role = replica")
            db.execute(f"TRUNCATE {', '.join(tables)}")
            db.execute("RESET session_replication_role")
            db.execute(f"VACUUM ANALYZE {', '.join(tables)}")

    def count(self, service, table):
        with self.connect(service) as db:
            return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def drain(self, service):
        """Until its relay has sent what an earlier row wrote without one."""
        eventually(f"the outbox of {service} is empty", lambda: self.count(service, "outbox_events") == 0, 180)

    def catch_up(self, service, topic):
        """Until a running consumer has seen all of a topic: what earlier rows left for it."""
        with self.connect(service) as db:
            bus.wait_position(db, topic, bus.end(self.stack.bus.brokers, topic))

    def quiesce(self, service):
        """Until the last requests of a load have left the database: a table is not emptied under them."""
        def at_work():
            with self.superuser(service) as db:
                return db.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                                  " AND xact_start IS NOT NULL").fetchone()[0]
        eventually(f"{service} has no open transaction", lambda: not at_work())

    def settle(self):
        """Writes out what earlier rows left behind, so that no row pays for another one's checkpoint."""
        with self.superuser("finance") as db:
            db.execute("CHECKPOINT")


class _Staff(Client):
    def patch_nothing(self):
        """The status that shows whether a permission has arrived, without writing anything."""
        return self.call("PATCH", "/v1/pricing-packages/01920000-0000-7000-8000-000000000000", {},
                         expect=(401, 403, 404, 428)).status
