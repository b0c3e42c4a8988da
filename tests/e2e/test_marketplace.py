"""nxt-marketplace: jobs, applications, leads, requests and reviews, each with its refusals."""
import concurrent.futures
import time
import uuid

import pytest
from client import Api, Person, eventually
from declared import resources
from people import Company, company_fields, decide, job_fields, queued, wait_status
from test_profiles import activate_profile

NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def company(cast):
    return cast.company


@pytest.fixture(scope="module")
def candidate(env):
    return Person(env, name="candidate").register().sign_in()


@pytest.fixture(scope="module")
def customer(env):
    return Person(env, name="customer").register().sign_in()


def lead_fields(**more):
    return {"profession_key": "photographer", "title": "A wedding in June", "location": "Bengaluru",
            "description": "Two days, three hundred guests.", "budget_inr": 10000000, "required_date": "2099-06-01",
            **more}


def open_lead(customer, reviewer, **more):
    lead = customer.post("/v1/leads", lead_fields(**more), expect=201)
    customer.post(f"/v1/leads/{lead['id']}/submit", expect=200)
    decide(reviewer, lead["id"])
    return wait_status(customer, f"/v1/leads/{lead['id']}", "OPEN")


def ask(professional, lead, profile, expect=201, **more):
    return professional.post("/v1/lead-requests", {"lead_id": lead["id"], "user_role_profile_id": profile["id"],
                                                   **more}, key=str(uuid.uuid4()), expect=expect)


# ---- jobs ----

def test_job_is_for_the_companys_owner(env, company, candidate):
    candidate.post("/v1/jobs", job_fields(company.company_id), expect=403).says("forbidden")
    other = Person(env, "COMPANY").register().sign_in()
    other.post("/v1/jobs", job_fields(company.company_id), expect=403).says("forbidden")
    company.post("/v1/jobs", job_fields(NOWHERE), expect=422).says("validation_failed", "/company_profile_id")


def test_a_reference_is_waited_for_and_no_caller_waits_for_many(env, anyone):
    """An event on its way is waited for; ids that nobody has must not keep the service's places."""
    owner = Person(env, "COMPANY").register().sign_in()
    made = owner.post("/v1/company-profiles", company_fields(owner), expect=201)
    owner.post("/v1/jobs", job_fields(made["id"]), expect=201)

    def ask_for_nothing(_):
        began = time.monotonic()
        Api(env, owner.token).post("/v1/jobs", job_fields(str(uuid.uuid4())), expect=422) \
            .says("validation_failed", "/company_profile_id")
        return time.monotonic() - began
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(ask_for_nothing, n) for n in range(24)]
        while not all(one.done() for one in asked):
            anyone.get("/v1/jobs?limit=1", expect=200)
    waited = [one.result() for one in asked if one.result() > 1.9]
    assert 1 <= len(waited) <= 4, waited


def test_job_fields_are_checked(company):
    company.post("/v1/jobs", {"company_profile_id": company.company_id}, expect=422).says("validation_failed", "/title")
    company.post("/v1/jobs", job_fields(company.company_id, budget_inr=-1, mode_of_work="MOON", status="LIVE"),
                 expect=422).says("validation_failed", "/budget_inr").says("validation_failed", "/mode_of_work") \
        .says("validation_failed", "/status")
    company.post("/v1/jobs", job_fields(company.company_id, description="apply at jobs@example.org"), expect=422) \
        .says("validation_failed", "/description")
    big = company.post("/v1/jobs", job_fields(company.company_id, budget_inr=2500000000), expect=201)
    assert big["budget_inr"] == 2500000000


def test_drafts_are_private(company, candidate, anyone):
    job = company.draft()
    for other in (candidate, anyone):
        other.get(f"/v1/jobs/{job['id']}", expect=404)
    candidate.post(f"/v1/jobs/{job['id']}/submit", expect=404)
    assert job["id"] not in [j["id"] for j in anyone.get("/v1/jobs?limit=200", expect=200).items]
    company.delete(f"/v1/jobs/{job['id']}", expect=428).says("if_match_required")
    company.delete(f"/v1/jobs/{job['id']}", etag=job.etag, expect=204)


def test_job_life(company, reviewer, candidate, anyone):
    job = company.draft(description=None)
    path = f"/v1/jobs/{job['id']}"
    company.post(f"{path}/submit", expect=422).says("validation_failed", "/description")
    drafted = company.patch(path, {"description": "Firmware for gauges."}, etag=job.etag, expect=200)
    company.patch(path, {"title": "X"}, expect=428).says("if_match_required")
    company.patch(path, {"title": "X"}, etag=job.etag, expect=412).says("stale_etag")
    submitted = company.post(f"{path}/submit", expect=200)
    assert submitted["status"] == "PENDING" and submitted["submission"] == 1 and submitted["coin_price"] == 0
    company.patch(path, {"title": "X"}, etag=submitted.etag, expect=409).says("under_review")
    assert company.post(f"{path}/close", expect=409).says("illegal_transition")["legal"] == []

    request = queued(reviewer, job["id"])
    assert request["entity_type"] == "job" and request["content_hash"] == submitted["content_hash"]
    assert request["entity_label"] == drafted["title"]
    reviewer.get(path, expect=200)
    decide(reviewer, job["id"], "reject", "Say where.")
    returned = wait_status(company, path, "DRAFT")
    assert returned["rejection_reason"] == "Say where."

    mended = company.patch(path, {"location": "Mysuru"}, etag=returned.etag, expect=200)
    again = company.post(f"{path}/submit", expect=200)
    assert again["submission"] == 2 and again["content_hash"] != submitted["content_hash"]
    assert again["posting_id"] != submitted["posting_id"] and mended["rejection_reason"] == "Say where."
    decide(reviewer, job["id"])
    live = wait_status(anyone, path, "LIVE") if anyone.get(path).status == 200 else wait_status(company, path, "LIVE")
    assert live["approved_at"] and live["expires_at"]
    assert not {"content_hash", "coin_price", "rejection_reason"} & set(anyone.get(path, expect=200).json)

    # a material edit is judged again, and the job is not shown meanwhile
    current = company.get(path, expect=200)
    edited = company.patch(path, {"title": "Senior embedded engineer"}, etag=current.etag, expect=200)
    assert edited["status"] == "PENDING" and edited["submission"] == 3
    anyone.get(path, expect=404)
    decide(reviewer, job["id"])
    relive = wait_status(company, path, "LIVE")
    assert relive["expires_at"] == live["expires_at"]
    candidate.post(f"{path}/close", expect=403)
    closed = company.post(f"{path}/close", {"reason": "Filled."}, expect=200)
    assert closed["status"] == "CLOSED" and closed["closed_at"] and closed["close_reason"] == "Filled."
    assert company.post(f"{path}/repost", expect=200)["status"] == "PENDING"
    company.post(f"/v1/approval-requests/{queued(reviewer, job['id'])['id']}/withdraw", expect=200)
    wait_status(company, path, "DRAFT")


def test_only_an_approved_company_publishes(env, reviewer):
    owner = Person(env, "COMPANY", "early").register().sign_in()
    from people import company_fields
    company = owner.post("/v1/company-profiles", company_fields(owner), expect=201)
    # the company travels to the marketplace as an event: the job waits for it
    job = owner.post("/v1/jobs", job_fields(company["id"]), expect=201)
    owner.post(f"/v1/jobs/{job['id']}/submit", expect=409).says("conflict")


def test_jobs_are_found(company, reviewer, anyone):
    word = f"zymurgist{uuid.uuid4().hex[:6]}"
    job = company.live_job(title=f"A {word}", mode_of_work="REMOTE")
    for query in (f"q={word}", f"q={word}&mode_of_work=REMOTE", f"q={word}&min_budget_inr=1"):
        assert [j["id"] for j in anyone.get(f"/v1/jobs?{query}", expect=200).items] == [job["id"]]
    assert anyone.get(f"/v1/jobs?q={word}&mode_of_work=ONSITE", expect=200).items == []
    anyone.get("/v1/jobs?colour=red", expect=400).says("unknown_parameter")


# ---- applications ----

def test_applications(env, company, candidate, reviewer, anyone):
    job = company.live_job()
    stranger = Person(env).register().sign_in()
    company.post("/v1/job-applications", {"job_id": job["id"]}, expect=409).says("conflict")
    candidate.post("/v1/job-applications", {"job_id": company.draft()["id"]}, expect=422)
    made = candidate.post("/v1/job-applications", {"job_id": job["id"], "cover_note": "Me."}, expect=201)
    path = f"/v1/job-applications/{made['id']}"
    twice = candidate.post("/v1/job-applications", {"job_id": job["id"]}, expect=409).says("already_exists", "/job_id")
    assert "applicant_user_id" not in str(twice)
    assert company.get(path, expect=200)["applicant_user_id"] == candidate.id
    stranger.get(path, expect=404)
    stranger.post(f"{path}/withdraw", expect=404)
    anyone.get(path, expect=401)
    candidate.post(f"{path}/shortlist", expect=403)
    assert company.post(f"{path}/interview", expect=200)["status"] == "INTERVIEW"
    company.post(f"{path}/shortlist", expect=409).says("illegal_transition")
    company.post(f"{path}/withdraw", expect=403)
    company.post(f"{path}/reject", expect=422).says("validation_failed", "/reason")
    assert company.get(f"{path}/candidate", expect=200)["email"] == candidate.email
    stranger.get(f"{path}/candidate", expect=404)
    rejected = company.post(f"{path}/reject", {"reason": "Another was faster."}, expect=200)
    assert rejected["status"] == "REJECTED" and rejected["rejection_reason"] == "Another was faster."
    company.get(f"{path}/candidate", expect=404)
    candidate.get(f"{path}/candidate", expect=200)
    assert [a["id"] for a in company.get(f"/v1/jobs/{job['id']}/applications", expect=200).items] == [made["id"]]

    other = stranger.post("/v1/job-applications", {"job_id": job["id"]}, expect=201)
    withdrawn = stranger.post(f"/v1/job-applications/{other['id']}/withdraw", expect=200)
    assert withdrawn["status"] == "REJECTED"
    company.post(f"/v1/jobs/{job['id']}/close", expect=200)
    Person(env).register().sign_in().post("/v1/job-applications", {"job_id": job["id"]}, expect=409).says("conflict")


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

@pytest.fixture(scope="module")
def free_rate_card(admin):
    """A profession whose leads cost nothing, beside the usual ten coins."""
    key, card = "marketplace.lead_rate_card", {"*": 10, "makeup_artist": 0}
    found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
    if not found:
        admin.post("/v1/runtime-configs", {"config_group": "marketplace", "config_key": key,
                                           "config_value_json": card, "reason": "test"}, expect=201)
    elif found[0]["config_value_json"] != card:
        admin.patch(f"/v1/runtime-configs/{found[0]['id']}", {"config_value_json": card, "reason": "test"}, expect=200)


@pytest.fixture
def wallets(env, admin, sql):
    """Gives coins to people and tells what they have."""
    if not sql("finance", "SELECT 1 FROM tracecoin_wallets LIMIT 1"):
        pytest.skip("no finance daemon")

    class Wallets:
        def of(self, person):
            return eventually("a wallet", lambda: person.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]

        def balance(self, person):
            return self.of(person)["current_balance"]

        def give(self, person, coins):
            admin.post(f"/v1/tracecoin-wallets/{self.of(person)['id']}/credit",
                       {"amount": coins, "reference_type": "BONUS", "remarks": "A test."}, key=str(uuid.uuid4()), expect=200)
    return Wallets()


def professional_for(env, reviewer, role_key, name="pro"):
    person = Person(env, name=name).register().sign_in()
    person.profile = activate_profile(person, reviewer, role_key)
    return person


def asked(person, lead):
    """Asks once the profile's activation has reached the marketplace."""
    return eventually("the request is taken", lambda: (
        lambda a: a if a.status == 201 else None)(ask(person, lead, person.profile, expect=(201, 409, 422))))


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


def nothing_queued(reviewer, entity_id):
    eventually("nothing waits for a reviewer", lambda: not reviewer.get(
        f"/v1/approval-requests?status=PENDING&entity_id={entity_id}", expect=200).items)


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


# ---- postings that cost coins ----

@pytest.fixture
def posting_price(admin, cast, reviewer):
    """Sets what a posting costs for one test; 0 again afterwards, as those that follow rely on."""
    key = "marketplace.job_posting_price"

    def put(coins):
        found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
        if found:
            admin.patch(f"/v1/runtime-configs/{found[0]['id']}", {"config_value_json": coins, "reason": "test"}, expect=200)
        else:
            admin.post("/v1/runtime-configs", {"config_group": "marketplace", "config_key": key,
                                               "config_value_json": coins, "reason": "test"}, expect=201)
    yield put
    put(0)
    take_back(cast.company, reviewer, submitted_at_price(cast.company, reviewer, 0))


def take_back(company, reviewer, job):
    """A draft again: withdrawn, or the debit was refused meanwhile, which takes the request along."""
    def is_draft():
        for request in reviewer.get(f"/v1/approval-requests?status=PENDING&entity_id={job['id']}", expect=200).items:
            company.post(f"/v1/approval-requests/{request['id']}/withdraw", expect=(200, 409))
        return company.get(f"/v1/jobs/{job['id']}", expect=200)["status"] == "DRAFT"
    eventually("the job is a draft again", is_draft)


def submitted_at_price(company, reviewer, price, **more):
    """A job whose submission asks the price; before the daemon has heard of it, one is withdrawn and tried again."""
    def attempt():
        job = company.draft(**more)
        done = company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
        if done["coin_price"] == price:
            return done
        take_back(company, reviewer, job)
        return None
    return eventually(f"a posting costs {price}", attempt, pause=0.3)


def test_posting_costs_coins(env, reviewer, wallets, posting_price):
    company = Company(env, reviewer).open()
    eventually("the company is known", lambda: company.post("/v1/jobs", job_fields(company.company_id),
                                                            expect=(201, 403, 422)).status == 201)
    posting_price(7)

    # too poor: the job comes back, and so does its place in the queue
    job = submitted_at_price(company, reviewer, 7)
    path = f"/v1/jobs/{job['id']}"
    returned = wait_status(company, path, "DRAFT")
    assert "tracecoins" in returned["rejection_reason"] and returned["debited_at"] is None
    eventually("nothing waits for a reviewer", lambda: not reviewer.get(
        f"/v1/approval-requests?status=PENDING&entity_id={job['id']}", expect=200).items)

    # paid and rejected: the coins come back; paid and approved: they are kept
    wallets.give(company, 20)
    company.post(f"{path}/submit", expect=200)
    eventually("the coins are taken", lambda: company.get(path, expect=200)["debited_at"])
    assert wallets.balance(company) == 13
    decide(reviewer, job["id"], "reject", "Say where.")
    wait_status(company, path, "DRAFT")
    eventually("the coins are back", lambda: wallets.balance(company) == 20)
    company.post(f"{path}/submit", expect=200)
    decide(reviewer, job["id"])
    live = wait_status(company, path, "LIVE")
    assert live["debited_at"] and live["submission"] == 3
    assert wallets.balance(company) == 13

    # an edit of what is LIVE costs nothing, a repost costs again
    company.patch(path, {"title": "Firmware engineer"}, etag=live.etag, expect=200)
    decide(reviewer, job["id"])
    wait_status(company, path, "LIVE")
    assert wallets.balance(company) == 13
    company.post(f"{path}/close", expect=200)
    company.post(f"{path}/repost", expect=200)
    decide(reviewer, job["id"])
    wait_status(company, path, "LIVE")
    assert wallets.balance(company) == 6


# ---- a company that may not publish ----

@pytest.fixture
def own_company(env, reviewer):
    """One whose standing a test may change, and which the marketplace knows."""
    made = Company(env, reviewer).open()
    eventually("the company is known", lambda: made.post("/v1/jobs", job_fields(made.company_id),
                                                         expect=(201, 403, 422)).status == 201)
    return made


def test_suspended_company_gets_its_coins_back(env, admin, reviewer, wallets, posting_price, own_company):
    posting_price(7)
    wallets.give(own_company, 20)
    live = submitted_at_price(own_company, reviewer, 7)
    decide(reviewer, live["id"])
    wait_status(own_company, f"/v1/jobs/{live['id']}", "LIVE")
    job = submitted_at_price(own_company, reviewer, 7)
    path = f"/v1/jobs/{job['id']}"
    eventually("the coins are taken", lambda: own_company.get(path, expect=200)["debited_at"])
    assert wallets.balance(own_company) == 6

    admin.post(f"/v1/company-profiles/{own_company.company_id}/suspend", {"reason": "Complaints."}, expect=200)
    returned = wait_status(own_company, path, "DRAFT")
    assert "not active" in returned["rejection_reason"] and returned["debited_at"] is None
    assert wait_status(own_company, f"/v1/jobs/{live['id']}", "CLOSED")["close_reason"] == "COMPANY_SUSPENDED"
    nothing_queued(reviewer, job["id"])
    eventually("the coins are back", lambda: wallets.balance(own_company) == 13)

    own_company.post(f"{path}/submit", expect=409).says("conflict")
    admin.post(f"/v1/company-profiles/{own_company.company_id}/reinstate", expect=200)
    eventually("the job is submitted", lambda: own_company.post(f"{path}/submit", expect=(200, 409)).status == 200)
    decide(reviewer, job["id"])
    wait_status(own_company, path, "LIVE")
    assert wallets.balance(own_company) == 6


def test_a_decision_finds_the_company_suspended(reviewer, own_company, sql):
    job = own_company.draft()
    own_company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
    queued(reviewer, job["id"])
    sql("marketplace", "UPDATE company_refs SET status = 'SUSPENDED', version = version + 100 WHERE id = %s", own_company.company_id)
    decide(reviewer, job["id"])
    assert "not active" in wait_status(own_company, f"/v1/jobs/{job['id']}", "DRAFT")["rejection_reason"]


def test_coins_find_the_company_suspended(reviewer, own_company, wallets, posting_price, sql):
    """The debit is undone where the job cannot go on: what was taken for it comes back."""
    posting_price(7)
    wallets.give(own_company, 20)
    paid = submitted_at_price(own_company, reviewer, 7)
    eventually("the coins are taken", lambda: own_company.get(f"/v1/jobs/{paid['id']}", expect=200)["debited_at"])
    job = own_company.draft()
    path = f"/v1/jobs/{job['id']}"
    sql("marketplace", "CREATE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" UPDATE company_refs SET status = 'SUSPENDED' WHERE id = '{own_company.company_id}'; RETURN NULL; END $$")
    sql("marketplace", "CREATE TRIGGER hurry AFTER UPDATE OF status ON jobs FOR EACH ROW"
        f" WHEN (NEW.id = '{job['id']}' AND NEW.status = 'PENDING') EXECUTE FUNCTION hurry()")
    try:
        own_company.post(f"{path}/submit", expect=200)
        returned = wait_status(own_company, path, "DRAFT")
    finally:
        sql("marketplace", "DROP FUNCTION hurry CASCADE")
    assert "not active" in returned["rejection_reason"] and returned["debited_at"] is None
    eventually("taken, and back", lambda: sql("finance", "SELECT count(*) AS n FROM tracecoin_ledger"
                                              " WHERE reference_id = %s", returned["posting_id"])[0]["n"] == 2)
    assert wallets.balance(own_company) == 13


def test_an_approved_job_waits_for_its_companys_own_review(reviewer, own_company):
    job = own_company.draft()
    path, company = f"/v1/jobs/{job['id']}", f"/v1/company-profiles/{own_company.company_id}"
    own_company.post(f"{path}/submit", expect=200)
    own_company.patch(company, {"bio": "We make gauges and scales."}, expect=200)
    own_company.post("/v1/jobs", job_fields(own_company.company_id), expect=201)
    eventually("the marketplace has heard of it", lambda: own_company.post(
        f"/v1/jobs/{own_company.draft()['id']}/submit", expect=(200, 409)).status == 409)
    decide(reviewer, job["id"])
    approved = eventually("the job is approved", lambda: (
        lambda j: j if j["approved_at"] else None)(own_company.get(path, expect=200)))
    assert approved["status"] == "PENDING"
    decide(reviewer, own_company.company_id)
    wait_status(own_company, path, "LIVE")
