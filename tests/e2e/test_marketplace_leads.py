"""nxt-marketplace: leads, reviews, requests and their coins."""
import pytest
from client import NOWHERE, Person, eventually
from declared import resources
from people import (activate_profile, ask, asked, decide, lead_fields, nothing_queued, open_lead, professional_for, queued,
                    wait_status)

# ---- leads ----

def test_lead_life(env, customer, reviewer, candidate, anyone):
    customer.post("/v1/leads", lead_fields(title="call 9876543210"), expect=422).says("validation_failed", "/title")
    customer.post("/v1/leads", lead_fields(required_date="2020-01-01"), expect=422) \
        .says("validation_failed", "/required_date")
    customer.post("/v1/leads", lead_fields(required_date="2026-02-30"), expect=422)
    lead = customer.post("/v1/leads", lead_fields(), expect=201)
    path = f"/v1/leads/{lead['id']}"
    candidate.get(path, expect=404)
    anyone.get(path, expect=401)
    customer.post(f"{path}/submit", expect=200)
    decide(reviewer, lead["id"], "reject", "Which month?")
    returned = wait_status(customer, path, "DRAFT")
    assert returned["rejection_reason"] == "Which month?"
    customer.post(f"{path}/submit", expect=200)
    decide(reviewer, lead["id"])
    opened = wait_status(customer, path, "OPEN")
    assert opened["approved_at"] and candidate.get(path, expect=200)["title"] == lead["title"]
    current = customer.get(path, expect=200)
    customer.patch(path, {"title": "Cheaper"}, etag=current.etag, expect=409).says("conflict")
    customer.delete(path, etag=current.etag, expect=409).says("conflict")
    candidate.post(f"{path}/close", expect=403)
    assert customer.post(f"{path}/close", expect=200)["status"] == "CLOSED"
    customer.post(f"{path}/submit", expect=409).says("illegal_transition")


def test_lead_request_rules(env, customer, reviewer):
    professional = Person(env, name="asker").register().sign_in()
    lead = open_lead(customer, reviewer)
    assert professional.get(f"/v1/leads/{lead['id']}/price", expect=200)["coin_price"] == 10
    tutor = activate_profile(professional, reviewer, "tutor")
    draft = professional.post("/v1/user-role-profiles", {"role_key": "photographer"}, expect=201)
    body = {"lead_id": lead["id"], "user_role_profile_id": tutor["id"]}
    professional.post("/v1/lead-requests", body, expect=400).says("idempotency_key_required")
    ask(professional, lead, tutor, expect=422).says("validation_failed", "/user_role_profile_id")
    ask(professional, lead, draft, expect=409).says("conflict")
    ask(professional, {"id": NOWHERE}, tutor, expect=422).says("validation_failed", "/lead_id")
    ask(customer, lead, tutor, expect=409).says("conflict")


def test_review_needs_a_dealing(env, company, candidate, reviewer):
    person = Person(env).register().sign_in()
    body = {"entity_type": "company", "entity_id": company.company_id, "rating": 4, "review_text": "Quick and fair."}
    person.post("/v1/reviews", {**body, "rating": 6}, expect=422).says("validation_failed", "/rating")
    person.post("/v1/reviews", body, expect=409).says("conflict")
    job = company.live_job()
    application = person.post("/v1/job-applications", {"job_id": job["id"]}, expect=201)
    company.post(f"/v1/job-applications/{application['id']}/offer", expect=200)
    review = person.post("/v1/reviews", body, expect=201)
    path = f"/v1/reviews/{review['id']}"
    person.post("/v1/reviews", body, expect=409).says("already_exists")
    person.patch(path, {"rating": 5}, expect=409).says("under_review")
    candidate.get(path, expect=404)
    company.post(f"{path}/publish", expect=403)


def test_review_counts(env, company, reviewer, anyone, sql):
    if "reviews.publish" not in reviewer.get("/v1/me", expect=200)["permissions"]:
        pytest.skip("the reviewer may not moderate reviews")
    person = Person(env).register().sign_in()
    job = company.live_job()
    application = person.post("/v1/job-applications", {"job_id": job["id"]}, expect=201)
    company.post(f"/v1/job-applications/{application['id']}/offer", expect=200)
    before = anyone.get(f"/v1/company-profiles/{company.company_id}", expect=200)
    review = person.post("/v1/reviews", {"entity_type": "company", "entity_id": company.company_id, "rating": 5},
                         expect=201)
    path = f"/v1/reviews/{review['id']}"

    def counted(count, total):
        def check():
            now = anyone.get(f"/v1/company-profiles/{company.company_id}", expect=200)
            return (now["rating_count"] - before["rating_count"], now["rating_sum"] - before["rating_sum"]) == (count, total)
        eventually(f"{count} ratings, {total} stars more", check)

    reviewer.post(f"{path}/publish", expect=200)
    counted(1, 5)
    assert anyone.get(path, expect=200)["status"] == "PUBLISHED"
    person.post(f"{path}/reply", {"reply_text": "Thanks."}, expect=403)
    assert company.post(f"{path}/reply", {"reply_text": "Thanks."}, expect=200)["reply_text"] == "Thanks."
    company.post(f"{path}/reply", {"reply_text": "Again."}, expect=409)
    assert person.patch(path, {"rating": 3}, expect=200)["status"] == "PENDING"
    counted(0, 0)
    reviewer.post(f"{path}/publish", expect=200)
    counted(1, 3)
    reviewer.post(f"{path}/hide", {"reason": "Rude."}, expect=200)
    counted(0, 0)
    reviewer.post(f"{path}/publish", expect=403).says("own_submission")
    person.delete(path, expect=204)
    counted(0, 0)


def test_a_lead_is_for_a_profession_that_there_is(customer):
    professions = [r.table.removesuffix("_profiles") for r in resources() if r.table.endswith("_profiles")
                   and "user_role_profile_id" in r.columns]
    assert len(professions) == 10
    for key in professions:
        lead = customer.post("/v1/leads", lead_fields(profession_key=key), expect=201)
        customer.delete(f"/v1/leads/{lead['id']}", etag=lead.etag, expect=204)
    customer.post("/v1/leads", lead_fields(profession_key="astronaut"), expect=422) \
        .says("validation_failed", "/profession_key")
    lead = customer.post("/v1/leads", lead_fields(), expect=201)
    customer.patch(f"/v1/leads/{lead['id']}", {"profession_key": "administrator"}, etag=lead.etag, expect=422) \
        .says("validation_failed", "/profession_key")


# ---- lead requests and their coins ----

def test_a_request_without_coins_is_made_again_once_there_are(env, customer, reviewer, wallets, sql):
    """One per lead and profile: the refused one, which cost nothing and nobody saw, makes way."""
    lead = open_lead(customer, reviewer)
    poor = professional_for(env, reviewer, "photographer", "poor")
    first = asked(poor, lead)
    assert wait_status(poor, f"/v1/lead-requests/{first['id']}", "REJECTED")["rejected_cause"] == "REFUSED"
    wallets.give(poor, 25)
    again = ask(poor, lead, poor.profile)
    assert again["id"] != first["id"] and again["status"] == "PENDING"
    eventually("the coins are held", lambda: poor.get(f"/v1/lead-requests/{again['id']}", expect=200)["debited_at"])
    assert wallets.balance(poor) == 15
    assert [r["id"] for r in customer.get(f"/v1/leads/{lead['id']}/requests", expect=200).items] == [again["id"]]
    poor.get(f"/v1/lead-requests/{first['id']}", expect=404)
    eventually("its end is audited", lambda: [row["action"] for row in sql(
        "audit", "SELECT action FROM audit_logs WHERE entity_id = %s ORDER BY id", first["id"])] == ["CREATE", "UPDATE", "DELETE"])
    ask(poor, lead, poor.profile, expect=409).says("already_exists")
    customer.post(f"/v1/lead-requests/{again['id']}/reject", expect=200)
    ask(poor, lead, poor.profile, expect=409).says("already_exists")    # the customer's word stands
    eventually("the coins are back", lambda: wallets.balance(poor) == 25)


def test_free_lead_is_seen_at_once(env, customer, reviewer, free_rate_card):
    lead = open_lead(customer, reviewer, profession_key="makeup_artist")
    eventually("the rate card is known", lambda: customer.get(f"/v1/leads/{lead['id']}/price", expect=200)["coin_price"] == 0)
    person = professional_for(env, reviewer, "makeup_artist")
    stranger = professional_for(env, reviewer, "tutor")
    request = asked(person, lead)
    path = f"/v1/lead-requests/{request['id']}"
    assert request["status"] == "PENDING" and request["coin_price"] == 0 and request["debited_at"]
    ask(person, lead, person.profile, expect=409).says("already_exists")
    stranger.get(path, expect=404)
    person.get(f"{path}/contact", expect=409)
    person.post(f"{path}/accept", expect=403)
    stranger.post(f"{path}/seen", expect=404)
    assert customer.post(f"{path}/seen", expect=200)["seen_at"]
    assert [r["id"] for r in customer.get(f"/v1/leads/{lead['id']}/requests", expect=200).items] == [request["id"]]
    accepted = customer.post(f"{path}/accept", expect=200)
    assert accepted["status"] == "ACCEPTED" and accepted["contact_revealed_at"]
    assert person.get(f"{path}/contact", expect=200)["email"] == customer.email
    assert customer.get(f"{path}/contact", expect=200)["email"] == person.email
    stranger.get(f"{path}/contact", expect=404)
    customer.post(f"{path}/reject", expect=409).says("illegal_transition")
    review = customer.post("/v1/reviews", {"entity_type": "professional", "entity_id": person.profile["id"],
                                           "rating": 5}, expect=201)
    assert review["deal_type"] == "lead_request" and review["deal_id"] == request["id"]


def test_coins_are_held_kept_and_returned(env, customer, reviewer, wallets):
    lead = open_lead(customer, reviewer, accept_limit=1)
    winner, loser, poor = (professional_for(env, reviewer, "photographer", name) for name in ("winner", "loser", "poor"))
    wallets.give(winner, 25)
    wallets.give(loser, 25)

    requests = {p: asked(p, lead) for p in (winner, loser, poor)}
    path = {p: f"/v1/lead-requests/{requests[p]['id']}" for p in requests}
    assert all(r["coin_price"] == 10 and r["debited_at"] is None for r in requests.values())
    for person in (winner, loser):
        eventually("the coins are held", lambda p=person: p.get(path[p], expect=200)["debited_at"])
        assert wallets.balance(person) == 15
    refused = wait_status(poor, path[poor], "REJECTED")
    assert refused["rejected_cause"] == "REFUSED" and wallets.balance(poor) == 0
    customer.get(path[poor], expect=404)
    assert {r["id"] for r in customer.get(f"/v1/leads/{lead['id']}/requests", expect=200).items} == \
        {requests[winner]["id"], requests[loser]["id"]}

    customer.post(f"{path[winner]}/accept", expect=200)
    closed = wait_status(customer, f"/v1/leads/{lead['id']}", "CLOSED")
    assert closed["accepted_count"] == 1 and closed["close_reason"] == "ACCEPT_LIMIT"
    lost = wait_status(loser, path[loser], "REJECTED")
    assert lost["rejected_cause"] == "CLOSED"
    eventually("the loser's coins are back", lambda: wallets.balance(loser) == 25)
    assert wallets.balance(winner) == 15


def test_suspension_ends_what_is_open(env, admin, reviewer):
    customer = Person(env, name="gone").register().sign_in()
    lead = open_lead(customer, reviewer)
    admin.post(f"/v1/users/{customer.id}/suspend", {"reason": "Complaints."}, expect=200)
    person = Person(env).register().sign_in()
    eventually("the lead is closed", lambda: person.get(f"/v1/leads/{lead['id']}", expect=(200, 404)).status == 404)


def test_suspension_takes_back_what_is_under_review(env, admin, reviewer):
    customer = Person(env, name="reviewed").register().sign_in()
    lead = customer.post("/v1/leads", lead_fields(), expect=201)
    customer.post(f"/v1/leads/{lead['id']}/submit", expect=200)
    queued(reviewer, lead["id"])
    admin.post(f"/v1/users/{customer.id}/suspend", {"reason": "Complaints."}, expect=200)
    returned = wait_status(admin, f"/v1/leads/{lead['id']}", "DRAFT")
    assert "not active" in returned["rejection_reason"] and returned["approved_at"] is None
    nothing_queued(reviewer, lead["id"])


def test_a_suspended_customers_lead_is_not_opened(env, admin, reviewer, sql):
    """The decision may be on its way already when the account is suspended."""
    customer = Person(env, name="late").register().sign_in()
    lead = customer.post("/v1/leads", lead_fields(), expect=201)
    customer.post(f"/v1/leads/{lead['id']}/submit", expect=200)
    queued(reviewer, lead["id"])
    # as an event would that is newer than those that may still come
    sql("marketplace", "UPDATE user_refs SET status = 'SUSPENDED', version = version + 100 WHERE id = %s", customer.id)
    decide(reviewer, lead["id"])
    assert "not active" in wait_status(admin, f"/v1/leads/{lead['id']}", "DRAFT")["rejection_reason"]
