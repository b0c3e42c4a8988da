"""Parts that go away: the rest refuses clearly or goes on, and all is well again when they are back, without a restart."""
import http.client
import os
import signal
import socket
import threading
import time
import uuid

import psycopg
import pytest
import requests
from client import Api, Person, eventually, link_token
from nxt.home import SERVICES
from people import decide, queued, wait_status
from topics import published

pytestmark = pytest.mark.disruptive

# A read and a write of each service, by the administrator.
READS = {"identity": "/v1/departments", "profiles": "/v1/approval-requests", "finance": "/v1/coupons",
         "marketplace": "/v1/jobs", "notify": "/v1/email-logs", "audit": "/v1/audit-logs"}
WRITES = {"identity": ("/v1/departments", lambda: {"name": f"D {uuid.uuid4().hex}", "code": uuid.uuid4().hex[:12].upper()}),
          "profiles": ("/v1/customer-profiles", lambda: {"display_name": "x"}),
          "finance": ("/v1/tax-rules", lambda: {"name": f"T {uuid.uuid4().hex}", "tax_type": "GST", "tax_rate": "1.000",
                                                "applies_to": "PACKAGE", "is_active": False}),
          "marketplace": ("/v1/leads", lambda: {"profession_key": "photographer", "title": "x"})}


@pytest.fixture
def boss(admin):
    """The administrator with a token that lasts through what follows."""
    return admin.sign_in()


def pids(stack):
    return {s: stack.daemons[s].process.pid() for s in SERVICES}


def ready(env, service):
    return requests.get(env[f"NXT_{service.upper()}_OPS_URL"] + "/readyz?verbose", timeout=5)


def all_ready(env):
    return all(ready(env, s).status_code == 200 for s in SERVICES)


@pytest.fixture
def whole(env, stack):
    """Whatever a test took away is back when it ends."""
    yield stack
    for name in ("postgres", "kafka", "mail", *SERVICES, "gateway"):
        stack.start(name)
    eventually("all is ready again", lambda: all_ready(env), 40)


# ---- PostgreSQL ----

@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_database_away(env, whole, boss, cast, how):
    before = pids(whole)
    company = cast.company.sign_in()
    (whole.stop if how == "stopped" else whole.kill9)("postgres")
    for service in SERVICES:
        begun = time.monotonic()
        refused = boss.at(service).get(READS[service], expect=503)
        assert refused["code"] in ("unavailable", "overloaded") and int(refused.headers["Retry-After"]) >= 1
        assert time.monotonic() - begun < 12, "a refusal has a deadline"
        if service in WRITES:
            path, body = WRITES[service]
            boss.at(service).post(path, body(), expect=503).says("unavailable")
        assert requests.get(env[f"NXT_{service.upper()}_OPS_URL"] + "/livez", timeout=5).status_code == 200
        eventually(f"{service} says so", lambda s=service: ready(env, s).status_code == 503)
        assert '"name":"database"' in ready(env, service).text
    boss.post("/v1/auth/login", {"email": boss.email, "password": boss.password}, expect=503, token=None)
    company.get("/v1/unheard-of", expect=404)

    whole.start("postgres")
    for service in SERVICES:
        eventually(f"{service} answers again", lambda s=service: boss.at(s).get(READS[s], expect=(200, 503)).status == 200, 20)
        eventually(f"{service} is ready again", lambda s=service: ready(env, s).status_code == 200)
    assert pids(whole) == before, "nobody had to be restarted"
    # The whole flow, consumers and relays too.
    company.live_job()


def test_requests_in_flight_when_the_database_dies_get_an_answer(env, whole, boss, sql):
    """No request hangs, and what was said to be written is written."""
    answers, stop = [], threading.Event()

    def write():
        api = Api(env, boss.token)
        while not stop.is_set():
            body = WRITES["identity"][1]()
            answer = api.post("/v1/departments", body, expect=(201, 503))
            answers.append((answer.status, body["code"]))
    threads = [threading.Thread(target=write) for _ in range(4)]
    for t in threads:
        t.start()
    eventually("all write", lambda: len(answers) >= 20)
    whole.kill9("postgres")
    eventually("somebody is told", lambda: answers[-1][0] == 503, 20)
    whole.start("postgres")
    eventually("writes go on", lambda: answers[-1][0] == 201, 20)
    stop.set()
    for t in threads:
        t.join(timeout=40)
        assert not t.is_alive(), "a request hangs"
    written = {r["code"] for r in sql("identity", "SELECT code FROM departments")}
    lost = [code for status, code in answers if status == 201 and code not in written]
    assert not lost
    assert {status for status, _ in answers} == {201, 503}


def test_a_daemon_stops_amid_a_question(env, whole, sql):
    """It hears the answer first: what the fiber that asked holds would be lost, which a sanitizer tells at the end."""
    process = whole.daemons["audit"].process
    with psycopg.connect(env["NXT_DB_AUDIT"]) as db:
        db.execute("LOCK TABLE access_roles")
        eventually("it asks for the rights", lambda: sql(
            "audit", "SELECT FROM pg_locks WHERE relation = 'access_roles'::regclass AND NOT granted"))
        os.kill(process.pid(), signal.SIGTERM)
        eventually("its relay has ended", lambda: not sql(
            "audit", "SELECT FROM pg_stat_activity WHERE application_name = 'nxt-audit-relay'"))
        assert process.pid(), "it waits for the answer"
    eventually("it has ended", lambda: not process.pid())


# ---- Kafka ----

def test_broker_away(env, whole, boss, cast, sql):
    before, company = pids(whole), cast.company.sign_in()
    company.live_job()      # all services know the company now
    whole.kill9("broker")
    job = company.draft(title="Written while the bus was away")
    company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
    for service in WRITES:
        path, body = WRITES[service]
        boss.at(service).post(path, body(), expect=(201, 409))

    def degraded(service):
        answer = ready(env, service)
        return answer.status_code == 200 and "degraded" in answer.text
    for service in SERVICES:
        eventually(f"{service} is degraded, but ready", lambda s=service: degraded(s), 40)
    assert sql("marketplace", "SELECT FROM outbox_events WHERE aggregateid = %s", job["id"])

    whole.start("broker")
    queued_soon = eventually("the submission arrives", lambda: boss.get(
        f"/v1/approval-requests?entity_id={job['id']}", expect=200).items, 60)
    assert queued_soon[0]["status"] == "PENDING"
    decide(boss, job["id"])
    wait_status(company, f"/v1/jobs/{job['id']}", "LIVE")
    assert len(published(env, "job.submitted", job["id"])) == 1
    assert pids(whole) == before
    for service in SERVICES:
        eventually(f"{service} is no longer degraded", lambda s=service: "degraded" not in ready(env, s).text, 30)


# ---- mail ----

def test_mail_server_away(env, whole, sql, mailbox):
    whole.stop("mail")
    person = Person(env)
    person.sign_up()
    row = eventually("the mail waits", lambda: sql("notify", "SELECT * FROM email_logs WHERE to_email = %s", person.email))[0]
    # An attempt that no server took part in is given back to the mail, so only its error tells of it.
    eventually("it was tried", lambda: sql("notify", "SELECT FROM email_logs WHERE id = %s AND error_message IS NOT NULL", row["id"]))
    assert sql("notify", "SELECT status FROM email_logs WHERE id = %s", row["id"])[0]["status"] == "PENDING"
    whole.start("mail")
    mail = mailbox.wait(person.email, "token=", seconds=90)
    sent = eventually("it is SENT", lambda: sql("notify", "SELECT * FROM email_logs WHERE id = %s AND status = 'SENT'", row["id"]))
    assert sent[0]["provider_reference"].strip("<>") == mail["headers"]["Message-ID"].strip("<>")
    time.sleep(2)
    assert len(mailbox.all(person.email)) == 1, "sent once"
    person.post("/v1/auth/verify-email", {"token": link_token(mail)}, expect=200)


def test_mail_server_says_later_then_yes(env, whole, sql, mailbox):
    person = Person(env)
    mailbox.behave(refuse=[{"to": person.email, "reply": "451 4.7.1 try again later", "times": 1}])
    try:
        person.sign_up()
        mailbox.wait(person.email, "token=", seconds=90)
    finally:
        mailbox.behave()
    [row] = eventually("it is SENT", lambda: sql(
        "notify", "SELECT * FROM email_logs WHERE to_email = %s AND status = 'SENT'", person.email))
    assert row["attempts"] == 2 and len(mailbox.all(person.email)) == 1


def test_mail_server_says_never(env, whole, sql, mailbox, boss):
    person = Person(env)
    mailbox.behave(refuse=[{"to": person.email, "reply": "550 5.1.1 no such user"}])
    try:
        person.sign_up()
        [row] = eventually("it is FAILED", lambda: sql(
            "notify", "SELECT * FROM email_logs WHERE to_email = %s AND status = 'FAILED'", person.email))
    finally:
        mailbox.behave()
    assert "550" in row["error_message"] and row["attempts"] == 1
    [failed] = published(env, "email.failed", str(row["id"]))
    assert failed.status == "FAILED"
    assert mailbox.all(person.email) == []


# ---- daemons ----

def test_identity_away(env, whole, boss):
    """Who holds a token goes on; a daemon that starts meanwhile finds the keys in its last good copy."""
    whole.kill9("identity")
    boss.get("/v1/me", expect=503).says("unavailable")
    for service in SERVICES[1:]:
        boss.at(service).get(READS[service], expect=200)
    whole.restart("profiles")
    boss.at("profiles").get(READS["profiles"], expect=200)
    boss.at("profiles").get(READS["profiles"], token=boss.token[:-4] + "AAAA", expect=401)
    whole.start("identity")
    eventually("identity answers", lambda: boss.get("/v1/me", expect=(200, 503)).status == 200)


def test_a_daemon_that_is_asked_to_stop_finishes_what_it_does(env, whole, boss):
    """SIGTERM: no answer is lost, the exit is clean and within the grace period."""
    answers, stop = [], threading.Event()

    def write():
        http = requests.Session()
        while not stop.is_set():
            try:
                answer = http.post(env["NXT_FINANCE_URL"] + "/v1/tax-rules", json=WRITES["finance"][1](), timeout=20,
                                   headers={"Authorization": f"Bearer {boss.token}"})
                answers.append(answer.status_code)
            except requests.ConnectionError as error:
                # Refused before it was taken is fine; cut off after it was taken is not.
                answers.append("refused" if "refused" in str(error) else "closed" if not answers or answers[-1] == "refused" else "cut")
                if answers[-1] == "refused":
                    return
    threads = [threading.Thread(target=write) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    begun = time.monotonic()
    whole.daemons["finance"].process.signal(signal.SIGTERM)
    assert whole.daemons["finance"].process.wait_gone(25)
    assert time.monotonic() - begun < 22
    stop.set()
    for t in threads:
        t.join(timeout=30)
    assert 201 in answers and not [a for a in answers if a not in (201, 503, "refused", "closed")], answers[-20:]
    whole.start("finance")


def test_an_idle_connection_outlives_its_proxy(env, whole):
    """A request that meets the closing of its connection fails: the daemon that stops waits until the proxy has let go."""
    daemon, url = whole.daemons["finance"], env["NXT_FINANCE_URL"].removeprefix("http://")
    idle = http.client.HTTPConnection(url, timeout=5)
    idle.request("GET", "/v1/tax-rules")
    assert idle.getresponse().read()
    daemon.process.signal(signal.SIGTERM)
    eventually("nobody else is let in", lambda: refused(url), pause=0.005)
    time.sleep(0.9)     # nginx lets go after a second
    idle.request("GET", "/v1/tax-rules")
    answer = idle.getresponse()
    assert answer.status == 401 and answer.headers["Connection"] == "close" and answer.read()
    assert daemon.process.wait_gone(5), "it waits for nobody else"
    whole.start("finance")


def refused(address):
    try:
        socket.create_connection(address.split(":"), timeout=0.1).close()
        return False
    except OSError:
        return True


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_daemon_comes_back_and_misses_nothing(env, whole, boss, cast, service):
    company = cast.company.sign_in()
    job = company.draft(title=f"While {service} was dead")
    if service == "marketplace":
        company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
        whole.kill9(service)
    else:
        whole.kill9(service)
        company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
    begun = time.monotonic()
    whole.start(service)
    assert time.monotonic() - begun < 15
    queued(boss, job["id"])
    decide(boss, job["id"])
    wait_status(company, f"/v1/jobs/{job['id']}", "LIVE")
    eventually("its story is whole", lambda: {"job.submitted", "approval.decided", "job.published"} <= {
        r["metadata_json"]["event_type"] for r in boss.get(
            f"/v1/audit-logs?entity_type=job&entity_id={job['id']}&limit=50", expect=(200, 503)).get("items", [])}, 30)


def test_settings_outlive_identity_and_a_restart(env, whole, boss, sql):
    """Each daemon keeps the last values in its own database: identity is asked neither at work nor at a start."""
    key, customer = "marketplace.lead_accept_limit", Person(env).register().sign_in()
    found = boss.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
    config = found[0] if found else boss.post("/v1/runtime-configs", {
        "config_group": "marketplace", "config_key": key, "config_value_json": 3}, expect=201)
    path = f"/v1/runtime-configs/{config['id']}"

    def limit_of_a_lead():
        return customer.post("/v1/leads", {"profession_key": "photographer", "title": "A wedding", "location": "Bengaluru",
                                           "budget_inr": 1000000}, expect=201)["accept_limit"]
    boss.patch(path, {"config_value_json": 7, "reason": "a quiet season"}, expect=200)
    try:
        eventually("the marketplace goes by it", lambda: limit_of_a_lead() == 7)
        whole.stop("identity")
        assert limit_of_a_lead() == 7
        whole.restart("marketplace")
        assert limit_of_a_lead() == 7
        whole.start("identity")
        told = eventually("identity answers", lambda: (lambda a: a if a.status == 200 else None)(
            boss.get(f"/v1/runtime-configs/{key}/explain")))
        assert (told["effective_value"], told["layers"][1]["reason"]) == (7, "a quiet season")
        back = boss.post(f"{path}/rollback", {"version": told["layers"][1]["version"] - 1, "reason": "the season is over"}, expect=200)
        assert back["config_value_json"] == config["config_value_json"]
        kept = sql("identity", "SELECT reason, changed_by_user_id::text AS who FROM runtime_config_versions"
                   " WHERE runtime_config_id = %s ORDER BY version DESC LIMIT 2", config["id"])
        assert kept == [{"reason": "the season is over", "who": boss.id}, {"reason": "a quiet season", "who": boss.id}]
        told = boss.get(f"/v1/runtime-configs/{key}/explain", expect=200)["layers"][1]
        assert (told["reason"], told["changed_by_user_id"]) == ("the season is over", boss.id)
    finally:
        whole.start("identity")
        boss.patch(path, {"config_value_json": config["config_value_json"]}, expect=200)


def test_an_ended_session_is_not_forgotten_when_the_databases_clock_is_set_forward(env, whole):
    """By an hour, as where a standby with another clock takes over: what ended a moment ago is dated an hour ago then."""
    person = Person(env).register().sign_in()
    other = Person(env, email=person.email, password=person.password).sign_in()
    person.delete(f"/v1/user-sessions/{other.session_id}", expect=204)
    eventually("the marketplace has heard of it", lambda: other.get("/v1/jobs?status=DRAFT").status == 401)
    with psycopg.connect(whole.postgres.owner_url("marketplace"), autocommit=True) as db:
        moved = db.execute("UPDATE access_sessions SET ended_at = ended_at - interval '1 hour' WHERE session_id = %s",
                           [other.session_id]).rowcount
    assert moved == 1
    whole.restart("marketplace")
    other.get("/v1/jobs?status=DRAFT", expect=401)


def test_gateway_says_who_is_away(env, whole, boss):
    whole.kill9("marketplace")
    refused = boss.get("/v1/jobs", expect=503).says("unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    boss.get("/v1/me", expect=200)

