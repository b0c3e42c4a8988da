"""The first flow 200 times, while every daemon, the broker and PostgreSQL are killed with -9 at random moments.

Afterwards: every acknowledged write is there, every event has had exactly one effect, wallets equal the ledger,
nothing is dead-lettered. NXT_KILL_SEED repeats a run's choices; NXT_KILL_FLOWS and NXT_KILL_SECONDS (how long the
killing lasts at most) make it shorter.
"""
import collections
import os
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(Path(__file__).resolve().parent)]
os.environ.setdefault("NXT_PATIENCE", "120")
from client import Mailbox, eventually  # noqa: E402
from databases import Databases  # noqa: E402
from nxt.home import SERVICES  # noqa: E402
from nxt.stack import Stack  # noqa: E402
from patient import Patient  # noqa: E402
from people import Cast, company_fields, job_fields  # noqa: E402
from storm import ROUND, Storm, settle  # noqa: E402
from topics import everything, messages  # noqa: E402

FLOWS = int(os.environ.get("NXT_KILL_FLOWS", 200))
SECONDS = int(os.environ.get("NXT_KILL_SECONDS", 150))
SEED = int(os.environ.get("NXT_KILL_SEED", 20260101))
WORKERS = 8
LETTERS = str.maketrans("0123456789", "ghijklmnop")

pytestmark = pytest.mark.timeout(SECONDS + 900)


class Flow:
    """One company from sign-up to a live job and a free package; what was acknowledged is kept."""

    def __init__(self, env, reviewer, package, number):
        self.owner, self.reviewer = Patient(env, "COMPANY", f"flow{number}"), reviewer
        # Letters only: digits in a row are a phone number to the scan of titles.
        self.package, self.mark = package, f"flow {uuid.uuid4().hex.translate(LETTERS)}"
        self.acknowledged = {}

    def run(self):
        owner = self.owner.register().sign_in()
        self.acknowledged["user"] = owner.id
        company = owner.post("/v1/company-profiles", company_fields(owner, company_name=self.mark), expect=201)
        self.acknowledged["company"] = company["id"]
        owner.post(f"/v1/company-profiles/{company['id']}/submit", expect=200)
        self.approve(company["id"])
        self.wait(f"/v1/company-profiles/{company['id']}", "ACTIVE")
        job = self.draft(company["id"])
        self.acknowledged["job"] = job["id"]
        owner.until("the job is submitted", lambda: owner.post(f"/v1/jobs/{job['id']}/submit", expect=(200, 409)).status == 200)
        order = owner.post("/v1/orders", {"order_type": "PACKAGE", "items": [
            {"item_type": "PACKAGE", "item_id": self.package, "quantity": 1}]}, expect=201)
        assert order["status"] == "COMPLETED"
        self.acknowledged["order"] = order["id"]
        self.acknowledged["request"] = self.approve(job["id"])
        self.wait(f"/v1/jobs/{job['id']}", "LIVE")

    def draft(self, company_id):
        """The marketplace may hear of the company late: then the field is refused, and the same is tried again."""
        def tried():
            answer = self.owner.post("/v1/jobs", job_fields(company_id, title=self.mark), expect=(201, 422))
            return answer if answer.status == 201 else None
        return self.owner.until("the job is taken", tried)

    def approve(self, entity_id):
        path = f"/v1/approval-requests?status=PENDING&entity_id={entity_id}"
        request = self.reviewer.until(f"a request for {entity_id}", lambda: self.reviewer.get(path, expect=200).items)[0]
        self.reviewer.post(f"/v1/approval-requests/{request['id']}/approve", {"content_hash": request["content_hash"]},
                           expect=200)
        return request["id"]

    def wait(self, path, status):
        self.owner.until(f"{path} is {status}", lambda: self.owner.get(path, expect=200)["status"] == status)


@pytest.fixture(scope="module")
def sql():
    databases = Databases(dict(os.environ))
    yield databases
    databases.close()


@pytest.fixture(scope="module")
def aftermath(sql):
    """The storm itself, once; then a wait until nothing moves any more."""
    env = dict(os.environ)
    cast, stack = Cast(env), Stack(env["NXT_HOME"], preset=env["NXT_PRESET"])
    package = cast.admin.post("/v1/pricing-packages", {
        "name": f"Free {uuid.uuid4().hex[:8]}", "description": "Fifty tracecoins", "package_type": "TRACECOIN_BUNDLE",
        "price_inr": 0, "tracecoins_included": 50, "validity_days": 365, "is_active": True}, expect=201)["id"]
    # The reviewer's sessions are capped: everybody uses one.
    pool = [Patient(env, email=cast.reviewer.email, password=cast.reviewer.password) for _ in range(WORKERS)]
    for one in pool:
        one.token = cast.reviewer.token
    done, failures, numbers, lock = [], [], iter(range(FLOWS)), threading.Lock()
    begun = time.monotonic()

    def work(reviewer):
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            flow = Flow(env, reviewer, package, number)
            try:
                flow.run()
                done.append(flow)
            except BaseException:
                failures.append(f"flow {number} (acknowledged {flow.acknowledged}):\n{traceback.format_exc()}")
    workers = [threading.Thread(target=work, args=(r,)) for r in pool]
    with Storm(stack, SEED, SECONDS) as storm:
        for w in workers:
            w.start()
        for w in workers:
            w.join()
    ended = time.monotonic()
    settle(stack, sql)
    print(f"\nseed {SEED}: {len(done)} flows in {ended - begun:.0f} s, quiet after {time.monotonic() - ended:.0f} s more;"
          f" {storm.described()}")
    return {"env": env, "done": done, "failures": failures, "kills": storm.kills}


# ---- the flows ----

def test_every_flow_reached_its_end(aftermath):
    assert not aftermath["failures"], "\n".join(aftermath["failures"][:3])
    assert len(aftermath["done"]) == FLOWS
    assert set(aftermath["kills"]) == set(ROUND), "every part was killed"


def test_every_acknowledged_write_is_there(aftermath, sql):
    def ids(what):
        return sorted(f.acknowledged[what] for f in aftermath["done"])

    def there(service, table, what, condition):
        rows = sql(service, f"SELECT id::text FROM {table} WHERE id = ANY (%s::uuid[]) AND {condition}", ids(what))
        return sorted(r["id"] for r in rows)
    assert there("identity", "users", "user", "status = 'ACTIVE'") == ids("user")
    assert there("profiles", "company_profiles", "company", "status = 'ACTIVE' AND approval_status = 'APPROVED'") == ids("company")
    assert there("marketplace", "jobs", "job", "status = 'LIVE' AND approved_at IS NOT NULL") == ids("job")
    assert there("finance", "orders", "order", "status = 'COMPLETED'") == ids("order")
    assert there("profiles", "approval_requests", "request", "status = 'APPROVED'") == ids("request")


def test_nothing_was_done_twice(aftermath, sql):
    """A repeated request made one row, a repeated event one effect."""
    twice = {"identity": "SELECT email FROM users GROUP BY 1 HAVING count(*) > 1",
             "profiles": "SELECT company_name FROM company_profiles WHERE company_name LIKE 'flow %%' GROUP BY 1 HAVING count(*) > 1",
             "marketplace": "SELECT title FROM jobs GROUP BY title HAVING count(*) > 1 AND title LIKE 'flow %%'",
             "finance": "SELECT user_id FROM orders WHERE user_id = ANY (%s::uuid[]) GROUP BY 1 HAVING count(*) > 1"}
    users = [f.acknowledged["user"] for f in aftermath["done"]]
    for service, statement in twice.items():
        assert sql(service, statement, *([users] if "%s" in statement.replace("%%", "") else [])) == []
    assert sql("profiles", "SELECT entity_id FROM approval_requests WHERE approval_type = 'CONTENT'"
                           " AND entity_id = ANY (%s::uuid[]) GROUP BY entity_id HAVING count(*) <> 1",
               [f.acknowledged["job"] for f in aftermath["done"]]) == []
    assert sql("profiles", "SELECT approval_request_id, action FROM approval_logs GROUP BY 1, 2 HAVING count(*) > 1") == []


# ---- money ----

def test_wallets_equal_the_ledger(aftermath, sql):
    wrong = sql("finance", """
        SELECT w.id, w.current_balance, coalesce(l.sum, 0) AS sum, l.last FROM tracecoin_wallets w LEFT JOIN (
            SELECT wallet_id, sum(CASE transaction_type WHEN 'CREDIT' THEN amount ELSE -amount END) AS sum,
                   (array_agg(balance_after ORDER BY created_at DESC, id DESC))[1] AS last
            FROM tracecoin_ledger GROUP BY 1) l ON l.wallet_id = w.id
        WHERE w.current_balance <> coalesce(l.sum, 0) OR w.current_balance <> coalesce(l.last, 0)""")
    assert wrong == []
    users = [f.acknowledged["user"] for f in aftermath["done"]]
    rows = sql("finance", "SELECT user_id::text, current_balance FROM tracecoin_wallets WHERE user_id = ANY (%s::uuid[])", users)
    assert sorted((r["user_id"], r["current_balance"]) for r in rows) == sorted((u, 50) for u in users)


def test_every_order_has_one_invoice_and_numbers_have_no_gap(aftermath, sql):
    assert sql("finance", "SELECT o.id FROM orders o LEFT JOIN invoices i ON i.order_id = o.id WHERE o.status = 'COMPLETED'"
                          " GROUP BY o.id HAVING count(i.id) <> 1") == []
    numbers = [r["invoice_number"] for r in sql("finance", "SELECT invoice_number FROM invoices")]
    series = collections.defaultdict(list)
    for number in numbers:
        prefix, _, tail = number.rpartition("/")
        series[prefix].append(int(tail))
    for prefix, found in series.items():
        assert sorted(found) == list(range(1, len(found) + 1)), prefix


# ---- events ----

@pytest.fixture(scope="module")
def published(aftermath):
    """{event id: (topic, number of changes)} of everything that is on the bus."""
    envelope, found = messages()["AnyEvent"], {}
    for record in everything(aftermath["env"]):
        context = envelope.FromString(record.value()).context
        found[context.event_id] = record.topic(), len(context.changes)
    return found


def test_every_event_is_one_row_of_the_audit_log(published, sql):
    rows = {str(r["id"]): r["n"] for r in sql("audit", """
        SELECT a.id, count(c.id) AS n FROM audit_logs a LEFT JOIN audit_log_changes c ON c.audit_log_id = a.id GROUP BY a.id""")}
    missing = {i: t for i, t in published.items() if i not in rows}
    assert not missing, f"{len(missing)} of {len(published)} events have no row: {list(missing.items())[:5]}"
    strange = set(rows) - set(published)
    assert not strange, f"{len(strange)} rows have no event"
    wrong = {i: (t, n, rows[i]) for i, (t, n) in published.items() if rows[i] != n}
    assert not wrong, f"changes differ: {list(wrong.items())[:5]}"


def test_every_acknowledged_change_was_published(aftermath, published, sql):
    """Nothing is left in an outbox, and each job has told its whole story."""
    rows = sql("audit", "SELECT entity_id::text AS id, array_agg(metadata_json->>'event_type') AS kinds FROM audit_logs"
                        " WHERE entity_type = 'job' GROUP BY 1")
    kinds = {r["id"]: collections.Counter(r["kinds"]) for r in rows}
    for flow in aftermath["done"]:
        told = kinds[flow.acknowledged["job"]]
        for kind in ("job.changed", "job.submitted", "approval.requested", "approval.decided", "job.published"):
            assert told[kind] == 1, f"{flow.mark}: {kind} {told[kind]} times"


def test_every_notification_is_there_once(aftermath, sql):
    assert sql("notify", "SELECT source_event_id, user_id, channel FROM notifications GROUP BY 1, 2, 3 HAVING count(*) > 1") == []
    for flow in aftermath["done"]:
        told = sql("notify", "SELECT channel FROM notifications WHERE related_entity_id = %s AND user_id = %s AND channel = 'IN_APP'",
                   flow.acknowledged["job"], flow.acknowledged["user"])
        assert len(told) == 1, flow.mark


def test_every_mail_was_sent(aftermath, sql):
    """Each under one Message-ID, by which a mailbox knows a second copy. One that was being handed over when notify was
    killed is handed over again when its lease is over."""
    emails = [f.owner.email for f in aftermath["done"]]

    def waiting():
        return sql("notify", "SELECT id FROM email_logs WHERE to_email = ANY (%s) AND status <> 'SENT'", emails)
    eventually("all mails are SENT", lambda: not waiting(), 180, 0.5)
    logs = sql("notify", "SELECT to_email, provider_reference FROM email_logs WHERE to_email = ANY (%s)", emails)
    expected = collections.Counter((r["to_email"], r["provider_reference"].strip("<>")) for r in logs)
    assert set(expected.values()) == {1}
    taken = collections.Counter((m["to"][0], m["headers"]["Message-ID"].strip("<>")) for m in Mailbox(aftermath["env"]).all()
                                if m["to"][0] in set(emails))
    assert set(taken) == set(expected)
    print(f"\n{len(expected)} mails, {sum(taken.values()) - len(taken)} handed over twice")


def test_nothing_is_dead_lettered(aftermath, sql):
    for service in SERVICES:
        assert sql(service, "SELECT topic, error FROM dead_letters") == [], service


def test_projections_equal_their_owners(aftermath, sql):
    users = {str(r["id"]): r["status"] for r in sql("identity", "SELECT id, status FROM users")}
    for service in SERVICES[1:]:
        refs = {str(r["id"]): r for r in sql(service, "SELECT * FROM user_refs")}
        for user, status in users.items():
            assert refs[user]["known"] and refs[user].get("status", status) == status, f"{service}: {user}"
    companies = {(str(r["id"]), r["status"], r["version"]) for r in sql("profiles", "SELECT id, status, version FROM company_profiles")}
    # A company that its owner removed stays known where jobs may point at it.
    assert companies <= {(str(r["id"]), r["status"], r["version"]) for r in sql("marketplace", "SELECT * FROM company_refs")}
