"""The first flow, step by step, through the gateway: what each step answers and what it leaves behind.

Tables, topics and mails are read past the daemons, by foreign clients, to see what was really written.
"""
import json
import re
import time
import uuid

import jwt
import pytest
import requests
from client import Person, eventually, link_token, when_refusals_are_told
from people import (ADMINISTRATOR, Company, company_fields, decide, identity_command, queued, staff,
                    wait_status)
from topics import published, records

SERVICES = ("profiles", "finance", "marketplace", "notify", "audit")
FOLLOWERS = SERVICES  # who keeps a copy of identity's users and rights


def refs_of(sql, service, user_id):
    return sql(service, "SELECT * FROM user_refs WHERE id = %s", user_id)


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


# ---- 1, 2: sign up, confirm ----

def test_sign_up_makes_a_pending_user_and_mails_the_link(env, sql, admin, mailbox):
    person = Person(env, "COMPANY", phone="+9198" + str(uuid.uuid4().int)[:8])
    assert person.sign_up().json == {"status": "PENDING"}
    [user] = sql("identity", "SELECT * FROM users WHERE email = %s", person.email)
    assert (user["status"], user["account_type"], user["phone"]) == ("PENDING", "COMPANY", person.phone)
    assert user["password_hash"].startswith("$argon2id$")

    mail = mailbox.wait(person.email, "token=")
    assert mail["to"] == [person.email]
    token = link_token(mail)
    assert re.search(r"https?://\S+\?token=" + re.escape(token) + r"(\s|$)", mail["text"]), "the link ends in the token"
    assert f"?token={token}" in mail["html"]

    [registered] = published(env, "user.registered", str(user["id"]))
    assert (registered.email, registered.account_type, registered.status) == (person.email, "COMPANY", "PENDING")
    [issued] = published(env, "auth.token_issued", str(user["id"]))
    assert token.encode() not in issued.SerializeToString(), "the token travels encrypted"

    def logged():
        rows = admin.get(f"/v1/email-logs?to_email={person.email}", expect=200).items
        return rows[0] if rows and rows[0]["status"] == "SENT" else None
    row = eventually("the mail's row is SENT", logged)
    assert row["provider_reference"].strip("<>") == mail["headers"]["Message-ID"].strip("<>")
    assert issued.context.event_id in mail["headers"]["Message-ID"], "the event's id is in the Message-ID"
    assert row["subject"] == mail["subject"] and token not in json.dumps(row)
    assert mail["headers"]["traceparent"].split("-")[1] == registered.context.correlation_id.replace("-", "")


def test_the_one_time_token_is_nowhere_in_the_clear(env, sql, mailbox):
    person = Person(env)
    person.sign_up()
    token = link_token(mailbox.wait(person.email, "token="))
    for service in ("identity", "notify", "audit"):
        for table, in [(r["relname"],) for r in sql(service, """
                SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace""")]:
            found = sql(service, f'SELECT count(*) AS n FROM "{table}" t WHERE strpos(t::text, %s) > 0', token)
            assert found[0]["n"] == 0, f"{service}.{table}"


def test_the_link_activates_once(env, sql, anyone, mailbox):
    person = Person(env)
    person.sign_up()
    person.post("/v1/auth/login", {"email": person.email, "password": person.password}, expect=401) \
        .says("bad_credentials")
    token = link_token(mailbox.wait(person.email, "token="))
    wrong = ("A" if token[0] != "A" else "B") + token[1:]
    anyone.post("/v1/auth/verify-email", {"token": wrong}, expect=400).says("token_invalid")
    assert anyone.post("/v1/auth/verify-email", {"token": token}, expect=200).json == {"status": "ACTIVE"}
    anyone.post("/v1/auth/verify-email", {"token": token}, expect=400).says("token_invalid")
    anyone.post("/v1/auth/verify-email", {"token": "x" * 43}, expect=400).says("token_invalid")

    user_id = person.sign_in().id
    [activated] = published(env, "user.activated", user_id)
    assert activated.status == "ACTIVE"
    for service in FOLLOWERS:
        eventually(f"{service} knows the user", lambda s=service: [
            r for r in refs_of(sql, s, user_id) if r.get("known") and r.get("status", "ACTIVE") == "ACTIVE"])
    wallets = eventually("a wallet", lambda: person.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)
    assert [(w["user_id"], w["current_balance"]) for w in wallets] == [(user_id, 0)]


def test_sign_up_tells_nobody_who_is_here(env, sql, mailbox):
    person = Person(env).register()
    before = len(mailbox.all(person.email))
    again = Person(env, email=person.email.upper().replace("EXAMPLE.COM", "example.com"))
    assert again.sign_up().json == {"status": "PENDING"}
    assert again.post("/v1/auth/login", {"email": person.email, "password": again.password}, expect=401) \
        .says("bad_credentials").json.keys() == \
        again.post("/v1/auth/login", {"email": "nobody@example.com", "password": again.password}, expect=401) \
        .says("bad_credentials").json.keys()
    person.sign_in()
    assert [u["n"] for u in sql("identity", "SELECT count(*) AS n FROM users WHERE lower(email) = lower(%s)",
                                person.email)] == [1]
    assert "token=" not in "".join(m["text"] for m in mailbox.all(person.email)[before:])


@pytest.mark.parametrize("body, pointer", [
    ({"email": "nonsense"}, "/email"), ({"password": "short"}, "/password"), ({"password": "password123"}, "/password"),
    ({"account_type": "ROBOT"}, "/account_type"), ({"phone": "call me"}, "/phone"), ({"admin": True}, "/admin"),
    ({"email": None}, "/email"), ({"password": 12345678}, "/password"), ({"email": ["a@example.com"]}, "/email"),
])
def test_sign_up_names_the_wrong_field(anyone, body, pointer):
    right = {"email": f"{uuid.uuid4().hex}@example.com", "password": "a rather long one", "account_type": "INDIVIDUAL"}
    anyone.post("/v1/auth/register", {**right, **body}, expect=422).says("validation_failed", pointer)


def test_sign_up_names_all_wrong_fields_at_once(anyone):
    answer = anyone.post("/v1/auth/register", {"email": 1, "account_type": "ROBOT", "admin": 1}, expect=422)
    assert {"/email", "/password", "/account_type", "/admin"} <= {e["pointer"] for e in answer["errors"]}


# ---- 3: sessions ----

def test_the_access_token_is_what_a_stranger_can_verify(env):
    person = Person(env, "COMPANY").register().sign_in()
    keys = requests.get(env["NXT_GATEWAY_URL"] + "/.well-known/jwks.json", timeout=10).json()
    header = jwt.get_unverified_header(person.token)
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    [key] = [k for k in keys["keys"] if k["kid"] == header["kid"]]
    assert "d" not in key
    claims = jwt.decode(person.token, jwt.PyJWK(key).key, ["ES256"], options={"verify_aud": False})
    assert 300 <= claims["exp"] - claims["iat"] <= 600
    assert (claims["sub"], claims["sid"]) == (person.id, person.session_id)
    assert (claims["account_type"], claims["client"]) == ("COMPANY", "UI")
    assert not {"balance", "coins", "wallet", "permissions", "email"} & claims.keys()


def test_signing_in_answers_as_promised(env):
    person = Person(env).register()
    answer = person.post("/v1/auth/login", {"email": person.email, "password": person.password}, expect=200)
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "refresh_token", "session_id"}
    assert answer["token_type"] == "Bearer" and 0 < answer["expires_in"] <= 600
    me = person.get("/v1/me", token=answer["access_token"], expect=200)
    assert me["session_id"] == answer["session_id"] and me["email"] == person.email
    assert me["roles"] == [] and me["permissions"] == [] and me["status"] == "ACTIVE"
    assert not [k for k in me.json if "password_hash" in k or "token" in k]
    person.get("/v1/me", expect=401).says("unauthenticated")
    for wrong in ("wrong password", person.password + " ", ""):
        person.post("/v1/auth/login", {"email": person.email, "password": wrong}, expect=(401, 422))


def test_a_refresh_token_is_replaced_and_its_theft_ends_the_family(env, mailbox):
    person = Person(env).register().sign_in()
    first, user_id, token = person.refresh_token, person.id, person.token
    person.refresh()
    assert person.refresh_token != first
    second = person.refresh_token
    # The answer got lost: the immediate parent, soon after, gets the identical successor.
    assert person.post("/v1/auth/refresh", {"refresh_token": first}, token=None, expect=200)["refresh_token"] == second
    person.refresh()
    third = person.refresh_token
    person.post("/v1/auth/refresh", {"refresh_token": first}, token=None, expect=401).says("token_reused")
    # The family is gone, with the newest token and the session.
    for token_of_family in (third, second, first):
        person.post("/v1/auth/refresh", {"refresh_token": token_of_family}, token=None, expect=401)
    [reused, *_] = published(env, "token.reuse_detected", user_id)
    assert reused.session_id == person.session_id
    mailbox.wait(person.email, "sign")
    for service in ("identity", *SERVICES):
        path = SIGNED_IN_PATHS[service]
        eventually(f"{service} refuses the session's token", lambda s=service, p=path:
                   person.at(s).get(p, token=token, expect=(200, 401, 403)).status == 401)
    person.post("/v1/auth/refresh", {"refresh_token": "made up"}, token=None, expect=401).says("token_invalid")
    mine = person.sign_in().get("/v1/me", expect=200)
    person.get("/v1/me", headers={"If-None-Match": mine.etag}, expect=304)


# A GET of each service that any signed-in person may make.
SIGNED_IN_PATHS = {"identity": "/v1/me", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
                   "marketplace": "/v1/leads", "notify": "/v1/notifications", "audit": "/v1/audit-logs"}


def test_signing_out_ends_this_session_others_or_all(env):
    person = Person(env).register()
    phones = [Person(env, email=person.email, password=person.password).sign_in() for _ in range(3)]
    phones[0].post("/v1/auth/logout", {"scope": "this"}, expect=204)
    eventually("this session is over", lambda: phones[0].get("/v1/me", expect=(200, 401)).status == 401)
    phones[0].post("/v1/auth/refresh", {"refresh_token": phones[0].refresh_token}, token=None, expect=401)
    phones[1].post("/v1/auth/logout", {"scope": "others"}, expect=204)
    eventually("the other is over", lambda: phones[2].get("/v1/me", expect=(200, 401)).status == 401)
    phones[1].get("/v1/me", expect=200)
    phones[1].post("/v1/auth/logout", {"scope": "all"}, expect=204)
    eventually("all are over", lambda: phones[1].get("/v1/me", expect=(200, 401)).status == 401)
    phones[1].post("/v1/auth/logout", {"scope": "some"}, expect=(401, 422))


# ---- 4: administrator, reviewer ----

def test_there_is_one_first_administrator(env, admin):
    made = identity_command(env, ["admin", "create", "--email", "second@example.com"], "a rather long one\n")
    assert made.returncode != 0 and "administrator already" in made.stderr + made.stdout
    me = admin.get("/v1/me", expect=200)
    assert me["email"] == ADMINISTRATOR and me["roles"] == ["administrator"]
    assert {"users.suspend", "roles.update", "audit-logs.read"} <= set(me["permissions"])
    assert claims_of(admin.token)["employee_id"]


def test_a_role_is_asked_for_and_decided_by_another(env, admin, cast):
    person = Person(env).register().sign_in()
    request = person.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    assert request["status"] == "PENDING" and request.headers["Location"].endswith(request["id"])
    person.post(f"/v1/user-roles/{request['id']}/approve", expect=403)
    cast.person.post(f"/v1/user-roles/{request['id']}/approve", expect=(403, 404))
    assert admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)["status"] == "APPROVED"
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=409).says("illegal_transition")
    [decided] = published(env, "role.decided", person.id)
    assert (decided.role_key, decided.decision) == ("reviewer", "APPROVED")
    # The old token names the old rights: it is stale, and the refreshed one is good.
    eventually("the old token is stale", lambda: person.get("/v1/me", expect=(200, 401)).status == 401)
    person.get("/v1/me", expect=401).says("token_stale")
    person.refresh()
    assert person.get("/v1/me", expect=200)["roles"] == ["reviewer"]

    refused = Person(env).register().sign_in()
    request = refused.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    admin.post(f"/v1/user-roles/{request['id']}/reject", {}, expect=422).says("validation_failed", "/remarks")
    admin.post(f"/v1/user-roles/{request['id']}/reject", {"remarks": "Not yet."}, expect=200)
    refused.post("/v1/user-roles", {"role_key": "emperor"}, expect=422).says("validation_failed", "/role_key")


@pytest.fixture(scope="module")
def clerk(env, admin):
    """An employee with a role made for this test, which holds nothing yet."""
    key = f"clerk_{uuid.uuid4().hex[:8]}"
    role = admin.post("/v1/roles", {"key": key, "name": f"Clerk {key}", "audience": "INTERNAL"}, expect=201)
    person = staff(env, admin, key)
    person.role_id = role["id"]
    return person


def test_a_permission_bites_in_every_service_within_seconds(admin, clerk, cast):
    company = cast.company
    draft = company.draft()
    request = company.get(f"/v1/approval-requests?entity_id={company.company_id}", expect=200).items[0]
    asked = {"departments.read": "/v1/departments",
             "approval-requests.read": f"/v1/approval-requests/{request['id']}",
             "coupons.read": "/v1/coupons", "jobs.read": f"/v1/jobs/{draft['id']}",
             "email-logs.read": "/v1/email-logs", "audit-logs.read": "/v1/audit-logs"}
    for path in asked.values():
        assert clerk.get(path, expect=(403, 404)).status in (403, 404)
    given = {key: admin.post("/v1/role-permissions", {"role_id": clerk.role_id, "permission_key": key}, expect=201)
             for key in asked}
    begun = time.monotonic()
    for key, path in asked.items():
        eventually(f"{key} is given", lambda p=path: clerk.get(p, expect=(200, 403, 404)).status == 200)
    for row in given.values():
        admin.delete(f"/v1/role-permissions/{row['id']}", expect=204)
    for key, path in asked.items():
        eventually(f"{key} is taken", lambda p=path: clerk.get(p, expect=(200, 403, 404)).status != 200)
    assert time.monotonic() - begun < 30


# ---- 5: the company ----

def test_a_company_is_approved_by_another_and_becomes_active(env, sql, reviewer, cast):
    owner = Person(env, "COMPANY", "owner").register().sign_in()
    cast.person.post("/v1/company-profiles", company_fields(cast.person), expect=403).says("forbidden")
    company = owner.post("/v1/company-profiles", company_fields(owner), expect=201)
    path = f"/v1/company-profiles/{company['id']}"
    assert company.headers["Location"].endswith(path) and company.etag == '"1"'
    assert (company["status"], company["approval_status"], company["user_id"]) == ("DRAFT", None, owner.id)
    owner.post("/v1/company-profiles", company_fields(owner), expect=409).says("already_exists")
    assert owner.post(f"{path}/submit", expect=200)["approval_status"] == "PENDING"
    owner.post(f"{path}/submit", expect=409).says("illegal_transition")
    owner.patch(path, {"industry": "Hardware"}, expect=409).says("under_review")
    request = queued(reviewer, company["id"])
    assert re.fullmatch("[0-9a-f]{64}", request["content_hash"])
    assert (request["entity_type"], request["approval_type"]) == ("company", "CONTENT") and request["submitted_at"]
    verdict = {"content_hash": request["content_hash"]}
    owner.post(f"/v1/approval-requests/{request['id']}/approve", verdict, expect=403)
    reviewer.post(f"/v1/approval-requests/{request['id']}/approve", verdict, expect=200)
    active = wait_status(owner, path, "ACTIVE")
    assert active["approval_status"] == "APPROVED"
    [activated] = published(env, "company.activated", company["id"])
    assert activated.status == "ACTIVE"
    refs = eventually("marketplace knows the company", lambda: [
        r for r in sql("marketplace", "SELECT * FROM company_refs WHERE id = %s", company["id"])
        if r["status"] == "ACTIVE"])
    assert refs[0]["known"]


def test_nobody_approves_their_own_not_even_a_reviewer(env, admin, reviewer):
    """A reviewer whose own company waits in the queue."""
    both = Company(env, reviewer)
    both.register().sign_in()
    request = both.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)
    both.may("/v1/users?limit=1")
    company = both.post("/v1/company-profiles", company_fields(both), expect=201)
    both.post(f"/v1/company-profiles/{company['id']}/submit", expect=200)
    request = queued(both, company["id"])
    for verb, more in (("approve", {}), ("reject", {"remarks": "no"})):
        both.post(f"/v1/approval-requests/{request['id']}/{verb}", {"content_hash": request["content_hash"], **more},
                  expect=403).says("own_submission")


# ---- 6: the job ----

def test_a_job_goes_live_and_tells_its_owner(env, cast, reviewer, mailbox):
    company = cast.company
    draft = company.draft(title="Metrologist")
    assert (draft["status"], draft["approved_at"], draft["posted_by_user_id"]) == ("DRAFT", None, company.id)
    path = f"/v1/jobs/{draft['id']}"
    submitted = company.post(f"{path}/submit", expect=200)
    assert submitted["status"] == "PENDING"
    company.patch(path, {"title": "Other"}, etag=submitted.etag, expect=409).says("under_review")

    request = queued(reviewer, draft["id"])
    [event] = published(env, "job.submitted", draft["id"])
    assert event.content_hash == request["content_hash"] and event.coin_price == 0
    [opened] = published(env, "approval.requested", request["id"])
    assert (opened.entity_type, opened.entity_id) == ("job", draft["id"])
    assert request["id"] in [r["id"] for r in reviewer.everything("/v1/approval-requests?status=PENDING&limit=200")]

    verdict = {"content_hash": request["content_hash"]}
    stale = {"content_hash": "0" * 64}
    reviewer.post(f"/v1/approval-requests/{request['id']}/approve", stale, expect=409).says("stale_content")
    company.post(f"/v1/approval-requests/{request['id']}/approve", verdict, expect=403)
    decided = reviewer.post(f"/v1/approval-requests/{request['id']}/approve", verdict, expect=200)
    assert decided["status"] == "APPROVED" and decided["reviewed_by_user_id"] == reviewer.id
    again = reviewer.post(f"/v1/approval-requests/{request['id']}/approve", verdict, expect=409)
    assert again.says("illegal_transition")["legal"] == []

    live = wait_status(company, path, "LIVE")
    assert live["approved_at"]
    [published_event] = published(env, "job.published", draft["id"])
    assert published_event.status == "LIVE" and company.id in published_event.context.recipient_user_ids
    mailbox.wait(company.email, "Metrologist")
    told = eventually("the owner is told", lambda: [
        n for n in company.get("/v1/notifications?limit=200", expect=200).items
        if n["related_entity_id"] == draft["id"] and n["channel"] == "IN_APP"])
    assert (told[0]["status"], told[0]["related_entity_type"]) == ("SENT", "job")


def test_a_rejected_job_comes_back_with_remarks_and_can_go_again(cast, reviewer, mailbox):
    company = cast.company
    job = company.draft(title="Sales wizard")
    path, remarks = f"/v1/jobs/{job['id']}", "Please say what the work really is."
    company.post(f"{path}/submit", expect=200)
    request = queued(reviewer, job["id"])
    reviewer.post(f"/v1/approval-requests/{request['id']}/reject", {"content_hash": request["content_hash"]},
                  expect=422).says("validation_failed", "/remarks")
    decide(reviewer, job["id"], "reject", remarks)
    back = wait_status(company, path, "DRAFT")
    assert back["approved_at"] is None
    assert remarks in mailbox.wait(company.email, remarks)["text"]
    eventually("the remarks stand in the notification", lambda: [
        n for n in company.get("/v1/notifications?limit=200", expect=200).items if remarks in n["body"]])

    mended = company.patch(path, {"description": "Selling gauges to laboratories."}, etag=back.etag, expect=200)
    assert mended["status"] == "DRAFT"
    company.post(f"{path}/submit", expect=200)
    second = queued(reviewer, job["id"])
    assert second["id"] != request["id"] and second["content_hash"] != request["content_hash"]
    reviewer.post(f"/v1/approval-requests/{second['id']}/approve", {"content_hash": request["content_hash"]},
                  expect=409).says("stale_content")
    decide(reviewer, job["id"])
    wait_status(company, path, "LIVE")


def test_a_submission_can_be_withdrawn(cast, reviewer):
    company = cast.company
    job = company.draft()
    company.post(f"/v1/jobs/{job['id']}/submit", expect=200)
    request = queued(reviewer, job["id"])
    reviewer.post(f"/v1/approval-requests/{request['id']}/withdraw", expect=403)
    assert company.post(f"/v1/approval-requests/{request['id']}/withdraw", expect=200)["status"] == "REJECTED"
    wait_status(company, f"/v1/jobs/{job['id']}", "DRAFT")


# ---- 7: a free order ----

def test_an_order_of_nothing_to_pay_is_complete_at_once(env, sql, admin, cast, mailbox):
    buyer, mark = cast.company, uuid.uuid4().hex[:8].upper()
    package = admin.post("/v1/pricing-packages", {
        "name": f"Starter {mark}", "description": "Fifty tracecoins", "package_type": "TRACECOIN_BUNDLE",
        "price_inr": 5000, "tracecoins_included": 50, "validity_days": 365, "is_active": True}, expect=201)
    coupon = admin.post("/v1/coupons", {
        "code": f"FREE{mark}", "description": "All of it", "discount_type": "FLAT", "discount_value": 10000,
        "min_order_value_inr": 0, "usage_limit": 1, "is_active": True, "valid_from": "2020-01-01T00:00:00Z",
        "valid_to": "2099-01-01T00:00:00Z"}, expect=201)
    wallet = eventually("a wallet", lambda: buyer.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]
    body = {"order_type": "PACKAGE", "items": [{"item_type": "PACKAGE", "item_id": package["id"], "quantity": 1}],
            "coupon_code": coupon["code"].lower()}
    buyer.post("/v1/orders", body, expect=400).says("idempotency_key_required")
    order = buyer.post("/v1/orders", body, key=f"order-{mark}", expect=201)
    # T8 of the money rules.
    assert (order["subtotal_inr"], order["discount_inr"], order["tax_inr"], order["total_inr"]) == (5000, 5000, 0, 0)
    assert order["status"] == "COMPLETED"
    assert sql("finance", "SELECT FROM payments WHERE order_id = %s", order["id"]) == []
    [invoice] = buyer.get(f"/v1/invoices?order_id={order['id']}", expect=200).items
    assert (invoice["status"], invoice["total_inr"]) == ("PAID", 0)
    assert re.fullmatch(r"[A-Z1-9][A-Z0-9/-]{0,15}", invoice["invoice_number"])
    [redemption] = buyer.get(f"/v1/coupon-redemptions?order_id={order['id']}", expect=200).items
    assert redemption["discount_amount_inr"] == 5000

    ledger = buyer.get(f"/v1/tracecoin-ledger?wallet_id={wallet['id']}", expect=200).items
    [item] = buyer.get(f"/v1/orders/{order['id']}/items", expect=200).items
    [entry] = [e for e in ledger if e["reference_id"] == item["id"]]
    assert (entry["transaction_type"], entry["reference_type"], entry["amount"]) == ("CREDIT", "PURCHASE", 50)
    after = buyer.get("/v1/tracecoin-wallets?user_id=me", expect=200).items[0]
    assert after["current_balance"] == wallet["current_balance"] + 50 == entry["balance_after"]
    [completed] = published(env, "order.completed", order["id"])
    assert (completed.total_inr, completed.invoice_number, completed.tracecoins_credited) == (0, invoice["invoice_number"], 50)
    receipt = mailbox.wait(buyer.email, invoice["invoice_number"])
    assert "0.00" in receipt["text"]

    again = buyer.post("/v1/orders", body, key=f"order-{mark}", expect=201)
    assert (again.content, again.etag, again.headers["Location"]) == (order.content, order.etag, order.headers["Location"])
    assert len(sql("finance", "SELECT FROM orders WHERE user_id = %s AND id = %s", buyer.id, order["id"])) == 1
    buyer.post("/v1/orders", {**body, "coupon_code": None}, key=f"order-{mark}", expect=422).says("idempotency_key_reused")
    cast.person.post("/v1/orders", body, key=f"order-{mark}", expect=(409, 422))  # another person's key; the coupon is used up


# ---- 8: the story ----

def test_the_jobs_whole_story_is_told_under_one_correlation(env, admin, cast, reviewer, mailbox):
    company = cast.company
    trace = uuid.uuid4().hex
    job = company.draft(title=f"Storyteller {trace[:6]}")
    company.post(f"/v1/jobs/{job['id']}/submit", expect=200,
                 headers={"traceparent": f"00-{uuid.uuid4().hex}-00f067aa0ba902b7-01"})
    request = queued(reviewer, job["id"])
    reviewer.post(f"/v1/approval-requests/{request['id']}/approve", {"content_hash": request["content_hash"]}, expect=200,
                  headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    wait_status(company, f"/v1/jobs/{job['id']}", "LIVE")

    def story():
        rows = admin.everything(f"/v1/audit-logs?entity_type=job&entity_id={job['id']}&sort=created_at&limit=3")
        kinds = {r["metadata_json"]["event_type"]: r for r in rows}
        wanted = {"job.changed", "job.submitted", "approval.requested", "approval.decided", "job.published"}
        return kinds if wanted <= kinds.keys() else None
    rows = eventually("the job's whole story", story)
    assert [rows[k]["action"] for k in ("job.changed", "job.submitted", "approval.decided", "job.published")] == \
        ["CREATE", "UPDATE", "APPROVE", "UPDATE"]
    assert {r["module_key"] for k, r in rows.items() if k.startswith("job.")} == {"jobs"}
    assert rows["job.submitted"]["actor_user_id"] == company.id and rows["job.submitted"]["actor_type"] == "USER"
    assert rows["approval.decided"]["actor_user_id"] == reviewer.id
    assert rows["approval.decided"]["actor_type"] == "EMPLOYEE"
    assert rows["approval.decided"]["actor_employee_id"] == claims_of(reviewer.token)["employee_id"]
    assert rows["job.published"]["actor_type"] == "SYSTEM" and rows["job.published"]["source_type"] == "WORKER"
    assert rows["job.submitted"]["source_type"] == "UI"

    changes = {c["field_name"]: (c["old_value_text"], c["new_value_text"]) for c in admin.get(
        f"/v1/audit-logs/{rows['job.published']['id']}/changes", expect=200).items}
    assert changes["status"] == ("PENDING", "LIVE") and changes["approved_at"][1]

    # From the reviewer's click to the owner's mailbox: one id.
    correlation = str(uuid.UUID(trace))
    assert {rows[k]["correlation_id"] for k in ("approval.decided", "job.published")} == {correlation}
    mail = mailbox.wait(company.email, job["title"])
    assert mail["headers"]["traceparent"].split("-")[1] == trace
    chain = eventually("the mail is audited", lambda: (lambda kinds: kinds if "email.sent" in kinds else None)(
        {r["metadata_json"]["event_type"] for r in
         admin.get(f"/v1/audit-logs?correlation_id={correlation}&limit=200", expect=200).items}))
    assert {"approval.decided", "job.published", "email.sent"} <= chain


def test_audit_is_for_those_who_may(cast, reviewer):
    cast.person.get("/v1/audit-logs", expect=403).says("forbidden")
    cast.company.get("/v1/audit-logs", expect=403)
    reviewer.get("/v1/audit-logs", expect=403)


def test_a_denial_is_audited(admin, env):
    person = Person(env).register().sign_in()
    when_refusals_are_told()
    person.get("/v1/audit-logs", expect=403)
    rows = eventually("the denial is audited", lambda: admin.get(
        f"/v1/audit-logs?actor_user_id={person.id}&status=FAILED", expect=200).items)
    assert rows[0]["metadata_json"]["event_type"] == "access.denied"


def test_notifications_are_the_owners_alone(cast, reviewer, admin):
    company = cast.company
    mine = eventually("a notification", lambda: company.get("/v1/notifications", expect=200).items)[0]
    path = f"/v1/notifications/{mine['id']}"
    for other in (cast.person, reviewer):
        other.get(path, expect=404)
        other.post(f"{path}/read", expect=404)
        assert mine["id"] not in [n["id"] for n in other.everything("/v1/notifications?limit=200")]
    unread = [n for n in company.everything("/v1/notifications?limit=200") if n["status"] == "SENT"][0]
    read = company.post(f"/v1/notifications/{unread['id']}/read", expect=200)
    assert read["status"] == "READ" and read["read_at"]
    assert company.post(f"/v1/notifications/{unread['id']}/read", expect=(200, 409)).status in (200, 409)
    assert company.get(f"/v1/notifications/{unread['id']}", expect=200)["read_at"] == read["read_at"]


# ---- the bus, as a stranger reads it ----

def test_events_are_cloudevents_in_protobuf(env, cast, reviewer):
    company = cast.company
    trace = uuid.uuid4().hex
    job = company.draft()
    company.post(f"/v1/jobs/{job['id']}/submit", expect=200, headers={
        "traceparent": f"00-{trace}-00f067aa0ba902b7-01", "X-Request-Id": (request_id := str(uuid.uuid4()))})
    [(record, event), *_] = eventually("job.submitted", lambda: records(env, "job.submitted", job["id"]))
    headers = {k: v.decode() for k, v in record.headers()}
    context = event.context
    assert record.key() == job["id"].encode()
    assert headers["ce_specversion"] == "1.0" and headers["content-type"] == "application/protobuf"
    assert headers["ce_id"] == context.event_id and uuid.UUID(headers["ce_id"]).version == 7
    assert (headers["ce_type"], headers["ce_source"]) == ("job.submitted", "/nxtgauge/marketplace")
    assert headers["ce_subject"] == headers["ce_partitionkey"] == job["id"] == context.aggregate_id
    assert headers["ce_dataschema"] == "nxtgauge.events.v1.JobSubmitted"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", headers["ce_time"])
    assert headers["traceparent"].split("-")[1] == trace
    assert context.correlation_id == str(uuid.UUID(trace)) and context.request_id == request_id
    assert (context.aggregate_type, context.aggregate_version) == ("job", 2)
    assert (context.actor.user_id, context.actor.type) == (company.id, "USER")
    assert (context.source.type, context.source.id) == ("UI", company.session_id)
    assert [(c.field_name, c.old_value, c.new_value) for c in context.changes if c.field_name == "status"] == \
        [("status", "DRAFT", "PENDING")]
    assert event.title == job["title"] and event.status == "PENDING"
    assert json.loads(event.salary_range_json) == job["salary_range_json"]
    # An older reader decodes what it does not know by its envelope alone.
    from topics import messages
    assert messages()["AnyEvent"].FromString(record.value()).context == context


def test_murmur2_puts_a_key_where_java_would(env, cast):
    """Kafka's own Java client and ours must agree on the partition of a key."""
    company = cast.company
    job = company.draft()
    [(record, _), *_] = eventually("job.changed", lambda: records(env, "job.changed", job["id"]))
    assert record.partition() == (murmur2(job["id"].encode()) & 0x7fffffff) % 3


def murmur2(data):
    """org.apache.kafka.common.utils.Utils.murmur2"""
    m, mask = 0x5bd1e995, 0xffffffff
    h = 0x9747b28c ^ len(data)
    for i in range(0, len(data) & ~3, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k ^= k >> 24
        h = (h * m & mask) ^ (k * m & mask)
    tail = data[len(data) & ~3:]
    if tail:
        h ^= int.from_bytes(tail, "little")
        h = h * m & mask
    h ^= h >> 13
    h = h * m & mask
    return h ^ h >> 15
