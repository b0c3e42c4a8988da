"""A running copy that is treated badly, and the load that goes on meanwhile."""
import collections
import contextlib
import os
import random
import signal
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path

import psycopg
import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/e2e"), str(ROOT / "tests/kill"), str(Path(__file__).resolve().parent)]
os.environ.setdefault("NXT_PATIENCE", "120")
from client import Person, eventually  # noqa: E402
from databases import Databases  # noqa: E402
from history import History, Write, check  # noqa: E402
from nxt.stack import Stack  # noqa: E402
from patient import Patient  # noqa: E402
from people import Cast  # noqa: E402
from topics import bounds, everything  # noqa: E402
from storm import settle  # noqa: E402
from letters import Letters  # noqa: E402
from replica import Replica  # noqa: E402
from nxt.home import SERVICES  # noqa: E402

WALLETS = 8
# Tables that say how far work has come, not what came of it.
PROGRESS = {"outbox_events", "consumer_offsets", "relay_lease", "schema_migrations", "dead_letters"}


class Writer(Patient):
    """One caller of the load. All share the administrator's session: there is a limit to how many he may have."""

    def __init__(self, world, number):
        admin = world.cast.admin
        super().__init__(world.env, email=admin.email, password=admin.password)
        self.world, self.random = world, random.Random(f"{world.seed} {number} {world.loads}")
        self.token = world.token

    def sign_in(self):
        self.token = self.world.renew(self.token)
        return self

    def _send(self, *args):
        with self.world.history.lock:
            self.world.history.tries += 1
        try:
            answer = super()._send(*args)
        except requests.RequestException:
            self._count_refusal()
            raise
        if answer.status >= 500:
            self._count_refusal()
        return answer

    def _count_refusal(self):
        with self.world.history.lock:
            self.world.history.refused += 1

    def write(self):
        self.random.choices((self.movement, self.department, self.category), (8, 1, 1))[0]()

    def movement(self):
        self.move(self.random.choice(self.world.wallets), self.random.choice(("credit", "debit")), self.random.randrange(1, 50))

    def move(self, wallet, verb, amount):
        reference = str(uuid.uuid4())
        answer = self.post(f"/v1/tracecoin-wallets/{wallet}/{verb}", {
            "amount": amount, "reference_type": "BONUS", "reference_id": reference, "remarks": "a test"},
            expect=200)
        assert answer["id"] == wallet
        self.world.history.acknowledged(Write("movement", "finance", "tracecoin_ledger", reference, wallet=wallet,
                                              type=verb.upper(), amount=amount))
        return answer

    def department(self):
        self._row("department", "identity", "departments", "/v1/departments", "name")

    def category(self):
        self._row("category", "notify", "kb_categories", "/v1/kb-categories", "name")

    def _row(self, kind, service, table, path, column):
        body = self.world.body(table)
        name = body[column] = f"Chaos {uuid.uuid4().hex}"
        answer = self.post(path, body, expect=201)
        self.world.history.acknowledged(Write(kind, service, table, answer["id"], column=column, name=name))


class World(Letters):
    def __init__(self, env, seed):
        self.env, self.seed = env, seed
        self.stack = Stack(env["NXT_HOME"], preset=env["NXT_PRESET"])
        self.sql, self.cast, self.history = Databases(env), Cast(env), History()
        self.findings, self.last_mail, self.ruined, self.loads = {}, 0, False, 0
        self.garbage, self.garbage_ever = collections.Counter(), 0
        self.token, self.lock = self.cast.admin.token, threading.Lock()
        self.cast.admin.may("/v1/tracecoin-wallets").may("/v1/departments")
        self.token = self.cast.admin.token
        self.wallets = [self._wallet(n) for n in range(WALLETS)]
        for wallet in self.wallets:     # so much that none runs low: each low balance is a mail
            Writer(self, 0).move(wallet, "credit", 1_000_000)

    def _wallet(self, n):
        owner = Patient(self.env, name=f"chaos{n}").register().sign_in()
        rows = eventually("a wallet", lambda: self.sql(
            "finance", "SELECT id::text FROM tracecoin_wallets WHERE user_id = %s", owner.id))
        return rows[0]["id"]

    def body(self, table):
        from bodies import Bodies
        return Bodies(self.env, self.cast).simple(table)

    def renew(self, old):
        """A new token for all, unless another caller has just fetched one."""
        with self.lock:
            if self.token == old:
                admin = Patient(self.env, email=self.cast.admin.email, password=self.cast.admin.password)
                self.token = admin.sign_in().token
        return self.token

    @contextlib.contextmanager
    def load(self, callers=6, per_second=None):
        """Writes go on inside the block; each is repeated under its key until it is acknowledged."""
        over, failures = threading.Event(), []
        self.loads += 1

        def work(writer):
            try:
                while not over.is_set():
                    began = time.monotonic()
                    writer.write()
                    if per_second:
                        over.wait(max(0, callers / per_second - (time.monotonic() - began)))
            except BaseException:
                failures.append(traceback.format_exc())
        threads = [threading.Thread(target=work, args=(Writer(self, n),)) for n in range(callers)]
        for t in threads:
            t.start()
        try:
            yield
        finally:
            over.set()
            for t in threads:
                t.join()
        assert not failures, failures[0]

    @contextlib.contextmanager
    def replicas(self, services=SERVICES):
        """A second process of each, beside the first."""
        made = {s: Replica(self.stack, s) for s in services}
        try:
            for r in made.values():
                r.start()
            for r in made.values():
                r.wait_ready()
            yield made
        finally:
            for r in made.values():
                r.process.signal(signal.SIGCONT)
                r.stop()

    @contextlib.contextmanager
    def gateway_over(self, replicas):
        """The gateway with both processes of each service behind it."""
        gateway = self.stack.gateway
        text = (self.stack.home / "gateway/nginx.conf").read_text()
        for s, replica in replicas.items():
            one = f"server 127.0.0.1:{self.stack.ports[s]} max_fails=0;"
            assert one in text
            text = text.replace(one, f"{one}\n    server 127.0.0.1:{replica.ports[s]} max_fails=0;")
        gateway.run(text)
        try:
            yield
        finally:
            gateway.start()

    def daemon_env(self, service, **env):
        self.stack.daemon_env[service] = env

    def settle(self):
        settle(self.stack, self.sql)

    def verdict(self):
        """All at rest, then what does not fit; and the figures of what was compared."""
        self.settle()
        eventually("each mail is sent", lambda: not self.sql("notify", "SELECT FROM email_logs WHERE status <> 'SENT' LIMIT 1"), 180, 0.5)
        found, published = check(self.history, self.env, self.sql, self.garbage_ever)
        for what, examples in self.take_findings().items():
            for example in examples:
                found.note(what, example)
        return found, {"acknowledged": len(self.history.writes), "events": len(published.events),
                       "sent_again": published.doubles, "refused_meanwhile": self.history.refused}

    def take_findings(self):
        """What the row itself found; the next one begins with none."""
        found, self.findings = self.findings, {}
        return found

    def some_mail(self):
        """Somebody signs up, once a second at most; who is not answered is not looked for afterwards."""
        if time.monotonic() - self.last_mail > 1:
            self.last_mail = time.monotonic()
            somebody = Person(self.env, name="mail")
            with contextlib.suppress(requests.RequestException, AssertionError):
                somebody.sign_up()
                self.history.acknowledged(Write("sign-up", "notify", "email_logs", somebody.email))

    def passes_by(self):
        """Seconds until a debit of each wallet, whose keys lie in all partitions, has come to the audit log."""
        writer, began = Writer(self, 0), time.monotonic()
        asked = [writer.move(wallet, "debit", 1).headers["X-Request-Id"] for wallet in self.wallets]
        eventually("the audit rows", lambda: len(asked) == len(self.sql(
            "audit", "SELECT FROM audit_logs WHERE entity_id = ANY (%s::uuid[]) AND request_id = ANY (%s::uuid[])", self.wallets, asked)), 60)
        return time.monotonic() - began

    def ends(self):
        return {place: end for place, (_, end) in bounds(self.env).items()}

    # ---- everything once more ----

    def hashes(self):
        """{service.table: hash of its rows}; not of what says how far work has come."""
        found = {}
        for s in SERVICES:
            for row in self.sql(s, "SELECT relname AS t FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
                                   " AND relnamespace = 'public'::regnamespace ORDER BY 1"):
                if row["t"] not in PROGRESS:
                    found[f"{s}.{row['t']}"] = self.sql(s, f"SELECT md5(string_agg(md5(t::text), '' ORDER BY md5(t::text)))"
                                                           f" AS h FROM {row['t']} t")[0]["h"]
        return found

    def send_again(self):
        """Puts every event that was published back into the outbox of its service, as it was."""
        rows = collections.defaultdict(list)
        for record in everything(self.env):
            headers = {k: v.decode() for k, v in record.headers() or ()}
            if "ce_id" in headers:
                rows[headers["ce_source"].rsplit("/", 1)[1]].append(
                    (headers["ce_id"], record.topic().split(".")[0], headers["ce_subject"], record.topic(), record.value(),
                     headers["ce_time"]))
        for service, events in rows.items():
            with psycopg.connect(self.env[f"NXT_DB_{service.upper()}"]) as db:
                db.cursor().executemany("INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, created_at)"
                                        " VALUES (%s, %s, %s, %s, %s, %s)", events)
        return sum(map(len, rows.values()))

    def close(self):
        self.sql.close()


def seed_of(argument=None):
    return int(argument or os.environ.get("NXT_CHAOS_SEED") or random.SystemRandom().randrange(1, 10**6))
