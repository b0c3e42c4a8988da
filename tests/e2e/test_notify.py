"""Notify: what people are told and how."""
import json
import threading
import time
import uuid

import pytest
import requests

from client import Person, eventually, link_token
from people import decide, inbox
from test_finance import copy_of, together
from test_notify_support import open_ticket

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


def test_each_is_told_once_per_channel(person, sql):
    eventually("the welcome", lambda: inbox(person, "&template_key=user.activated.push"))
    rows = sql("notify", "SELECT source_event_id, channel, count(*) FROM notifications WHERE user_id = %s GROUP BY 1, 2",
               person.id)
    assert rows and all(row["count"] == 1 for row in rows)
    assert {n["channel"] for n in inbox(person)} == {"IN_APP"}


def test_unread_and_read_all(person):
    eventually("two notifications", lambda: len(inbox(person)) >= 2)
    unread = person.get("/v1/notifications/unread-count", expect=200)["unread"]
    assert unread == len(inbox(person, "&status=SENT")) > 0
    assert person.post("/v1/notifications/read-all", expect=200).json == {"read": unread, "more": False}
    assert person.get("/v1/notifications/unread-count", expect=200)["unread"] == 0
    assert all(n["read_at"] for n in inbox(person))
    one = inbox(person)[0]
    person.post(f"/v1/notifications/{one['id']}/read", expect=409).says("illegal_transition")


def test_nobody_writes_notifications_by_hand(person, anyone):
    person.post("/v1/notifications", {"title": "x"}, expect=405)
    anyone.get("/v1/notifications", expect=401)
    anyone.get("/v1/notifications/unread-count", expect=401)


def test_why_did_i_get_this(person, admin):
    welcome = eventually("the welcome", lambda: inbox(person, "&template_key=user.activated.push"))[0]
    eventually("the story tells of its event", lambda: welcome["source_event_id"] in [row["id"] for row in admin.get(
        f"/v1/audit-logs?correlation_id={welcome['correlation_id']}&limit=200", expect=200).items])


def test_who_asks_for_a_role_is_told_that_it_waits(person, admin, mailbox):
    person.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    mail = mailbox.wait(person.email, "waiting for a decision")
    assert "Reviewer" in mail["subject"] and mail["html"]
    eventually("told in-app", lambda: inbox(person, "&template_key=role.requested.push"))
    eventually("who decides is told too", lambda: inbox(admin, "&template_key=role.requested.push"))
    person.post("/v1/user-roles", {"role_key": "tutor"}, expect=201)     # given at once
    mailbox.wait(person.email, "confirm")
    assert not [m for m in mailbox.all(person.email) if "Tutor" in m["subject"]]


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


def test_a_bounce_and_a_resend(admin, person, mailbox):
    rows = eventually("a welcome mail", lambda: [m for m in admin.get(
        f"/v1/email-logs?to_email={person.email}&status=SENT", expect=200).items if m["subject"].startswith("Welcome")])
    again = admin.post(f"/v1/email-logs/{rows[0]['id']}/resend", expect=201)
    assert again["resend_of_id"] == rows[0]["id"] and again["status"] == "PENDING"
    eventually("two welcome mails", lambda: len([m for m in mailbox.all(person.email)
                                                 if m["subject"].startswith("Welcome")]) == 2)
    confirm = [m for m in admin.get(f"/v1/email-logs?to_email={person.email}", expect=200).items
               if "token=" in m["body_snapshot"]][0]
    admin.post(f"/v1/email-logs/{confirm['id']}/resend", expect=422)
    back = admin.post(f"/v1/email-logs/{rows[0]['id']}/bounce", {"error_message": "550 no such user"}, expect=200)
    assert back["status"] == "FAILED"
    assert admin.get(f"/v1/suppressions?email={person.email}", expect=200).items[0]["reason"] == "BOUNCE"
    person.post(f"/v1/email-logs/{rows[0]['id']}/bounce", {"error_message": "x"}, expect=403)


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


# ---- beside mail ----

def test_push_and_sms_only_for_those_who_asked(env, person, sql, stack):
    sink = stack.daemons["notify"].folder / "push.jsonl"
    person.patch("/v1/me/settings", {"settings_json": {"notifications": {"push": True}}}, expect=200)
    eventually("notify knows", lambda: sql("notify", "SELECT FROM user_settings_refs WHERE user_id = %s"
                                           " AND settings_json::text LIKE '%%push%%'", person.id))
    open_ticket(person)

    def titles():
        lines = sink.read_text().splitlines() if sink.exists() else []
        return [json.loads(line)["title"] for line in lines if person.id in line]
    eventually("a push", lambda: any(t.startswith("We have received your ticket") for t in titles()))

    def channels():
        rows = sql("notify", "SELECT channel, status FROM notifications WHERE user_id = %s AND template_key = %s",
                   person.id, "ticket.opened.push")
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
