"""`nxt demo`: the first flow, through the gateway like any client, and what each step left behind.

Every run makes new people, so it can be repeated; only the administrator is made once.
"""
import datetime
import json
import re
import secrets
import subprocess
import time

from nxt import build
from nxt.client import Client, eventually
from nxt.ui import NxtError, say

PASSWORD_BYTES = 12
SHOWN = 700        # characters of an answer


class Person:
    """Somebody with a mailbox; registering and signing in are the demo's first steps."""

    def __init__(self, demo, name, account_type):
        self.email, self.password = f"{name}.{demo.run_id}@example.com", secrets.token_urlsafe(PASSWORD_BYTES)
        self.demo, self.api = demo, Client(demo.url, shown=demo.show if demo.shows else None)
        self.account_type = account_type

    def register(self):
        body = {"email": self.email, "password": self.password, "account_type": self.account_type}
        answer = self.api.post("/v1/auth/register", body, expect=202)
        self.demo.tell(f"POST /v1/auth/register {self.email}", f"202 {answer['status']}")
        mail = self.demo.mail_to(self.email, "confirmation mail")
        self.demo.tell("mail", f"“{mail['subject']}”")
        token = re.search(r"[?&]token=([\w.~%-]+)", f"{mail['text']} {mail['html']}")
        if not token:
            raise NxtError(f"the mail to {self.email} holds no link with ?token=")
        answer = self.api.post("/v1/auth/verify-email", {"token": token[1]}, expect=200)
        self.demo.tell("POST /v1/auth/verify-email", f"200 {answer['status']}")
        return self

    def sign_in(self):
        answer = self.api.post("/v1/auth/login", {"email": self.email, "password": self.password, "client": "UI"}, expect=200)
        self.api.token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        return self

    def refresh(self):
        answer = self.api.post("/v1/auth/refresh", {"refresh_token": self.refresh_token}, expect=200)
        self.api.token, self.refresh_token = answer["access_token"], answer["refresh_token"]

    @property
    def id(self):
        return self.api.get("/v1/me", expect=200)["id"]


class Demo:
    def __init__(self, stack, shows=False):
        """`shows`: each call as a curl command, with its answer."""
        self.stack, self.url, self.shows = stack, stack.gateway.url, shows
        self.run_id = f"{int(time.time()):x}"
        self.begun = datetime.datetime.now(datetime.timezone.utc)

    # ---- telling ----

    def chapter(self, text):
        say(f"\n{text}")

    def tell(self, what, result=""):
        say(f"  {what:<62} {result}")

    def show(self, curl, answer):
        say(f"    {curl}\n      → {answer.status} {answer.text[:SHOWN]}{'…' if len(answer.text) > SHOWN else ''}")

    def mail_to(self, address, what, subject=""):
        """The newest mail to an address."""
        def newest():
            found = [m for m in self.stack.mail.messages() if address in m["to"] and subject.lower() in m["subject"].lower()]
            return found[-1] if found else None
        return eventually(f"{what} to {address}", newest)

    # ---- the flow ----

    def run(self):
        if not self.stack.gateway.answers():
            raise NxtError("nothing runs here: ./nxt up first")
        self.administrator()
        self.reviewer()
        self.company()
        self.job()
        self.rejected_job()
        self.purchase()
        self.left_behind()

    def administrator(self):
        self.chapter("The first administrator, by a command on the server")
        person = self.admin = Person(self, "admin", "INDIVIDUAL")
        person.email = "admin@nxtgauge.localhost"
        person.password = self.stack.home.secret("demo_administrator")
        try:
            self.stack.daemons["identity"].run(["admin", "create", "--email", person.email], person.password + "\n")
            self.tell(f"nxt-identity admin create --email {person.email}", "made")
        except NxtError as error:
            self.tell("nxt-identity admin create", str(error).splitlines()[-1].split(": ", 1)[-1])
        try:
            person.sign_in()
        except NxtError as error:
            raise NxtError(f"this copy has an administrator of its own, and the demo needs {person.email}: give it a copy"
                           f" of its own, NXT_HOME=.nxt/demo ./nxt up, then NXT_HOME=.nxt/demo ./nxt demo\n{error}") from None
        self.tell("GET /v1/me", f"roles {', '.join(map(str, person.api.get('/v1/me')['roles']))}")

    def reviewer(self):
        self.chapter("A reviewer: registers, asks for the role, is hired and let in")
        person = self.review = Person(self, "reviewer", "INDIVIDUAL").register().sign_in()
        request = person.api.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
        self.tell("POST /v1/user-roles reviewer", f"201 {request['status']}")
        self.hire(person)
        # The administrator's own projection of the request is the same row: same service, no waiting.
        decided = self.admin.api.post(f"/v1/user-roles/{request['id']}/approve", expect=200)
        self.tell("POST /v1/user-roles/…/approve (administrator)", f"200 {decided['status']}")
        eventually("the reviewer's permission", lambda: self.may_review(person))
        self.tell("GET /v1/approval-requests (reviewer)", "200, the permission reached the other services")

    def hire(self, person):
        code = f"D{self.run_id}"
        department = self.admin.api.post("/v1/departments", {"name": f"Review {code}", "code": code}, expect=201)
        designation = self.admin.api.post("/v1/designations", {"name": f"Reviewer {code}", "code": code,
                                          "department_id": department["id"], "can_approve": True}, expect=201)
        employee = self.admin.api.post("/v1/employees", {
            "user_id": person.id, "employee_code": f"E{self.run_id}", "department_id": department["id"],
            "designation_id": designation["id"], "joining_date": "2026-01-01"}, expect=201)
        self.tell("POST /v1/departments, /v1/designations, /v1/employees", f"201 {employee['employment_status']}")

    def may_review(self, person):
        person.refresh()
        return person.api.get("/v1/approval-requests?status=PENDING", expect=(200, 401, 403)).status == 200

    def company(self):
        self.chapter("A company: registers, describes itself, is approved")
        person = self.owner = Person(self, "company", "COMPANY").register().sign_in()
        profile = person.api.post("/v1/company-profiles", {
            "company_name": f"Acme {self.run_id}", "business_type": "PRIVATE_LIMITED", "industry": "Software",
            "contact_person_name": "Asha Rao", "email": person.email, "phone": "+919800000000",
            "location": "Bengaluru", "bio": "We make measuring instruments."}, expect=201)
        self.company_id = profile["id"]
        self.tell("POST /v1/company-profiles", f"201 {profile['status']}")
        sent = person.api.post(f"/v1/company-profiles/{profile['id']}/submit", expect=200)
        self.tell("POST /v1/company-profiles/…/submit", f"200 approval {sent['approval_status']}")
        self.decide(profile["id"], "approve")
        self.wait_status(f"/v1/company-profiles/{profile['id']}", "ACTIVE")

    def decide(self, entity_id, verb, remarks=None):
        """What a reviewer does: finds the request in the queue and judges exactly the version he saw."""
        def queued():
            page = self.review.api.get("/v1/approval-requests?status=PENDING&sort=-created_at&limit=200", expect=200)
            return next((r for r in page["items"] if r["entity_id"] == entity_id), None)
        request = eventually("the approval request", queued)
        body = {"content_hash": request["content_hash"], **({"remarks": remarks} if remarks else {})}
        own = self.owner.api.post(f"/v1/approval-requests/{request['id']}/{verb}", body, expect=(403, 404))
        self.tell(f"POST /v1/approval-requests/…/{verb} (the owner tries)", f"{own.status} {own['code']}")
        answer = self.review.api.post(f"/v1/approval-requests/{request['id']}/{verb}", body, expect=200)
        self.tell(f"POST /v1/approval-requests/…/{verb} (reviewer)", f"200 {answer['status']}")

    def wait_status(self, path, status):
        begun = time.monotonic()
        eventually(f"{path} {status}", lambda: self.owner.api.get(path, expect=200)["status"] == status)
        self.tell(f"GET {re.sub('/[0-9a-f-]{36}', '/…', path)}",
                  f"200 {status}, {1000 * (time.monotonic() - begun):.0f} ms after the decision")

    def new_job(self, title):
        job = self.owner.api.post("/v1/jobs", {
            "company_profile_id": self.company_id, "title": title, "description": "Firmware for gauges.",
            "location": "Bengaluru", "employment_type": "FULL_TIME", "mode_of_work": "HYBRID",
            "budget_inr": 250000000, "salary_range_json": {"min_inr": 180000000, "max_inr": 250000000}}, expect=201)
        self.tell("POST /v1/jobs", f"201 {job['status']}")
        sent = eventually("the marketplace knows the company is active", lambda: self.submitted(job["id"]))
        self.tell("POST /v1/jobs/…/submit", f"200 {sent['status']}")
        return job["id"]

    def submitted(self, job_id):
        """The company's approval reaches the marketplace as an event: until then it says 409."""
        sent = self.owner.api.post(f"/v1/jobs/{job_id}/submit", expect=(200, 409))
        return sent if sent.status == 200 else None

    def job(self):
        self.chapter("A job: drafted, submitted, approved, live")
        self.job_id = self.new_job("Embedded engineer")
        self.decide(self.job_id, "approve")
        self.wait_status(f"/v1/jobs/{self.job_id}", "LIVE")

    def rejected_job(self):
        self.chapter("Another job: rejected with a remark, back to its owner")
        job_id = self.new_job("Sales wizard")
        self.decide(job_id, "reject", "Please say what the work is.")
        self.wait_status(f"/v1/jobs/{job_id}", "DRAFT")

    def purchase(self):
        self.chapter("A package, free by coupon: completed at once")
        package = self.admin.api.post("/v1/pricing-packages", {
            "name": f"Starter {self.run_id}", "description": "Fifty tracecoins", "package_type": "TRACECOIN_BUNDLE",
            "price_inr": 99900, "tracecoins_included": 50, "validity_days": 365, "is_active": True}, expect=201)
        now = self.begun
        coupon = self.admin.api.post("/v1/coupons", {
            "code": f"FREE{self.run_id.upper()}", "description": "All of it", "discount_type": "PERCENT",
            "discount_value": 100, "min_order_value_inr": 0, "usage_limit": 1, "is_active": True,
            "valid_from": _time(now - datetime.timedelta(days=1)), "valid_to": _time(now + datetime.timedelta(days=1))}, expect=201)
        self.tell("POST /v1/pricing-packages, /v1/coupons (administrator)", f"201 {coupon['code']}")
        order = self.owner.api.post("/v1/orders", {
            "order_type": "PACKAGE", "items": [{"item_type": "PACKAGE", "item_id": package["id"], "quantity": 1}],
            "coupon_code": coupon["code"]}, Idempotency_Key=f"demo-{self.run_id}", expect=201)
        self.order_id = order["id"]
        self.tell("POST /v1/orders", f"201 {order['status']}, total {order['total_inr']} paise")
        wallet = self.owner.api.get("/v1/tracecoin-wallets?user_id=me", expect=200)["items"][0]
        ledger = self.owner.api.get(f"/v1/tracecoin-ledger?wallet_id={wallet['id']}", expect=200)["items"]
        self.tell("GET /v1/tracecoin-wallets, /v1/tracecoin-ledger",
                  f"balance {wallet['current_balance']}, {len(ledger)} row: {ledger[0]['transaction_type']} {ledger[0]['amount']}")

    # ---- what it left behind ----

    def left_behind(self):
        self.chapter("The job's story in audit_logs")
        path = f"/v1/audit-logs?entity_type=job&entity_id={self.job_id}&sort=created_at&limit=200"

        def story():
            items = self.admin.api.get(path, expect=200)["items"]
            kinds = {i["metadata_json"]["event_type"] for i in items}
            return items if {"job.submitted", "approval.decided", "job.published"} <= kinds else None
        for row in eventually("the job's audit rows", story):
            changes = self.admin.api.get(f"/v1/audit-logs/{row['id']}/changes", expect=200)["items"]
            self.tell(f"{row['metadata_json']['event_type']:<22} {row['action']:<8} by {row['actor_type']:<9}",
                      "; ".join(f"{c['field_name']} {c['old_value_text'] or '–'} → {c['new_value_text']}"
                                for c in changes if "status" in c["field_name"]))
        self.events()
        self.messages()

    def events(self):
        self.chapter("The same as events on the bus (./nxt events shows them decoded)")
        nxtctl = build.binaries(self.stack.preset) / "nxtctl"
        if not nxtctl.exists():
            self.tell("nxtctl is not built")
            return
        topics = ["job.submitted", "approval.requested", "approval.decided", "job.published", "order.completed"]
        out = subprocess.run([str(nxtctl), "events", "--brokers", self.stack.bus.brokers, "--from-beginning", "--exit", *topics],
                             capture_output=True, text=True, timeout=30)
        told = [json.loads(line) for line in out.stdout.splitlines()]
        for event in told:
            context = event["context"]
            if context["entity_id"] in (self.job_id, self.order_id):
                self.tell(f"{event['type']:<20} {context.get('entity_label', '')}",
                          f"partition {event['position']['partition']}, by {context['actor']['type']}, click {context['correlation_id']}")

    def messages(self):
        self.chapter("Mails and notifications")
        eventually("the owner's mails", lambda: len(self.mails()) >= 4)
        for mail in self.mails():
            self.tell(mail["to"][0], f"“{mail['subject']}”")
        logged = self.admin.api.get(f"/v1/email-logs?to_email={self.owner.email}", expect=200)["items"]
        self.tell("GET /v1/email-logs", ", ".join(sorted({m["status"] for m in logged})) + f", {len(logged)} rows")
        inbox = self.owner.api.get("/v1/notifications", expect=200)["items"]
        read = self.owner.api.post(f"/v1/notifications/{inbox[0]['id']}/read", expect=200)
        self.tell(f"GET /v1/notifications; POST …/read “{inbox[0]['title']}”", f"{len(inbox)} rows; {read['status']}")
        say(f"\nAll of it: {self.stack.mail.url} (mails), ./nxt events, ./nxt psql audit\n"
            f"To sign in yourself: {self.admin.email}, whose password is demo_administrator in "
            f"{self.stack.home / 'secrets.json'}")

    def mails(self):
        return [m for m in self.stack.mail.messages() if m["to"][0].endswith(f".{self.run_id}@example.com")]


def _time(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
