"""A person's own data in one answer, and the end of it."""
import pytest
from client import Person, eventually
from confluent_kafka import Producer
from people import Company, activate_profile, administrator, ask, company_fields, lead_fields, open_lead, open_profile
from topics import other_id, published, records

SERVICES = ("identity", "profiles", "finance", "marketplace", "notify", "audit")


@pytest.fixture
def person(env):
    return Person(env, "COMPANY").register().sign_in()


def test_an_export_holds_ones_own_and_nothing_else(env, person, anyone):
    company = person.post("/v1/company-profiles", company_fields(person), expect=201)
    parts = {s: person.get(f"/v1/me/export/{s}", expect=200) for s in SERVICES}
    [user] = parts["identity"]["users"]
    assert (user["id"], user["email"]) == (person.id, person.email) and "password_hash" not in user
    assert [s["id"] for s in parts["identity"]["user_sessions"]] == [person.get("/v1/me", expect=200)["session_id"]]
    assert [c["id"] for c in parts["profiles"]["company_profiles"]] == [company["id"]]
    assert eventually("the wallet", lambda: person.get("/v1/me/export/finance", expect=200)["tracecoin_wallets"])
    assert all(n["user_id"] == person.id for n in parts["notify"]["notifications"])
    anyone.get("/v1/me/export/identity", expect=401)


def test_a_text_is_its_writers(cast, person):
    """Whoever may decide about a row does not get the words of those who wrote it, and they do."""
    job = cast.company.live_job()
    made = person.post("/v1/job-applications", {"job_id": job["id"], "cover_note": "Me."}, expect=201)
    ticket = person.post("/v1/support-tickets", {"subject": "Help", "description": "Where is it?"}, expect=201)
    said = person.post(f"/v1/support-tickets/{ticket['id']}/reply", {"message_body": "Hello?"}, expect=201)
    mine = person.get("/v1/me/export/marketplace", expect=200)
    assert [(a["id"], a["cover_note"]) for a in mine["job_applications"]] == [(made["id"], "Me.")]
    assert mine["jobs"] == []
    theirs = cast.company.get("/v1/me/export/marketplace", expect=200)
    assert job["id"] in [j["id"] for j in theirs["jobs"]] and not theirs["job_applications"]
    told = person.get("/v1/me/export/notify", expect=200)
    assert [m["id"] for m in told["support_ticket_messages"]] == [said["id"]]
    assert all(m["to_email"] == person.email for m in told["email_logs"])


def test_an_erased_person_is_forgotten_everywhere(env, person, sql, mailbox):
    person.post("/v1/company-profiles", company_fields(person), expect=201)
    everywhere = ("profiles", "finance", "marketplace", "notify")
    for service in everywhere:
        eventually(f"{service} knows the person", lambda s=service: sql(s, "SELECT FROM user_refs WHERE id = %s AND known", person.id))
    person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "Mine"}, expect=201)
    sql("identity", "INSERT INTO user_roles (id, user_id, role_id, status) SELECT gen_random_uuid(), %s, id, 'APPROVED'"
                    " FROM roles WHERE audience = 'EXTERNAL' LIMIT 1", person.id)
    person.post("/v1/me/erase", {"confirm": "yes"}, expect=422).says("validation_failed", "/confirm")
    person.post("/v1/me/erase", {"confirm": "ERASE"}, expect=204)

    eventually("the token is refused", lambda: person.get("/v1/me", expect=(200, 401)).status == 401)
    for service in SERVICES:
        eventually(f"{service} refuses the token", lambda s=service: person.at(s).get(
            f"/v1/me/export/{s}", expect=(200, 401)).status == 401)
    Person(env, email=person.email, password=person.password).post(
        "/v1/auth/login", {"email": person.email, "password": person.password}, expect=401).says("bad_credentials")
    [row] = sql("identity", "SELECT * FROM users WHERE id = %s", person.id)
    assert row["email"] == f"erased-{person.id}@erased.invalid" and row["erased_at"]
    assert (row["phone"], row["password_hash"], row["display_name"]) == (None, None, None)
    assert not sql("identity", "SELECT FROM user_roles WHERE user_id = %s AND status <> 'REJECTED'", person.id)
    assert not sql("identity", "SELECT FROM dashboard_configs WHERE owner_id = %s", person.id)
    [event] = eventually("it is published", lambda: published(env, "user.erased", person.id))
    assert person.email.encode() not in event.context.SerializeToString() and not event.context.changes

    for service in everywhere:
        eventually(f"{service} forgot the name", lambda s=service: sql(
            s, "SELECT FROM user_refs WHERE id = %s AND display_name IS NULL", person.id))
    eventually("nobody can be reached by the profile", lambda: sql(
        "profiles", "SELECT FROM company_profiles WHERE user_id = %s AND contact_person_name IS NULL"
                    " AND email IS NULL AND phone IS NULL", person.id))
    farewell = mailbox.wait(person.email, "your account has been deleted")
    assert "the law requires" in farewell["text"] and "the law requires" in farewell["html"]
    eventually("no mail goes there any more", lambda: not sql(
        "notify", "SELECT FROM email_logs WHERE to_email = %s OR body_snapshot LIKE '%%Hello person%%' AND user_id = %s",
        person.email, person.id))
    again = Person(env, email=person.email)
    again.sign_up()  # the address is free again


def erase(person):
    person.post("/v1/me/erase", {"confirm": "ERASE"}, expect=204)


def deliver_late(env, event_type, person, **changes):
    """The person's first event of that type once more with some fields changed, as if it had been delayed until now."""
    record, event = records(env, event_type, person.id)[0]
    event.context.aggregate_version = changes.pop("version", event.context.aggregate_version)
    event.context.event_id = other_id(event)
    for name, value in changes.items():
        setattr(event, name, value)
    producer = Producer({"bootstrap.servers": env["NXT_KAFKA_BROKERS"]})
    place = []
    producer.produce(record.topic(), event.SerializeToString(), record.key(), partition=record.partition(),
                     headers=record.headers(), on_delivery=lambda error, sent: place.append((error, sent.offset())))
    producer.flush(10)
    [(error, offset)] = place
    assert error is None
    return record.topic(), record.partition(), offset, event.context.event_id


def has_read(sql, service, topic, partition, offset):
    eventually(f"{service} has read it", lambda: sql(
        service, "SELECT FROM consumer_offsets WHERE topic = %s AND partition = %s AND next_offset > %s",
        topic, partition, offset))


def test_an_event_that_comes_late_does_not_bring_the_person_back(env, sql):
    person = Person(env, name="late").register().sign_in()
    person.patch("/v1/me", {"display_name": "Asha Late"}, expect=200)
    everywhere = ("profiles", "finance", "marketplace", "notify", "audit")
    for service in everywhere:
        eventually(f"{service} knows the name", lambda s=service: sql(
            s, "SELECT FROM user_refs WHERE id = %s AND display_name IS NOT NULL", person.id))
    erase(person)
    [erased] = published(env, "user.erased", person.id)
    for service in everywhere:
        eventually(f"{service} forgot the name", lambda s=service: sql(
            s, "SELECT FROM user_refs WHERE id = %s AND display_name IS NULL", person.id))
    *place, _ = deliver_late(env, "user.changed", person, version=erased.context.aggregate_version)
    for service in everywhere:
        has_read(sql, service, *place)
        assert sql(service, "SELECT FROM user_refs WHERE id = %s AND display_name IS NULL AND version = %s",
                   person.id, erased.context.aggregate_version), f"{service} knows the person again"
    assert not sql("notify", "SELECT FROM notifications WHERE user_id = %s AND body <> ''", person.id)


def test_the_farewell_is_the_last_mail(env, sql):
    """Roles end with the account by events of their own, which may arrive before user.erased."""
    person = Person(env, name="leaving").register().sign_in()
    person.post("/v1/user-roles", {"role_key": "tutor"}, expect=201)
    published(env, "role.decided", person.id)
    *place, event_id = deliver_late(env, "role.decided", person, cause="ERASED", decision="REJECTED", revoked=True)
    has_read(sql, "notify", *place)
    assert not sql("notify", "SELECT FROM notifications WHERE source_event_id = %s", event_id)


def test_what_an_erased_company_offered_ends(env, cast, reviewer, sql):
    owner = Company(env, reviewer).open()
    live, waiting, draft = owner.live_job(), owner.draft(), owner.draft()
    owner.post(f"/v1/jobs/{waiting['id']}/submit", expect=200)
    # Two topics are read in either order: one that heard of the return first would never have asked.
    eventually("it is asked for", lambda: sql(
        "profiles", "SELECT FROM approval_requests WHERE entity_id = %s AND status = 'PENDING'", waiting["id"]))
    applied = cast.person.post("/v1/job-applications", {"job_id": live["id"], "cover_note": "Mine."}, expect=201)
    erase(owner)
    for job, status in ((live, "CLOSED"), (waiting, "DRAFT"), (draft, "DRAFT")):
        [row] = eventually(f"{status} and blank", lambda j=job, s=status: sql(
            "marketplace", "SELECT * FROM jobs WHERE id = %s AND status = %s AND description IS NULL", j["id"], s))
        assert (row["title"], row["location"]) == ("Erased", None)
    [closed] = published(env, "job.closed", live["id"])
    # Whichever was heard first: a job that closed with its company had its title still.
    assert closed.cause in ("USER_ERASED", "COMPANY_SUSPENDED")
    assert closed.cause == "COMPANY_SUSPENDED" or b"Firmware" not in closed.SerializeToString()
    [returned] = published(env, "job.returned", waiting["id"])
    assert returned.cause in ("WITHDRAWN", "NOT_ACTIVE") and not published(env, "job.changed", draft["id"], 2)[1].context.changes
    eventually("nobody is asked to review it", lambda: sql(
        "profiles", "SELECT FROM approval_requests WHERE entity_id = %s AND status = 'REJECTED'", waiting["id"]))
    assert cast.person.get(f"/v1/job-applications/{applied['id']}", expect=200)["cover_note"] == "Mine."


def test_what_an_erased_person_asked_for_ends(env, cast, reviewer, sql):
    person = Person(env, name="asker").register().sign_in()
    other = Person(env, name="other").register().sign_in()
    application = person.post("/v1/job-applications", {"job_id": cast.company.live_job()["id"], "cover_note": "Me."},
                              expect=201)
    open_, waiting = open_lead(person, reviewer), person.post("/v1/leads", lead_fields(), expect=201)
    person.post(f"/v1/leads/{waiting['id']}/submit", expect=200)
    wanted = open_lead(other, reviewer)
    profile = activate_profile(person, reviewer, "photographer")
    # Coins that nobody has: the request waits for finance, or is refused by it; its text goes either way.
    request = eventually("the request is taken", lambda: (lambda a: a if a.status == 201 else None)(
        ask(person, wanted, profile, expect=(201, 409, 422), remarks="I have two cameras.")))
    erase(person)

    def row(table, item):
        return sql("marketplace", f"SELECT * FROM {table} WHERE id = %s", item["id"])[0]
    eventually("the lead is closed", lambda: row("leads", open_)["status"] == "CLOSED")
    eventually("the other is withdrawn", lambda: row("leads", waiting)["status"] == "DRAFT")
    for lead in (open_, waiting):
        assert (row("leads", lead)["title"], row("leads", lead)["description"]) == ("Erased", None)
    eventually("the application is withdrawn", lambda: row("job_applications", application)["status"] == "REJECTED")
    assert row("job_applications", application)["cover_note"] is None
    [told] = published(env, "application.rejected", application["id"])
    assert told.withdrawn and told.cause == "CANDIDATE"
    eventually("the request is withdrawn", lambda: row("lead_requests", request)["status"] == "REJECTED")
    eventually("its text is gone", lambda: row("lead_requests", request)["remarks"] is None)


def test_what_a_professional_showed_and_proved_is_gone(env, sql):
    person = Person(env, name="shown").register().sign_in()
    profile = open_profile(person, "tutor")
    of_profile = {"user_role_profile_id": profile["id"]}
    item = person.post("/v1/portfolio-items", {**of_profile, "title": "Mine", "description": "By me."}, expect=201)
    person.post("/v1/portfolio-images", {"portfolio_item_id": item["id"], "file_url": "objects/a.jpg"}, expect=201)
    service = person.post("/v1/services", {**of_profile, "name": "An hour", "price": 100}, expect=201)
    request = person.post("/v1/verification-requests", {**of_profile, "verification_type": "IDENTITY"}, expect=201)
    document = person.post("/v1/verification-documents", {
        "verification_request_id": request["id"], "document_type": "ID_PROOF", "file_url": "objects/id.pdf",
        "file_name": "asha.pdf", "mime_type": "application/pdf"}, expect=201)
    ticket = person.post("/v1/support-tickets", {"subject": "Help", "description": "Where is it?"}, expect=201)
    person.post(f"/v1/support-tickets/{ticket['id']}/reply", {"message_body": "Hello?"}, expect=201)
    erase(person)
    eventually("the profile is blank", lambda: sql(
        "profiles", "SELECT FROM user_role_profiles WHERE id = %s AND display_name IS NULL AND email IS NULL"
                    " AND bio IS NULL AND NOT is_profile_public", profile["id"]))
    eventually("it is told without values", lambda: [
        e for e in published(env, "profile.changed", profile["id"], 2)[1:] if not e.context.changes and not e.display_name
        and b"Asha" not in e.SerializeToString()])
    assert not sql("profiles", "SELECT FROM portfolio_items WHERE id = %s", item["id"])
    gone = published(env, "portfolio.changed", profile["id"], 3)[-1]
    assert gone.context.action == "DELETE" and b"By me" not in gone.SerializeToString()
    assert sql("profiles", "SELECT FROM services WHERE id = %s AND name = 'Erased' AND NOT is_active", service["id"])
    assert sql("profiles", "SELECT FROM verification_documents WHERE id = %s AND file_url = '' AND file_name IS NULL",
               document["id"])
    eventually("the ticket is blank", lambda: sql(
        "notify", "SELECT FROM support_tickets k JOIN support_ticket_messages m ON m.support_ticket_id = k.id"
                  " WHERE k.id = %s AND k.description IS NULL AND m.message_body = ''", ticket["id"]))


def test_an_old_sign_in_does_not_erase(person, sql):
    sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE user_id = %s", person.id)
    person.post("/v1/me/erase", {"confirm": "ERASE"}, expect=401).says("step_up_required")
    person.post("/v1/auth/step-up", {"password": person.password}, expect=204)
    erase(person)


def test_staff_must_leave_first(env, admin):
    administrator(env).post("/v1/me/erase", {"confirm": "ERASE"}, expect=409).says("conflict")
