"""Refusals by rule: wrong person, wrong state, stale version, repeated key, foreign cursor, too many attempts."""
import base64
import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from client import NOWHERE, Api, Person, eventually
from people import company_fields, job_fields, queued



@pytest.fixture(scope="module")
def company(cast):
    return cast.company


@pytest.fixture(scope="module")
def stranger(cast):
    return cast.person


def package_fields():
    return {"name": f"Package {uuid.uuid4().hex[:8]}", "description": "Coins", "package_type": "TRACECOIN_BUNDLE",
            "price_inr": 99900, "tracecoins_included": 50, "validity_days": 365, "is_active": True}


# ---- who ----

def test_wrong_role(company, stranger, reviewer, admin):
    stranger.post("/v1/departments", {"name": "X", "code": "X"}, expect=403).says("forbidden")
    stranger.post("/v1/pricing-packages", package_fields(), expect=403).says("forbidden")
    reviewer.post("/v1/pricing-packages", package_fields(), expect=403).says("forbidden")
    company.get("/v1/coupons", expect=403).says("forbidden")
    stranger.post("/v1/jobs", job_fields(company.company_id), expect=403).says("forbidden")
    # Permission alone is not enough where a role must be able to approve.
    request = queued(admin, submitted(company)["id"])
    stranger.post(f"/v1/approval-requests/{request['id']}/approve", {"content_hash": request["content_hash"]},
                  expect=(403, 404))


def submitted(company):
    job = company.draft()
    return company.post(f"/v1/jobs/{job['id']}/submit", expect=200)


def test_wrong_owner_finds_nothing(env, company, stranger):
    job = company.draft()
    path = f"/v1/jobs/{job['id']}"
    stranger.get(path, expect=404).says("not_found")
    stranger.patch(path, {"title": "Mine now"}, etag=job.etag, expect=404).says("not_found")
    stranger.delete(path, etag=job.etag, expect=404).says("not_found")
    stranger.post(f"{path}/submit", expect=404).says("not_found")
    other = Person(env, "COMPANY").register().sign_in()
    other.post("/v1/jobs", job_fields(company.company_id), expect=(403, 422))
    assert company.get(path, expect=200).etag == job.etag


def test_what_is_visible_is_still_not_anybodys(company, stranger):
    path = f"/v1/company-profiles/{company.company_id}"
    stranger.get(path, expect=200)
    stranger.patch(path, {"industry": "Mine now"}, expect=403).says("forbidden")
    stranger.delete(path, expect=403).says("forbidden")
    stranger.post(f"{path}/submit", expect=403).says("forbidden")
    seen = stranger.get(path, expect=200)
    for private in ("email", "phone", "contact_person_name"):
        assert seen.get(private) is None, "contact details are for the owner"


def test_no_token_is_401_and_unknown_is_404(anyone, company):
    anyone.get("/v1/me", expect=401).says("unauthenticated")
    anyone.post("/v1/jobs", {}, expect=401).says("unauthenticated")
    company.get(f"/v1/jobs/{NOWHERE}", expect=404).says("not_found")
    company.post(f"/v1/jobs/{NOWHERE}/submit", expect=404).says("not_found")
    company.get("/v1/unheard-of", expect=404).says("not_found")


def test_ids_statuses_and_owners_are_not_the_callers_to_set(company, stranger):
    for field, value in (("id", NOWHERE), ("status", "LIVE"), ("posted_by_user_id", stranger.id), ("version", 7),
                         ("approved_at", "2026-01-01T00:00:00Z"), ("created_at", "2020-01-01T00:00:00Z")):
        company.post("/v1/jobs", job_fields(company.company_id, **{field: value}), expect=422) \
            .says("validation_failed", f"/{field}")
    job = company.draft()
    for field, value in (("id", NOWHERE), ("status", "LIVE"), ("posted_by_user_id", stranger.id), ("company_profile_id", NOWHERE)):
        company.patch(f"/v1/jobs/{job['id']}", {field: value}, etag=job.etag, expect=422).says("validation_failed", f"/{field}")


# ---- state ----

def test_wrong_state(company, reviewer):
    job = company.draft()
    path = f"/v1/jobs/{job['id']}"
    answer = company.post(f"{path}/close", expect=409).says("illegal_transition")
    assert answer["legal"] == ["submit"]
    company.post(f"{path}/submit", expect=200)
    company.post(f"{path}/submit", expect=409).says("illegal_transition")
    request = queued(reviewer, job["id"])
    reviewer.post(f"/v1/approval-requests/{request['id']}/reject",
                  {"content_hash": request["content_hash"], "remarks": "No."}, expect=200)
    for verb in ("approve", "reject"):
        answer = reviewer.post(f"/v1/approval-requests/{request['id']}/{verb}",
                               {"content_hash": request["content_hash"], "remarks": "No."}, expect=409)
        assert answer.says("illegal_transition")["legal"] == []
    reviewer.post(f"/v1/approval-requests/{request['id']}/celebrate", {}, expect=404)


def test_two_reviewers_at_once_one_wins(env, company, reviewer, admin):
    job = submitted(company)
    request = queued(reviewer, job["id"])
    path, body = f"/v1/approval-requests/{request['id']}/approve", {"content_hash": request["content_hash"]}
    answers, ready = [], threading.Barrier(6)

    def decide(token):
        api = Api(env, token)
        ready.wait()
        answers.append(api.post(path, body, expect=(200, 409)).status)
    threads = [threading.Thread(target=decide, args=(p.token,)) for p in (reviewer, admin) * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [200, 409, 409, 409, 409, 409]


# ---- versions ----

def test_a_stale_etag_changes_nothing(company):
    job = company.draft()
    path = f"/v1/jobs/{job['id']}"
    company.patch(path, {"title": "One"}, expect=428).says("if_match_required")
    first = company.patch(path, {"title": "One"}, etag=job.etag, expect=200)
    assert first.etag != job.etag
    company.patch(path, {"title": "Two"}, etag=job.etag, expect=412).says("stale_etag")
    company.delete(path, etag=job.etag, expect=412).says("stale_etag")
    company.delete(path, expect=428).says("if_match_required")
    for etag in ('W/"2"', '"nonsense"', '"22"', '""', ', "7",', '"a,b" , W/"c"'):
        company.patch(path, {"title": "Two"}, etag=etag, expect=412).says("stale_etag")
    assert company.get(path, expect=200)["title"] == "One"
    company.patch(path, {"title": "Three"}, etag=f'"7", {first.etag}', expect=200)
    company.patch(path, {"title": "Four"}, etag="*", expect=200)


@pytest.mark.parametrize("etag", ["2", "", ",", '"2', '2"', '"2" "3"', 'w/"2"', "W/2", '*, "2"', '"a b"', "'2'"])
def test_an_if_match_that_is_no_etag_is_malformed(company, person, etag):
    """Not stale: reading the item again would not mend it."""
    job = company.draft(title="One")
    path = f"/v1/jobs/{job['id']}"
    for refused in (company.patch(path, {"title": "Two"}, etag=etag, expect=400), company.delete(path, etag=etag, expect=400),
                    person.patch("/v1/me", {"display_name": "x"}, etag=etag, expect=400),
                    person.patch("/v1/me/settings", {"settings_json": {}}, etag=etag, expect=400)):
        assert "If-Match" in refused.says("bad_request")["detail"]
    assert company.get(path, expect=200)["title"] == "One"


def test_the_same_again_is_no_new_version(company):
    job = company.draft(title="Same")
    path = f"/v1/jobs/{job['id']}"
    same = company.patch(path, {"title": "Same"}, etag=job.etag, expect=200)
    assert same.etag == job.etag
    assert company.patch(path, {}, etag=job.etag, expect=200).etag == job.etag


def test_two_writers_with_one_version_one_wins(env, company):
    job = company.draft()
    answers, ready = [], threading.Barrier(5)

    def write(i):
        api = Api(env, company.token)
        ready.wait()
        answers.append(api.patch(f"/v1/jobs/{job['id']}", {"title": f"Writer {i}"}, etag=job.etag, expect=(200, 412)).status)
    threads = [threading.Thread(target=write, args=(i,)) for i in range(5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(answers) == [200, 412, 412, 412, 412]


def test_not_modified(company):
    job = company.draft()
    path = f"/v1/jobs/{job['id']}"
    fresh = company.get(path, headers={"If-None-Match": job.etag}, expect=304)
    assert fresh.content == b"" and fresh.etag == job.etag
    company.get(path, headers={"If-None-Match": '"0"'}, expect=200)
    company.get(path, headers={"If-None-Match": f'"0", {job.etag}'}, expect=304)
    company.get(path, headers={"If-None-Match": f"W/{job.etag}"}, expect=(200, 304))


def test_merge_patch_nulls_and_leaves(company):
    job = company.draft(budget_inr=100)
    patched = company.patch(f"/v1/jobs/{job['id']}", {"budget_inr": None}, etag=job.etag, expect=200)
    assert patched["budget_inr"] is None and patched["title"] == job["title"]
    company.patch(f"/v1/jobs/{job['id']}", {"title": None}, etag=patched.etag, expect=422).says("validation_failed", "/title")
    company.patch(f"/v1/jobs/{job['id']}", raw=json.dumps({"budget_inr": 5}).encode(), etag=patched.etag,
                  headers={"Content-Type": "application/merge-patch+json"}, expect=200)


# ---- Idempotency-Key ----

def test_a_repeated_key_replays_the_first_answer(sql, company):
    key, body = str(uuid.uuid4()), job_fields(company.company_id, title=f"Once {uuid.uuid4().hex[:8]}")
    first = company.post("/v1/jobs", body, key=key, expect=201)
    for _ in range(3):
        again = company.post("/v1/jobs", body, key=key, expect=201)
        assert (again.content, again.etag, again.headers["Location"]) == (first.content, first.etag, first.headers["Location"])
    assert len(sql("marketplace", "SELECT FROM jobs WHERE title = %s", body["title"])) == 1
    # The item has moved on; the answer has not.
    company.patch(f"/v1/jobs/{first['id']}", {"title": "Moved on"}, etag=first.etag, expect=200)
    assert company.post("/v1/jobs", body, key=key, expect=201).content == first.content


def test_a_key_with_another_body_is_refused(company):
    key, body = str(uuid.uuid4()), job_fields(company.company_id)
    company.post("/v1/jobs", body, key=key, expect=201)
    company.post("/v1/jobs", {**body, "title": "Another"}, key=key, expect=422).says("idempotency_key_reused")


def test_a_key_belongs_to_caller_method_and_path(env, company, reviewer, admin):
    key = str(uuid.uuid4())
    job = company.post("/v1/jobs", job_fields(company.company_id), key=key, expect=201)
    assert company.post(f"/v1/jobs/{job['id']}/submit", {}, key=key, expect=200)["status"] == "PENDING"
    package = package_fields()
    first = admin.post("/v1/pricing-packages", package, key=key, expect=201)
    finance = Person(env).register().sign_in()
    finance.post("/v1/pricing-packages", package, key=key, expect=403)
    assert admin.post("/v1/pricing-packages", package, key=key, expect=201).content == first.content


def test_refusals_are_not_kept(company):
    key = str(uuid.uuid4())
    company.post("/v1/jobs", job_fields(company.company_id, budget_inr=-1), key=key, expect=422).says("validation_failed")
    company.post("/v1/jobs", job_fields(company.company_id), key=key, expect=201)


def test_who_repeats_a_refused_request_at_once_does_not_meet_himself(env, company):
    """A body is judged inside the transaction that holds the key."""
    key, body = str(uuid.uuid4()), job_fields(company.company_id, budget_inr=-1)
    with ThreadPoolExecutor(8) as pool:
        def repeat(n):
            api = Api(env, company.token)
            return {api.post("/v1/jobs", body, key=f"{key}-{n}", expect=(409, 422))["code"] for _ in range(100)}
        assert set.union(*pool.map(repeat, range(8))) == {"validation_failed"}


@pytest.mark.parametrize("key", ["", "two words", "x" * 300, "caf\u00e9".encode().decode("latin-1"), "a\tb"])
def test_what_is_no_key(company, key):
    answer = company.post("/v1/jobs", job_fields(company.company_id), key=key, expect=(201, 400))
    assert answer.status == 400 or key.strip() == "", answer


def test_a_twin_of_a_running_request_is_in_progress(env, sql, admin, company):
    """The first is held up by a lock on the coupon's row, so that it is still running when the second comes."""
    package = admin.post("/v1/pricing-packages", package_fields(), expect=201)
    coupon = admin.post("/v1/coupons", {
        "code": f"HOLD{uuid.uuid4().hex[:8].upper()}", "description": "All", "discount_type": "PERCENT", "discount_value": 100,
        "min_order_value_inr": 0, "is_active": True, "valid_from": "2020-01-01T00:00:00Z", "valid_to": "2099-01-01T00:00:00Z"},
        expect=201)
    body = {"order_type": "PACKAGE", "items": [{"item_type": "PACKAGE", "item_id": package["id"], "quantity": 1}],
            "coupon_code": coupon["code"]}
    key, first = str(uuid.uuid4()), []
    with psycopg.connect(env["NXT_DB_FINANCE"]) as held:
        held.execute("SELECT FROM coupons WHERE id = %s FOR UPDATE", [coupon["id"]])
        slow = threading.Thread(target=lambda: first.append(Api(env, company.token).post("/v1/orders", body, key=key, expect=201)))
        slow.start()
        eventually("the first waits for the lock", lambda: sql(
            "finance", "SELECT FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"))
        twin = company.post("/v1/orders", body, key=key, expect=409).says("idempotency_in_progress")
        assert int(twin.headers.get("Retry-After", 1)) >= 1
    slow.join()
    assert company.post("/v1/orders", body, key=key, expect=201).content == first[0].content


def test_a_key_without_a_token_is_ignored(env, anyone, sql):
    body = {"email": f"{uuid.uuid4().hex}@example.com", "password": "a rather long one", "account_type": "INDIVIDUAL"}
    before = sql("identity", "SELECT count(*) AS n FROM idempotency_keys")[0]["n"]
    key = str(uuid.uuid4())
    anyone.post("/v1/auth/register", body, key=key, expect=202)
    anyone.post("/v1/auth/register", {**body, "email": f"{uuid.uuid4().hex}@example.com"}, key=key, expect=202)
    assert sql("identity", "SELECT count(*) AS n FROM idempotency_keys")[0]["n"] == before


def test_sign_in_is_never_kept(env, sql):
    person = Person(env).register().sign_in()
    key = str(uuid.uuid4())
    answers = {person.post("/v1/auth/login", {"email": person.email, "password": person.password}, key=key, expect=200)["refresh_token"]
               for _ in range(2)}
    assert len(answers) == 2
    person.post("/v1/auth/logout", {}, key=key, expect=204)
    assert sql("identity", "SELECT count(*) AS n FROM idempotency_keys k WHERE convert_from(body, 'UTF8') LIKE '%%refresh_token%%'")[0]["n"] == 0


# ---- cursors ----

@pytest.fixture(scope="module")
def paged(company):
    jobs = [company.draft(title=f"Page {i}") for i in range(5)]
    return company, jobs


def test_pages_hold_everything_once(paged):
    company, jobs = paged
    seen = [j["id"] for j in company.everything("/v1/jobs?posted_by_user_id=me&limit=2&sort=created_at")]
    assert len(seen) == len(set(seen)) and {j["id"] for j in jobs} <= set(seen)
    page = company.get("/v1/jobs?posted_by_user_id=me&limit=2", expect=200)
    assert 'rel="next"' in page.headers["Link"] and page["next_cursor"] in page.headers["Link"]
    assert company.get("/v1/jobs?posted_by_user_id=me&limit=200", expect=200)["next_cursor"] is None


def test_rows_that_come_meanwhile_do_not_shift_pages(paged):
    company, _ = paged
    page = company.get("/v1/jobs?posted_by_user_id=me&limit=2", expect=200)
    added = company.draft(title="Late")
    second = company.get(f"/v1/jobs?posted_by_user_id=me&limit=2&cursor={page['next_cursor']}", expect=200)
    ids = [j["id"] for j in page.items + second.items]
    assert len(set(ids)) == 4 and added["id"] not in ids


def test_a_cursor_serves_its_own_list_alone(env, paged, stranger, admin):
    company, _ = paged
    cursor = company.get("/v1/jobs?posted_by_user_id=me&limit=2", expect=200)["next_cursor"]
    for other in ("/v1/jobs?limit=2", "/v1/jobs?posted_by_user_id=me&limit=2&sort=created_at",
                  "/v1/jobs?posted_by_user_id=me&status=DRAFT&limit=2", "/v1/leads?limit=2", "/v1/job-applications?limit=2"):
        company.get(f"{other}&cursor={cursor}", expect=400).says("bad_cursor")
    stranger.get(f"/v1/jobs?posted_by_user_id=me&limit=2&cursor={cursor}", expect=400).says("bad_cursor")
    company.get(f"/v1/orders?limit=2&cursor={cursor}", expect=400).says("bad_cursor")
    # The page's size may change on the way.
    company.get(f"/v1/jobs?posted_by_user_id=me&limit=3&cursor={cursor}", expect=200)


def test_a_tampered_cursor_is_refused(paged):
    company, _ = paged
    cursor = company.get("/v1/jobs?posted_by_user_id=me&limit=2", expect=200)["next_cursor"]
    payload, mac = cursor.split(".")
    keys = json.loads(base64.urlsafe_b64decode(payload + "=="))
    made = base64.urlsafe_b64encode(json.dumps(["9999-01-01T00:00:00Z", keys[1]]).encode()).rstrip(b"=").decode()
    tampered = [f"{made}.{mac}", f"{payload}.", payload, f"{payload}.{'A' * len(mac)}", f".{mac}", cursor + "x",
                cursor[1:], cursor.swapcase(), f"{payload}.{mac}.{mac}", "A" * 4000, "%00", "' OR 1=1 --"]
    for bad in tampered:
        answer = company.get(f"/v1/jobs?posted_by_user_id=me&limit=2&cursor={bad.replace(' ', '%20')}", expect=400)
        assert answer["code"] in ("bad_cursor", "bad_request", "unknown_parameter"), bad


# ---- too many ----

def test_failed_sign_ins_are_slowed_and_nobody_is_locked_out(env):
    victim = Person(env).register()
    mine = {"email": victim.email, "password": victim.password, "device": "my phone"}
    victim.post("/v1/auth/login", mine, expect=200)
    refused = []
    for _ in range(12):
        answer = victim.post("/v1/auth/login", {"email": victim.email, "password": "wrong wrong"}, expect=(401, 429))
        refused.append(answer)
        if answer.status == 429:
            break
    assert refused[-1].status == 429, "no brake after twelve wrong passwords"
    assert int(refused[-1].headers["Retry-After"]) >= 1
    # From a device that the account knows, the right password still enters.
    victim.post("/v1/auth/login", mine, expect=200)


# ---- words of the answer ----

def test_request_ids_are_echoed_or_made(anyone):
    mine = str(uuid.uuid4())
    assert anyone.get("/v1/me", headers={"X-Request-Id": mine}, expect=401)["request_id"] == mine
    answer = anyone.get("/v1/me", headers={"X-Request-Id": "ticket-17"}, expect=401)
    assert answer.headers["X-Request-Id"] == "ticket-17"
    made = anyone.get("/v1/me", expect=401)
    assert uuid.UUID(made["request_id"]) and made.headers["X-Request-Id"] == made["request_id"]
    for odd in ("a b", "x" * 500, "é", "<script>", '"'):
        got = anyone.get("/v1/me", headers={"X-Request-Id": odd.encode().decode("latin-1")}, expect=(400, 401))
        assert got.headers["X-Request-Id"] != odd or odd.isascii()


def test_answers_are_not_kept_by_caches(company, anyone):
    assert "no-store" in company.get("/v1/me", expect=200).headers["Cache-Control"]


def test_a_company_is_one_per_user_and_names_the_field(company):
    answer = company.post("/v1/company-profiles", company_fields(company), expect=409).says("already_exists")
    assert "user_id" in json.dumps(answer.json) or answer["detail"]


# ---- inside a JSON column ----

@pytest.mark.parametrize("range_, at", [
    ({"min_inr": "1"}, "/min_inr"), ({"min_inr": -1}, "/min_inr"), ({"max_inr": 10**16}, "/max_inr"),
    ({"period": "EON"}, "/period"), ([1, 2], ""), ({"min_inr": 2, "max_inr": 1}, "/max_inr")])
def test_a_salary_range_has_one_shape(company, range_, at):
    company.post("/v1/jobs", job_fields(company.company_id, salary_range_json=range_), expect=422) \
        .says("validation_failed", f"/salary_range_json{at}")
    fine = {"min_inr": 180000000, "max_inr": 250000000, "period": "YEAR", "bonus": "shares"}
    job = company.draft(salary_range_json={**fine, "min_inr": 180000000.0})
    assert job["salary_range_json"] == fine and isinstance(job["salary_range_json"]["min_inr"], int)
    company.patch(f"/v1/jobs/{job['id']}", {"salary_range_json": {"min_inr": 250000001}}, etag=job.etag, expect=422) \
        .says("validation_failed", "/salary_range_json/max_inr")
