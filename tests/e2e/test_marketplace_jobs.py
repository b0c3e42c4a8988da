"""nxt-marketplace: jobs and applications, what posting costs, companies that may not publish."""
import concurrent.futures
import time
import uuid

import pytest
from client import NOWHERE, Api, Person, eventually
from people import Company, company_fields, decide, job_fields, nothing_queued, queued, wait_status

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
