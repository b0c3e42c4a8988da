"""Notify: templates and the mail servers that what they make goes through."""
import uuid

from client import Person, eventually

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
