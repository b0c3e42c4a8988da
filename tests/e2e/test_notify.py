"""Notify: what people are told and how, templates, mail servers, support, the knowledge base."""
import json
import threading
import time
import uuid

import pytest
import requests

from client import Person, eventually, link_token
from people import decide, staff
from test_finance import copy_of, together


@pytest.fixture(scope="module")
def agent(env, admin):
    return staff(env, admin, "support_agent").may("/v1/support-tickets")


@pytest.fixture(scope="module")
def second_agent(env, admin):
    return staff(env, admin, "support_agent").may("/v1/support-tickets")


@pytest.fixture(scope="module")
def user(env):
    return Person(env, name="asker").register().sign_in()


@pytest.fixture
def fresh(env):
    return Person(env).register().sign_in()


def inbox(person, query=""):
    return person.get(f"/v1/notifications?limit=200{query}", expect=200).items


# ---- notifications and mail ----

def test_the_confirmation_mail(env, admin, mailbox):
    person = Person(env)
    person.sign_up()
    mail = mailbox.wait(person.email, "confirm")
    token = link_token(mail)
    assert mail["text"].split(token)[0].endswith("/verify-email?token=")
    assert f"?token={token}\"" in mail["html"] and "List-Unsubscribe" not in mail["headers"]
    [row] = eventually("the mail is SENT", lambda: [m for m in admin.get(
        f"/v1/email-logs?to_email={person.email}", expect=200).items if m["status"] == "SENT"])
    assert row["provider_reference"] == mail["headers"]["Message-ID"]
    assert row["source_event_id"] in row["provider_reference"]
    assert token not in json.dumps(row) and "token=********" in row["body_snapshot"]
    assert row["is_critical"] and row["attempts"] == 1 and row["response_code"] == 250


def test_the_token_leaves_no_trace(env, sql, mailbox):
    person = Person(env).register()
    token = link_token(mailbox.wait(person.email, "confirm"))
    kept = sql("notify", "SELECT e::text AS row, token_ciphertext FROM email_logs e WHERE to_email = %s", person.email)
    assert all(token not in row["row"] and row["token_ciphertext"] is None for row in kept)
    audited = sql("audit", "SELECT l::text AS row FROM audit_logs l WHERE metadata_json->>'event_type' = %s",
                  "auth.token_issued")
    assert audited and all(token not in row["row"] for row in audited)


def test_each_is_told_once_per_channel(fresh, sql):
    eventually("the welcome", lambda: inbox(fresh, "&template_key=user.activated.push"))
    rows = sql("notify", "SELECT source_event_id, channel, count(*) FROM notifications WHERE user_id = %s GROUP BY 1, 2",
               fresh.id)
    assert rows and all(row["count"] == 1 for row in rows)
    assert {n["channel"] for n in inbox(fresh)} == {"IN_APP"}


def test_unread_and_read_all(fresh):
    eventually("two notifications", lambda: len(inbox(fresh)) >= 2)
    unread = fresh.get("/v1/notifications/unread-count", expect=200)["unread"]
    assert unread == len(inbox(fresh, "&status=SENT")) > 0
    assert fresh.post("/v1/notifications/read-all", expect=200).json == {"read": unread, "more": False}
    assert fresh.get("/v1/notifications/unread-count", expect=200)["unread"] == 0
    assert all(n["read_at"] for n in inbox(fresh))
    one = inbox(fresh)[0]
    fresh.post(f"/v1/notifications/{one['id']}/read", expect=409).says("illegal_transition")


def test_nobody_writes_notifications_by_hand(fresh, anyone):
    fresh.post("/v1/notifications", {"title": "x"}, expect=405)
    anyone.get("/v1/notifications", expect=401)
    anyone.get("/v1/notifications/unread-count", expect=401)


def test_why_did_i_get_this(fresh, admin):
    welcome = eventually("the welcome", lambda: inbox(fresh, "&template_key=user.activated.push"))[0]
    eventually("the story tells of its event", lambda: welcome["source_event_id"] in [row["id"] for row in admin.get(
        f"/v1/audit-logs?correlation_id={welcome['correlation_id']}&limit=200", expect=200).items])


def test_who_asks_for_a_role_is_told_that_it_waits(fresh, admin, mailbox):
    fresh.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    mail = mailbox.wait(fresh.email, "waiting for a decision")
    assert "Reviewer" in mail["subject"] and mail["html"]
    eventually("told in-app", lambda: inbox(fresh, "&template_key=role.requested.push"))
    eventually("who decides is told too", lambda: inbox(admin, "&template_key=role.requested.push"))
    fresh.post("/v1/user-roles", {"role_key": "tutor"}, expect=201)     # given at once
    mailbox.wait(fresh.email, "confirm")
    assert not [m for m in mailbox.all(fresh.email) if "Tutor" in m["subject"]]


def test_preferences_switch_topics_off_but_not_the_critical(env, cast, mailbox, sql):
    company = cast.company
    company.patch("/v1/me/settings", {"settings_json": {"notifications": {"jobs": {"email": False}}}}, expect=200)
    eventually("notify knows", lambda: sql("notify", "SELECT FROM user_settings_refs WHERE user_id = %s"
                                           " AND settings_json::text LIKE '%%jobs%%'", company.id))
    job = company.live_job(title=f"Silent {uuid.uuid4().hex[:6]}")
    eventually("told in-app", lambda: inbox(company, f"&related_entity_id={job['id']}"))
    assert not [m for m in mailbox.all(company.email) if job["title"] in m["subject"]]
    company.patch("/v1/me/settings", {"settings_json": {"notifications": {"jobs": None, "email": False}}}, expect=200)
    eventually("notify knows", lambda: sql("notify", "SELECT FROM user_settings_refs WHERE user_id = %s"
                                           " AND settings_json->'notifications'->>'email' = 'false'", company.id))

    def resets():
        return [m for m in mailbox.all(company.email) if "reset-password" in m["text"]]
    before = len(resets())
    company.post("/v1/auth/password/forgot", {"email": company.email}, expect=202)
    eventually("the link is mailed", lambda: len(resets()) > before, pause=0.1)
    company.patch("/v1/me/settings", {"settings_json": {"notifications": None}}, expect=200)
    assert len(resets()) == before + 1


@pytest.mark.parametrize("email", ["a\u009e@example.com", "a@ex\u0097ample.com", "a@ex\u00a0ample.com", "a\u200b@example.com",
                                   "a@exam÷ple.com", "a@.com", "a@example.", "a@ex..com", "a,b@example.com", "a@b@example.com",
                                   f"{'a' * 65}@example.com", "a@example", "@example.com", "a\u200d@example.com",
                                   "a@exam\u200cple.com", ".a@example.com", "a..b@example.com", "a@-example.com"])
def test_what_is_no_address_is_refused(admin, email):
    admin.post("/v1/suppressions", {"email": email}, expect=422).says("validation_failed", "/email")


def test_addresses_of_all_scripts_are_taken(admin):
    for email in ("josé@bücher.example", "संपर्क@उदाहरण.भारत", "o'brien+tag@example.co.in"):
        made = admin.post("/v1/suppressions", {"email": email}, expect=201)
        admin.delete(f"/v1/suppressions/{made['id']}", expect=204)


def test_an_address_is_kept_in_the_form_that_accounts_have(admin):
    """Or the mail would go on to the one who wrote it in another way."""
    made = admin.post("/v1/suppressions", {"email": " Jose\u0301@B\u00dcCHER.example "}, expect=201)
    assert made["email"] == "Jos\u00e9@b\u00fccher.example"
    admin.delete(f"/v1/suppressions/{made['id']}", expect=204)


def test_one_click_unsubscribe(cast, mailbox, admin, anyone):
    company = cast.company
    job = company.live_job(title=f"Noisy {uuid.uuid4().hex[:6]}")
    mail = mailbox.wait(company.email, job["title"])
    url = mail["headers"]["List-Unsubscribe"].strip("<>")
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = url[len(company.url):]
    # who looks, a person or a scanner of links, changes nothing and finds a button
    asked = anyone.get(path, expect=200)
    page = asked.content.decode()
    assert asked.headers["Content-Type"].startswith("text/html") and '<form method="post">' in page and company.email in page
    assert not admin.get(f"/v1/suppressions?email={company.email}", expect=200).items
    for body in (b"List-Unsubscribe=One-Click", b""):
        done = anyone.call("POST", path, raw=body, expect=200, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert "will no longer receive e-mails about jobs" in done.content.decode()
    assert "<form" not in anyone.get(path, expect=200).content.decode()
    anyone.get(path[:-2] + "xx", expect=400).says("token_invalid")
    anyone.call("POST", path[:-2] + "xx", raw=b"", expect=400).says("token_invalid")
    [entry] = admin.get(f"/v1/suppressions?email={company.email}", expect=200).items
    assert (entry["reason"], entry["topic"]) == ("UNSUBSCRIBE", "jobs")
    quiet = company.live_job(title=f"Quiet {uuid.uuid4().hex[:6]}")
    row = eventually("the mail is refused", lambda: [m for m in admin.get(
        f"/v1/email-logs?to_email={company.email}&status=FAILED", expect=200).items if quiet["title"] in m["subject"]])
    assert "suppression" in row[0]["error_message"]
    admin.delete(f"/v1/suppressions/{entry['id']}", expect=204)
    # a double click, or a mail program and a person at once
    for _ in range(8):
        answers = together(*(lambda w=copy_of(anyone): w.call("POST", path, raw=b"", expect=(200, 409)) for _ in range(4)))
        assert [a.status for a in answers] == [200] * 4
        [entry] = admin.get(f"/v1/suppressions?email={company.email}", expect=200).items
        admin.delete(f"/v1/suppressions/{entry['id']}", expect=204)


def test_a_refused_mail_fails_and_a_deferred_one_is_tried_again(env, admin, mailbox, user):
    person = Person(env)
    mailbox.behave(refuse=[{"to": person.email, "reply": "550 5.7.1 no such thing here"}])
    try:
        person.sign_up()
        row = eventually("the mail FAILED", lambda: admin.get(
            f"/v1/email-logs?to_email={person.email}&status=FAILED", expect=200).items)[0]
    finally:
        mailbox.behave()
    assert row["response_code"] == 550 and row["attempts"] == 1 and "550" in row["error_message"]

    later = Person(env)
    mailbox.behave(refuse=[{"to": later.email, "reply": "451 4.7.1 greylisted, come again"}])
    try:
        later.sign_up()
        row = eventually("the mail was put off", lambda: [m for m in admin.get(
            f"/v1/email-logs?to_email={later.email}", expect=200).items if m["response_code"] == 451])[0]
        assert row["status"] == "PENDING" and row["attempts"] >= 1
    finally:
        mailbox.behave()
    mailbox.wait(later.email, "confirm", seconds=30)
    assert len(mailbox.all(later.email)) == 1


@pytest.mark.disruptive
def test_mails_wait_for_the_server_and_are_sent_once(env, stack, mailbox, admin):
    people = [Person(env) for _ in range(3)]
    stack.mail.stop()
    try:
        for person in people:
            person.sign_up()
        eventually("they wait", lambda: all(admin.get(
            f"/v1/email-logs?to_email={p.email}&status=PENDING", expect=200).items for p in people))
    finally:
        stack.mail.start()
    for person in people:
        mailbox.wait(person.email, "confirm", seconds=40)
    time.sleep(2)
    assert [len(mailbox.all(p.email)) for p in people] == [1, 1, 1]


def test_mails_are_seen_by_those_who_may(user, admin, anyone):
    user.get("/v1/email-logs", expect=403).says("forbidden")
    anyone.get("/v1/email-logs", expect=401)
    page = admin.get("/v1/email-logs?limit=1", expect=200)
    assert "token_ciphertext" not in page.items[0] and "lease_owner" not in page.items[0]


def test_a_bounce_and_a_resend(admin, fresh, mailbox):
    rows = eventually("a welcome mail", lambda: [m for m in admin.get(
        f"/v1/email-logs?to_email={fresh.email}&status=SENT", expect=200).items if m["subject"].startswith("Welcome")])
    again = admin.post(f"/v1/email-logs/{rows[0]['id']}/resend", expect=201)
    assert again["resend_of_id"] == rows[0]["id"] and again["status"] == "PENDING"
    eventually("two welcome mails", lambda: len([m for m in mailbox.all(fresh.email)
                                                 if m["subject"].startswith("Welcome")]) == 2)
    confirm = [m for m in admin.get(f"/v1/email-logs?to_email={fresh.email}", expect=200).items
               if "token=" in m["body_snapshot"]][0]
    admin.post(f"/v1/email-logs/{confirm['id']}/resend", expect=422)
    back = admin.post(f"/v1/email-logs/{rows[0]['id']}/bounce", {"error_message": "550 no such user"}, expect=200)
    assert back["status"] == "FAILED"
    assert admin.get(f"/v1/suppressions?email={fresh.email}", expect=200).items[0]["reason"] == "BOUNCE"
    fresh.post(f"/v1/email-logs/{rows[0]['id']}/bounce", {"error_message": "x"}, expect=403)


# ---- templates ----

def template(admin, key):
    return admin.get(f"/v1/notification-templates?template_key={key}", expect=200).items[0]


def test_templates_ship_and_are_checked(admin, user):
    for key in ("auth.token_issued.email", "job.published.email", "job.published.push", "order.completed.email"):
        assert template(admin, key)["is_active"]
    path = f"/v1/notification-templates/{template(admin, 'job.closed.push')['id']}"
    refused = admin.patch(path, {"body_template": "{{titel}}"}, expect=422)
    assert "titel" in refused.says("validation_failed", "/body_template")["errors"][0]["detail"]
    admin.patch(path, {"title_template": "{{#title}}x"}, expect=422).says("validation_failed", "/title_template")
    admin.patch(path, {"html_template": "<b>x</b>"}, expect=422).says("validation_failed", "/html_template")
    admin.patch(path, {"channel": "SMS"}, expect=422).says("validation_failed", "/channel")
    admin.delete(path, expect=409).says("in_use")
    user.patch(path, {"body_template": "x"}, expect=403)
    user.get("/v1/notification-templates", expect=403)
    admin.post("/v1/notification-templates", {"template_key": "no.such.email", "channel": "EMAIL", "body_template": "x"},
               expect=422).says("validation_failed", "/template_key")


def test_a_template_that_would_take_for_ever_is_refused(admin):
    """20 document types, eight times inside each other, are 20^8 passes."""
    path = f"/v1/notification-templates/{template(admin, 'verification.document_requested.email')['id']}"
    nested = "Hi\n" + "{{#document_types}}" * 8 + "{{/document_types}}" * 8
    problem = admin.patch(path, {"body_template": nested}, expect=422).says("validation_failed", "/body_template")
    assert "a section inside itself: {{document_types}}" in problem["errors"][0]["detail"]


def test_a_template_that_cannot_be_rendered_costs_nobody_his_mail(admin, cast, mailbox, sql):
    """Saved before it was refused, or fit for the sample alone: the words that ship are sent."""
    row = template(admin, "job.published.email")
    change = "UPDATE notification_templates SET body_template = %s WHERE id = %s"
    sql("notify", change, "{{no_such_name}}", row["id"])
    try:
        title = "Words that ship " + uuid.uuid4().hex[:6]
        cast.company.live_job(title=title)
        mail = mailbox.wait(cast.company.email, title)
        assert title in mail["text"] and "Hello" in mail["text"] and "no_such_name" not in mail["text"]
    finally:
        sql("notify", change, row["body_template"], row["id"])


def test_every_shipped_template_renders(admin):
    rows = admin.everything("/v1/notification-templates?limit=200")
    assert len(rows) > 90
    for row in rows:
        if row["channel"] == "SMS":
            continue  # none is shipped; one may have been made by another test
        shown = admin.post(f"/v1/notification-templates/{row['id']}/preview", expect=200)
        assert shown["title"] and shown["text"] and "{{" not in shown["title"] + shown["text"], row["template_key"]


def test_html_templates_escape(admin):
    path = f"/v1/notification-templates/{template(admin, 'job.published.email')['id']}"
    shown = admin.post(f"{path}/preview", {"html_template": "<p>{{title}}</p>"}, expect=200)
    assert "<p>title</p>" in shown["html"] and "title" in shown["title"]
    admin.post(f"{path}/preview", {"html_template": "<p>{{{title}}}</p>"}, expect=422)
    for verb in ("preview", "test"):
        admin.post(f"{path}/{verb}", {"body_template": ""}, expect=422).says("validation_failed", "/body_template")
        admin.post(f"{path}/{verb}", dict.fromkeys(("title_template", "body_template", "html_template")), expect=(200, 202))
    plain = admin.post(f"{path}/preview", expect=200)
    assert "<p>" in plain["html"] and "Hello Asha" in plain["text"]


def test_an_edited_template_is_used(admin, cast, mailbox):
    company = cast.company
    row = template(admin, "job.published.email")
    path = f"/v1/notification-templates/{row['id']}"
    admin.patch(path, {"title_template": "LIVE <{{title}}>", "html_template": "<h1>{{title}}</h1>"}, expect=200)
    try:
        job = company.live_job(title="A & B <i>")
        mail = mailbox.wait(company.email, "LIVE <A & B <i>>")
        assert "<h1>A &amp; B &lt;i&gt;</h1>" in mail["html"]
        assert job["title"] in mail["text"]
    finally:
        admin.patch(path, {"title_template": row["title_template"], "html_template": None}, expect=200)


def test_headers_cannot_be_injected(cast, mailbox):
    company = cast.company
    title = "Gauge – ₹ 5 लाख " + uuid.uuid4().hex[:6]
    company.live_job(title=title)
    mail = mailbox.wait(company.email, title)
    assert title in mail["subject"] and "Bcc" not in mail["headers"]


# ---- mail servers ----

def test_mail_servers_hide_nothing_secret_and_one_is_the_default(admin, user):
    [default] = [s for s in admin.get("/v1/smtp-configs", expect=200).items if s["is_default"]]
    body = {"provider_name": f"spare {uuid.uuid4().hex[:6]}", "host": "spare.invalid", "port": 587, "encryption_mode": "TLS",
            "from_email": "no-reply@nxtgauge.localhost", "username": "u", "password_secret": "spare_smtp", "is_active": False}
    spare = admin.post("/v1/smtp-configs", body, expect=201)
    assert "password" not in spare.json and not spare["is_default"]
    admin.post("/v1/smtp-configs", {**body, "encryption_mode": "NONE"}, expect=422).says("validation_failed", "/encryption_mode")
    admin.post("/v1/smtp-configs", {**body, "host": "a/b"}, expect=422).says("validation_failed", "/host")
    admin.post("/v1/smtp-configs", {**body, "password_secret": "../x"}, expect=422).says("validation_failed", "/password_secret")
    admin.post("/v1/smtp-configs", {**body, "port": 0}, expect=422).says("validation_failed", "/port")
    user.get("/v1/smtp-configs", expect=403)
    assert admin.get(f"/v1/smtp-configs/{default['id']}", expect=200)["is_default"]
    admin.delete(f"/v1/smtp-configs/{spare['id']}", expect=204)


def test_fail_over_to_the_next_server(env, admin, mailbox):
    [default] = [s for s in admin.get("/v1/smtp-configs", expect=200).items if s["is_default"]]
    dead = admin.post("/v1/smtp-configs", {
        "provider_name": "dead", "host": "127.0.0.1", "port": 1, "encryption_mode": "TLS",
        "from_email": "no-reply@nxtgauge.localhost", "is_default": True}, expect=201)
    try:
        assert not admin.get(f"/v1/smtp-configs/{default['id']}", expect=200)["is_default"]
        person = Person(env)
        person.sign_up()
        mailbox.wait(person.email, "confirm")
        row = eventually("SENT by the other", lambda: admin.get(
            f"/v1/email-logs?to_email={person.email}&status=SENT", expect=200).items)[0]
        assert row["smtp_config_id"] == default["id"]
    finally:
        admin.delete(f"/v1/smtp-configs/{dead['id']}", expect=204)
        admin.patch(f"/v1/smtp-configs/{default['id']}", {"is_default": True}, expect=200)


# ---- live push ----

def test_new_notifications_are_pushed(cast):
    company = cast.company
    job = company.draft()
    seen, ready = [], threading.Event()

    def listen():
        with requests.get(f"{company.url}/v1/notifications/stream", stream=True, timeout=30,
                          headers={"Authorization": f"Bearer {company.token}"}) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            ready.set()
            for line in answer.iter_lines(decode_unicode=True):
                if line.startswith("data: "):
                    seen.append(json.loads(line[6:])["related_entity_id"])
                    if job["id"] in seen:   # what came before may be told late
                        return
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(10)
    company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
    decide(cast.reviewer, job["id"])
    thread.join(20)
    assert job["id"] in seen


def is_pushed(person, notification, behind):
    with requests.get(f"{person.url}/v1/notifications/stream", stream=True, timeout=10, headers={
            "Authorization": f"Bearer {person.token}", "Last-Event-ID": behind}) as answer:
        return f"id: {notification}" in answer.iter_lines(decode_unicode=True)


def test_a_notification_that_commits_late_is_pushed(cast, sql):
    """Its id is older than the last that the browser has seen."""
    now = int(time.time() * 1000)
    late, seen = (str(uuid.UUID(f"{ms:012x}7{uuid.uuid4().hex[13:]}")) for ms in (now - 1000, now))
    for new in (seen, late):
        sql("notify", "INSERT INTO notifications (id, user_id, channel, title, body, status, source_event_id)"
            " VALUES (%s, %s, 'IN_APP', 'Late', 'Late.', 'SENT', %s)", new, cast.company.id, new)
    assert is_pushed(cast.company, late, behind=seen)


def stream(person):
    return requests.get(f"{person.url}/v1/notifications/stream", stream=True, timeout=4,
                        headers={"Authorization": f"Bearer {person.token}"})


def test_nobody_takes_all_streams(env, user):
    person = Person(env).register().sign_in()
    mine = [stream(person) for _ in range(5)]
    others = stream(user)
    newest = stream(person)
    assert mine[0].text.endswith("retry: 60000\n\n")   # the oldest ends, and says when to come again
    mine.append(newest)
    with pytest.raises(requests.exceptions.ConnectionError):   # the others have nothing more to say, and stay
        next(chunk for chunk in mine[1].iter_content() if chunk == b"!")
    burst = [stream(person) for _ in range(20)]
    refused = [answer for answer in burst if answer.status_code == 429]
    assert others.status_code == 200
    assert refused and "the most of one user" in refused[0].json()["detail"] and refused[0].headers["Retry-After"] == "2"
    for answer in [*mine, others, *burst]:
        answer.close()


# ---- support ----

def open_ticket(person, **more):
    return person.post("/v1/support-tickets", {"subject": "Where is my invoice?", "description": "I cannot find it.",
                                               "category": "BILLING", **more}, expect=201)


def test_messages_are_limited(user, admin):
    ticket = open_ticket(user)
    said = {"message_body": "And another thing."}
    answers = [ticket, user.post(f"/v1/support-tickets/{ticket['id']}/reply", said, expect=201),
               user.post("/v1/support-ticket-messages", {"support_ticket_id": ticket["id"], **said}, expect=201),
               admin.post(f"/v1/notification-templates/{uuid.uuid4()}/test", {}, expect=404),
               admin.post(f"/v1/email-logs/{uuid.uuid4()}/resend", expect=404)]
    for answer in answers:
        assert answer.headers.get("RateLimit", "").startswith("limit="), answer
    assert "RateLimit" not in user.get(f"/v1/support-tickets/{ticket['id']}", expect=200).headers


def test_a_ticket_from_opening_to_closing(user, agent, second_agent, mailbox):
    ticket = open_ticket(user)
    path = f"/v1/support-tickets/{ticket['id']}"
    assert ticket["status"] == "OPEN" and ticket["first_response_due_at"] < ticket["resolution_due_at"]
    mailbox.wait(user.email, "We have received your ticket")
    user.post(f"{path}/take", expect=403)
    taken = agent.post(f"{path}/take", expect=200)
    assert (taken["status"], taken["assigned_to_user_id"]) == ("IN_PROGRESS", agent.id)
    second_agent.post(f"{path}/take", expect=409).says("illegal_transition")
    second_agent.post(f"{path}/give-back", expect=200)
    agent.post(f"{path}/take", expect=200)
    said = agent.post(f"{path}/reply", {"message_body": "It is under Orders."}, expect=201)
    assert said["support_ticket_id"] == ticket["id"] and not said["is_internal"]
    mailbox.wait(user.email, "Reply to")
    assert user.get(path, expect=200)["first_responded_at"]
    user.post(f"{path}/resolve", {"outcome": "LEAD_CLAIM_APPROVED"}, expect=422)
    assert agent.post(f"{path}/resolve", {"outcome": "ANSWERED"}, expect=200)["resolved_at"]
    user.post(f"{path}/reply", {"message_body": "Still not there."}, expect=201)
    again = user.get(path, expect=200)
    assert (again["status"], again["reopened_count"], again["resolved_at"]) == ("OPEN", 1, None)
    user.post(f"{path}/close", expect=409).says("illegal_transition")
    user.post(f"{path}/resolve", expect=200)
    assert user.post(f"{path}/close", expect=200)["closed_at"]
    agent.post(f"{path}/reply", {"message_body": "x"}, expect=409)
    linked = user.post(f"{path}/reply", {"message_body": "And now?"}, expect=201)
    assert linked["support_ticket_id"] != ticket["id"]
    assert user.get(f"/v1/support-tickets/{linked['support_ticket_id']}", expect=200)["linked_ticket_id"] == ticket["id"]


def test_internal_notes_never_reach_the_requester(user, agent, admin, mailbox):
    ticket = open_ticket(user)
    path = f"/v1/support-tickets/{ticket['id']}"
    secret = f"he is a nuisance {uuid.uuid4().hex[:6]}"
    before = user.get(path, expect=200)["version"]
    note = agent.post(f"{path}/reply", {"message_body": secret, "is_internal": True}, expect=201)
    agent.post(f"{path}/reply", {"message_body": "We look into it."}, expect=201)
    assert secret in [m["message_body"] for m in agent.get(f"{path}/messages", expect=200).items]
    seen = user.get(f"{path}/messages", expect=200).items
    assert [m["message_body"] for m in seen] == ["We look into it."]
    user.get(f"/v1/support-ticket-messages/{note['id']}", expect=404)
    for query in ("q=nuisance", "is_internal=true", f"support_ticket_id={ticket['id']}"):
        assert secret not in user.get(f"/v1/support-ticket-messages?{query}", expect=200).content.decode()
    user.post(f"{path}/reply", {"message_body": "x", "is_internal": True}, expect=422)
    assert user.get(path, expect=200)["version"] == before + 1
    mailbox.wait(user.email, "Reply to")
    assert not [m for m in mailbox.all(user.email) if secret in m["text"]]

    own = open_ticket(agent)
    note = admin.post(f"/v1/support-tickets/{own['id']}/reply", {"message_body": secret, "is_internal": True}, expect=201)
    agent.get(f"/v1/support-ticket-messages/{note['id']}", expect=404)
    assert secret not in agent.get(f"/v1/support-tickets/{own['id']}/messages", expect=200).content.decode()
    assert note["id"] not in [m["id"] for m in agent.everything("/v1/support-ticket-messages?limit=200")]
    agent.post(f"/v1/support-tickets/{own['id']}/take", expect=403).says("own_submission")


def test_tickets_are_private(user, cast, agent, anyone):
    ticket = open_ticket(user)
    path = f"/v1/support-tickets/{ticket['id']}"
    for other in (cast.person, cast.company):
        other.get(path, expect=404)
        other.get(f"{path}/messages", expect=404)
        other.post(f"{path}/reply", {"message_body": "x"}, expect=404)
        other.post(f"{path}/resolve", expect=404)
        other.post("/v1/support-ticket-messages", {"support_ticket_id": ticket["id"], "message_body": "x"}, expect=404)
    anyone.get(path, expect=401)
    user.patch(path, {"priority": "URGENT"}, expect=403)
    agent.patch(path, {"priority": "URGENT"}, expect=200)
    agent.patch(path, {"status": "CLOSED"}, expect=422)


def test_a_ticket_is_about_something_of_ones_own(user, cast, sql):
    company = cast.company
    job = company.live_job()
    eventually("notify knows the job", lambda: sql("notify", "SELECT FROM entity_refs WHERE id = %s AND user_id = %s",
                                                   job["id"], company.id))
    about = {"related_entity_type": "job", "related_entity_id": job["id"]}
    assert open_ticket(company, **about)["related_entity_id"] == job["id"]
    body = {"subject": "x"}
    user.post("/v1/support-tickets", {**body, **about}, expect=422).says("validation_failed", "/related_entity_id")
    user.post("/v1/support-tickets", {**body, "related_entity_type": "job"}, expect=422)
    user.post("/v1/support-tickets", {**body, "related_entity_type": "moon", "related_entity_id": job["id"]}, expect=422)


def test_assignment(user, agent, second_agent, admin):
    path = f"/v1/support-tickets/{open_ticket(user)['id']}"
    agent.post(f"{path}/assign", {"user_id": user.id}, expect=422).says("validation_failed", "/user_id")
    given = agent.post(f"{path}/assign", {"user_id": second_agent.id}, expect=200)
    assert (given["status"], given["assigned_to_user_id"]) == ("IN_PROGRESS", second_agent.id)
    moved = agent.post(f"{path}/assign", {"user_id": agent.id}, expect=200)
    assert moved["assigned_to_user_id"] == agent.id
    eventually("the agent is told", lambda: [n for n in inbox(agent) if n["template_key"] == "ticket.assigned.push"])


# ---- knowledge base ----

@pytest.fixture(scope="module")
def category(admin):
    name = f"Cat {uuid.uuid4().hex[:6]}"
    return admin.post("/v1/kb-categories", {"name": name, "slug": name.lower().replace(" ", "-")}, expect=201)


def write(agent, category, **more):
    slug = f"how-{uuid.uuid4().hex[:8]}"
    return agent.post("/v1/kb-articles", {
        "category_id": category["id"], "title": f"How to gauge {slug}", "slug": slug, "audience_type": "ALL",
        "content_markdown": "# Gauge\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) *now*", **more}, expect=201)


def test_an_article_needs_another_person(agent, second_agent, category, anyone, user):
    article = write(agent, category)
    path = f"/v1/kb-articles/{article['id']}"
    anyone.get(path, expect=404)
    agent.post(f"{path}/publish", expect=403).says("own_submission")
    shown = second_agent.post(f"{path}/publish", expect=200)
    assert shown["reviewed_by_user_id"] == second_agent.id and shown["published_at"]
    read = anyone.get(f"/v1/kb-articles/by-slug/{article['slug']}", expect=200)
    assert "<em>now</em>" in read["content_html"]
    assert "<script" not in read["content_html"] and "javascript:" not in read["content_html"]
    agent.patch(path, {"title": "Other"}, expect=409)
    agent.delete(path, expect=409)
    user.post(f"{path}/unpublish", expect=403)
    agent.post(f"{path}/unpublish", expect=200)
    anyone.get(f"/v1/kb-articles/by-slug/{article['slug']}", expect=404)


def test_audience_holds_in_lists_and_searches(agent, second_agent, category, anyone, user):
    word = f"zeppelin{uuid.uuid4().hex[:6]}"
    made = {a: write(agent, category, audience_type=a, summary=word) for a in ("INTERNAL", "EXTERNAL", "ALL")}
    for article in made.values():
        second_agent.post(f"/v1/kb-articles/{article['id']}/publish", expect=200)
    for reader in (anyone, user):
        found = reader.get(f"/v1/kb-articles?q={word}", expect=200).items
        assert {a["audience_type"] for a in found} == {"EXTERNAL", "ALL"}
        reader.get(f"/v1/kb-articles/{made['INTERNAL']['id']}", expect=404)
        reader.get(f"/v1/kb-articles/by-slug/{made['INTERNAL']['slug']}", expect=404)
    assert len(agent.get(f"/v1/kb-articles?q={word}", expect=200).items) == 3


def test_one_voice_per_user_and_version(agent, second_agent, category, user, anyone):
    article = write(agent, category)
    path = f"/v1/kb-articles/{article['id']}"
    user.post(f"{path}/rate", {"is_helpful": True}, expect=404)
    version = second_agent.post(f"{path}/publish", expect=200)["version"]
    anyone.post(f"{path}/rate", {"is_helpful": True}, expect=401)
    first = user.post(f"{path}/rate", {"is_helpful": True}, expect=201)
    assert first["article_version"] == version
    second = user.post(f"{path}/rate", {"is_helpful": False, "feedback_text": "Too short."}, expect=200)
    assert second["id"] == first["id"] and second["is_helpful"] is False
    user.post("/v1/kb-article-feedback", {"article_id": article["id"], "is_helpful": True}, expect=409)
    assert len(agent.get(f"{path}/feedback", expect=200).items) == 1


def test_slugs_and_sections(admin, agent, category):
    body = {"category_id": category["id"], "title": "x", "slug": "No Slug", "content_markdown": "x"}
    agent.post("/v1/kb-articles", body, expect=422).says("validation_failed", "/slug")
    other = admin.post("/v1/kb-categories", {"name": "Other", "slug": f"other-{uuid.uuid4().hex[:6]}"}, expect=201)
    section = admin.post("/v1/kb-sections", {"category_id": other["id"], "name": "S", "slug": "s"}, expect=201)
    agent.post("/v1/kb-articles", {**body, "slug": f"s-{uuid.uuid4().hex[:6]}", "section_id": section["id"]},
               expect=422).says("validation_failed", "/section_id")
    admin.delete(f"/v1/kb-categories/{other['id']}", expect=409).says("in_use")


# ---- beside mail ----

def test_push_and_sms_only_for_those_who_asked(env, fresh, sql, stack):
    sink = stack.daemons["notify"].folder / "push.jsonl"
    fresh.patch("/v1/me/settings", {"settings_json": {"notifications": {"push": True}}}, expect=200)
    eventually("notify knows", lambda: sql("notify", "SELECT FROM user_settings_refs WHERE user_id = %s"
                                           " AND settings_json::text LIKE '%%push%%'", fresh.id))
    open_ticket(fresh)

    def titles():
        lines = sink.read_text().splitlines() if sink.exists() else []
        return [json.loads(line)["title"] for line in lines if fresh.id in line]
    eventually("a push", lambda: any(t.startswith("We have received your ticket") for t in titles()))

    def channels():
        rows = sql("notify", "SELECT channel, status FROM notifications WHERE user_id = %s AND template_key = %s",
                   fresh.id, "ticket.opened.push")
        return {(r["channel"], r["status"]) for r in rows}
    eventually("both are SENT", lambda: channels() == {("IN_APP", "SENT"), ("PUSH", "SENT")})


def test_a_new_job_is_told_to_candidates_it_may_suit(env, cast, sql):
    word = f"Glassblower{uuid.uuid4().hex[:6]}"
    fits, elsewhere = (Person(env).register().sign_in() for _ in range(2))
    for person, place in ((fits, "Bengaluru"), (elsewhere, "Kochi")):
        person.post("/v1/candidate-profiles", {"display_name": "Asha", "preferred_roles": [word], "location": place},
                    expect=201)
    eventually("the marketplace knows them", lambda: len(sql(
        "marketplace", "SELECT FROM candidate_refs WHERE user_id::text IN (%s, %s)", fits.id, elsewhere.id)) == 2)
    job = cast.company.live_job(title=f"Senior {word}", location="Bengaluru", mode_of_work="ONSITE")
    told = eventually("the candidate is told", lambda: inbox(fits, f"&related_entity_id={job['id']}"))
    assert job["title"] in told[0]["title"] and "Your job" not in told[0]["title"]
    assert not inbox(elsewhere, f"&related_entity_id={job['id']}")
