"""Notify: support tickets and the knowledge base."""
import uuid

import pytest
from client import eventually
from people import inbox, staff


@pytest.fixture(scope="module")
def agent(env, admin):
    return staff(env, admin, "support_agent").may("/v1/support-tickets")


@pytest.fixture(scope="module")
def second_agent(env, admin):
    return staff(env, admin, "support_agent").may("/v1/support-tickets")


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
