"""nxt-profiles: companies, professionals, portfolios, verification and approvals, each with its refusals."""
import uuid

import pytest
from client import NOWHERE, Person, eventually
from people import activate_profile, company_fields, decide, open_profile, queued, staff, wait_status

PROFESSIONS = {
    "photographer": {"specialties": ["weddings"], "camera_brands": ["Nikon"], "travel_radius_km": 50,
                     "studio_available": True, "starting_price_inr": 500000},
    "tutor": {"subjects": ["Physics"], "board_types": ["CBSE"], "qualification": "M.Sc.", "teaches_online": True,
              "experience_years": 4, "hourly_rate_inr": 60000},
    "makeup_artist": {"specializations": ["bridal"], "kit_brands": ["MAC"], "home_service": True,
                      "starting_price_inr": 300000},
    "developer": {"tech_stack": ["C", "ASP.NET", "Node.js"], "experience_years": 9, "availability": "FREELANCE",
                  "hourly_rate_inr": 250000, "remote_ok": True},
    "video_editor": {"software_skills": ["Resolve"], "style_tags": ["travel"], "turnaround_days": 5,
                     "starting_price_inr": 100000},
    "graphic_designer": {"design_tools": ["Inkscape"], "style_tags": ["flat"], "brand_experience": True,
                         "starting_price_inr": 80000},
    "social_media_manager": {"platforms": ["Instagram"], "industries": ["food"], "content_types": ["reels"],
                             "avg_follower_growth_pct": 12, "starting_price_inr": 150000},
    "fitness_trainer": {"disciplines": ["yoga"], "certifications": ["ACE"], "online_sessions": True,
                        "per_session_rate_inr": 70000},
    "catering_service": {"business_name": "Spice Route", "cuisine_types": ["South Indian"], "event_types": ["wedding"],
                         "min_guests": 20, "max_guests": 500, "price_per_head_inr": 45000},
    "ugc_content_creator": {"niche_tags": ["tech"], "content_formats": ["short video"], "platforms": ["YouTube"],
                            "turnaround_days": 3, "starting_price_inr": 90000},
}


@pytest.fixture(scope="module")
def owner(env):
    return Person(env, "COMPANY", "owner").register().sign_in()


@pytest.fixture(scope="module")
def professional(env):
    return Person(env, name="professional").register().sign_in()


@pytest.fixture(scope="module")
def stranger(env):
    return Person(env, name="stranger").register().sign_in()


# ---- companies ----

def test_company_only_for_company_accounts(professional):
    professional.post("/v1/company-profiles", company_fields(professional), expect=403).says("forbidden")


def test_company_fields_are_checked(owner):
    owner.post("/v1/company-profiles", {"status": "ACTIVE", "company_name": 5, "colour": "red"}, expect=422) \
        .says("validation_failed", "/status").says("validation_failed", "/company_name") \
        .says("validation_failed", "/colour")
    owner.post("/v1/company-profiles", {"company_name": "X", "bio": "write to me@example.org"}, expect=422) \
        .says("validation_failed", "/bio")
    owner.post("/v1/company-profiles", {"company_name": "X", "gstin": "29ABCDE1234F1ZX"}, expect=422) \
        .says("validation_failed", "/gstin")
    owner.post("/v1/company-profiles", {"company_name": "X", "gstin": "  ", "state_code": ""}, expect=422) \
        .says("validation_failed", "/gstin").says("validation_failed", "/state_code")


def test_company_life(env, owner, reviewer, stranger, anyone, sql):
    company = owner.post("/v1/company-profiles", company_fields(owner, gstin="29abcde1234f1zw"), expect=201)
    path = f"/v1/company-profiles/{company['id']}"
    assert company["status"] == "DRAFT" and company["approval_status"] is None
    assert company["gstin"] == "29ABCDE1234F1ZW" and company["state_code"] == "29"
    refused = owner.patch(f"/v1/company-profiles/{company['id']}", {"state_code": "01"}, expect=422)
    assert [(e["pointer"], e["code"]) for e in refused.json["errors"]] == [("/state_code", "wrong_state")], "well-formed, and not that of the GSTIN"
    assert company.headers["Location"] == path
    owner.post("/v1/company-profiles", company_fields(owner), expect=409).says("already_exists")

    stranger.get(path, expect=404)
    anyone.get(path, expect=404)
    stranger.patch(path, {"bio": "Mine now."}, expect=404)
    stranger.post(f"{path}/submit", expect=404)

    # rejected, mended, submitted again, approved
    assert owner.post(f"{path}/submit", expect=200)["approval_status"] == "PENDING"
    owner.post(f"{path}/submit", expect=409).says("illegal_transition")
    owner.patch(path, {"bio": "Better."}, expect=409).says("under_review")
    decide(reviewer, company["id"], "reject", "Say more about yourselves.")
    rejected = wait_status(owner, path, "REJECTED", "approval_status")
    assert rejected["rejection_reason"] == "Say more about yourselves." and rejected["status"] == "DRAFT"
    owner.patch(path, {"bio": "We make gauges since 1998."}, expect=200)
    owner.post(f"{path}/submit", expect=200)
    decide(reviewer, company["id"])
    active = wait_status(owner, path, "ACTIVE")
    assert active["approval_status"] == "APPROVED" and active["rejection_reason"] is None

    # public, without contact
    seen = anyone.get(path, expect=200)
    assert seen["company_name"] == company["company_name"]
    assert not {"email", "phone", "contact_person_name", "gstin", "rejection_reason"} & set(seen.json)
    eventually("marketplace knows the company", lambda: sql(
        "marketplace", "SELECT 1 FROM company_refs WHERE id = %s AND status = 'ACTIVE' AND approval_status = 'APPROVED'",
        company["id"]))

    # a material edit goes back to review and hides it; another edit does not
    assert owner.patch(path, {"phone": "+919811111111"}, expect=200)["approval_status"] == "APPROVED"
    owner.post(f"{path}/submit", expect=409).says("illegal_transition")
    edited = owner.patch(path, {"bio": "We make gauges and scales."}, expect=200)
    assert edited["approval_status"] == "PENDING" and edited["status"] == "ACTIVE"
    anyone.get(path, expect=404)
    decide(reviewer, company["id"])
    wait_status(owner, path, "APPROVED", "approval_status")
    same = owner.get(path, expect=200)
    untouched = owner.patch(path, {"bio": "We make gauges and scales."}, expect=200)
    assert untouched.etag == same.etag

    # off the market and back
    owner.post(f"{path}/suspend", {"reason": "x"}, expect=403)
    admin_of = reviewer
    if "company-profiles.suspend" in admin_of.get("/v1/me", expect=200)["permissions"]:
        assert admin_of.post(f"{path}/suspend", {"reason": "Complaints."}, expect=200)["status"] == "SUSPENDED"
        assert admin_of.post(f"{path}/reinstate", expect=200)["status"] == "ACTIVE"


def test_company_verification(env, reviewer, sql):
    owner = Person(env, "COMPANY", "verified").register().sign_in()
    company = owner.post("/v1/company-profiles", company_fields(owner), expect=201)
    path = f"/v1/company-profiles/{company['id']}"
    body = {"entity_type": "company", "entity_id": company["id"], "approval_type": "VERIFICATION"}
    owner.post("/v1/approval-requests", {**body, "approval_type": "CONTENT"}, expect=422)
    owner.post("/v1/approval-requests", {**body, "entity_id": NOWHERE}, expect=422) \
        .says("validation_failed", "/entity_id")
    reviewer.post("/v1/approval-requests", body, expect=422).says("validation_failed", "/entity_id")
    request = owner.post("/v1/approval-requests", body, expect=201)
    owner.post("/v1/approval-requests", body, expect=409).says("already_exists")
    wait_status(owner, path, "PENDING", "verification_status")

    # edited meanwhile: what the reviewer saw is not what stands
    owner.patch(path, {"company_name": "Another name"}, expect=200)
    reviewer.post(f"/v1/approval-requests/{request['id']}/approve", {"content_hash": request["content_hash"]},
                  expect=409).says("stale_content")
    owner.post(f"/v1/approval-requests/{request['id']}/withdraw", expect=200)
    wait_status(owner, path, "REJECTED", "verification_status")
    again = owner.post("/v1/approval-requests", body, expect=201)
    reviewer.post(f"/v1/approval-requests/{again['id']}/approve", {"content_hash": again["content_hash"]}, expect=200)
    wait_status(owner, path, "VERIFIED", "verification_status")
    # a verified name that changes is verified anew
    assert owner.patch(path, {"company_name": "Yet another"}, expect=200)["verification_status"] == "PENDING"


# ---- approvals ----

def test_decisions(env, owner, reviewer, stranger):
    person = Person(env, name="judged").register().sign_in()
    profile = open_profile(person, "tutor")
    person.post(f"/v1/user-role-profiles/{profile['id']}/submit", expect=200)
    request = queued(reviewer, profile["id"])
    path = f"/v1/approval-requests/{request['id']}"
    right = {"content_hash": request["content_hash"]}
    assert request["entity_type"] == "profile" and request["approval_type"] == "CONTENT"
    assert len(request["content_hash"]) == 64 and request["submitted_by_user_id"] == person.id

    stranger.get(path, expect=404)
    stranger.post(f"{path}/approve", right, expect=403)
    assert person.get(path, expect=200)["status"] == "PENDING"
    assert [i["id"] for i in person.get("/v1/approval-requests", expect=200).items] == [request["id"]]
    reviewer.post(f"{path}/approve", {}, expect=422).says("validation_failed", "/content_hash")
    reviewer.post(f"{path}/approve", {"content_hash": "0" * 64}, expect=409).says("stale_content")
    reviewer.post(f"{path}/reject", right, expect=422).says("validation_failed", "/remarks")
    decided = reviewer.post(f"{path}/approve", {**right, "remarks": "Good."}, expect=200)
    assert decided["status"] == "APPROVED" and decided["reviewed_by_user_id"] == reviewer.id
    assert reviewer.post(f"{path}/approve", right, expect=409).says("illegal_transition")["legal"] == []
    person.post(f"{path}/withdraw", expect=409).says("illegal_transition")
    logs = reviewer.get(f"{path}/logs?sort=created_at", expect=200).items
    assert [(log["action"], log["old_status"], log["new_status"]) for log in logs] == [
        ("SUBMITTED", None, "PENDING"), ("APPROVED", "PENDING", "APPROVED")]
    assert logs[0]["acted_by_user_id"] == person.id and logs[1]["acted_by_user_id"] == reviewer.id


def test_nobody_decides_their_own(reviewer):
    profiles = reviewer.get("/v1/user-role-profiles?user_id=me&role_key=developer", expect=200).items
    profile = profiles[0] if profiles else open_profile(reviewer, "developer").json
    path = f"/v1/user-role-profiles/{profile['id']}"
    if profile["approval_status"] in (None, "REJECTED"):
        reviewer.post(f"{path}/submit", expect=200)
    request = queued(reviewer, profile["id"])
    for verb in ("approve", "reject"):
        reviewer.post(f"/v1/approval-requests/{request['id']}/{verb}",
                      {"content_hash": request["content_hash"], "remarks": "Mine."}, expect=403).says("own_submission")
    withdrawn = reviewer.post(f"/v1/approval-requests/{request['id']}/withdraw", expect=200)
    assert withdrawn["status"] == "REJECTED"
    wait_status(reviewer, path, "REJECTED", "approval_status")


def test_an_empty_profile_is_not_submitted(env, reviewer):
    person = Person(env, name="terse").register().sign_in()
    profile = person.post("/v1/user-role-profiles", {"role_key": "tutor"}, expect=201)
    path = f"/v1/user-role-profiles/{profile['id']}"
    person.post(f"{path}/submit", expect=422).says("validation_failed", "/display_name")
    person.patch(path, {"bio": "Patient."}, expect=200)
    person.post(f"{path}/submit", expect=200)
    decide(reviewer, profile["id"])
    wait_status(person, path, "ACTIVE")
    person.patch(path, {"bio": None}, expect=422).says("validation_failed", "/display_name")


# ---- professionals ----

def test_profile_rules(professional, stranger, anyone):
    professional.post("/v1/user-role-profiles", {"role_key": "astronaut"}, expect=422) \
        .says("validation_failed", "/role_key")
    professional.post("/v1/user-role-profiles", {"role_key": "tutor", "bio": "call nine eight seven six five four "
                      "three two one zero"}, expect=422).says("validation_failed", "/bio")
    profile = open_profile(professional, "tutor")
    professional.post("/v1/user-role-profiles", {"role_key": "tutor"}, expect=409).says("already_exists")
    path = f"/v1/user-role-profiles/{profile['id']}"
    for other in (stranger, anyone):
        other.get(path, expect=404)
    professional.patch(path, {"role_key": "developer"}, expect=422).says("validation_failed", "/role_key")
    professional.patch(path, {"bio": None}, expect=200)
    professional.delete(path, expect=204)
    professional.get(path, expect=404)


@pytest.mark.parametrize("role_key", PROFESSIONS)
def test_profession(role_key, professional, stranger, reviewer, anyone):
    profile = activate_profile(professional, reviewer, role_key)
    table = role_key.replace("_", "-") + "-profiles"
    fields = {"user_role_profile_id": profile["id"], **PROFESSIONS[role_key]}
    stranger.post(f"/v1/{table}", fields, expect=422).says("validation_failed", "/user_role_profile_id")
    made = professional.post(f"/v1/{table}", fields, expect=201)
    assert {k: made[k] for k in fields} == fields
    professional.post(f"/v1/{table}", fields, expect=409).says("already_exists")
    path = f"/v1/{table}/{made['id']}"
    assert anyone.get(path, expect=200)["user_role_profile_id"] == profile["id"]
    children = anyone.get(f"/v1/user-role-profiles/{profile['id']}/{table}", expect=200).items
    assert [c["id"] for c in children] == [made["id"]]
    name, value = next((k, v) for k, v in PROFESSIONS[role_key].items() if isinstance(v, list))
    found = anyone.get(f"/v1/{table}?{name}={value[0]}&limit=200&sort=-created_at", expect=200).items
    assert made["id"] in [f["id"] for f in found]
    professional.patch(path, {name: ["me@example.org"]}, expect=422).says("validation_failed", f"/{name}")
    professional.patch(path, {name: ["other"]}, etag='"77"', expect=412).says("stale_etag")
    assert professional.patch(path, {name: ["other"]}, etag=made.etag, expect=200)[name] == ["other"]
    stranger.patch(path, {name: ["mine"]}, expect=403)
    public = anyone.get(f"/v1/user-role-profiles/{profile['id']}", expect=200)
    assert not {"phone", "email", "gstin"} & set(public.json)


def test_extension_only_of_its_own_profession(env):
    person = Person(env).register().sign_in()
    profile = open_profile(person, "photographer")
    person.post("/v1/tutor-profiles", {"user_role_profile_id": profile["id"]}, expect=422) \
        .says("validation_failed", "/user_role_profile_id")
    person.post("/v1/catering-service-profiles", {"user_role_profile_id": profile["id"], "min_guests": -1}, expect=422)


def test_granted_role_opens_a_draft(env, admin):
    person = Person(env, name="granted").register().sign_in()
    request = person.post("/v1/user-roles", {"role_key": "photographer"}, expect=201)
    if request["status"] == "PENDING":
        admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)
    drafts = eventually("a profile is opened", lambda: person.get(
        "/v1/user-role-profiles?user_id=me&role_key=photographer", expect=200).items)
    assert drafts[0]["status"] == "DRAFT"


# ---- portfolio and services ----

def test_portfolio(professional, stranger, anyone, reviewer, env):
    person = Person(env, name="artist").register().sign_in()
    profile = activate_profile(person, reviewer, "photographer")
    body = {"user_role_profile_id": profile["id"], "title": "A wedding in Mysuru", "tags": ["wedding"]}
    stranger.post("/v1/portfolio-items", body, expect=422).says("validation_failed", "/user_role_profile_id")
    person.post("/v1/portfolio-items", {**body, "title": "see example.com"}, expect=422) \
        .says("validation_failed", "/title")
    person.post("/v1/portfolio-items", {**body, "tags": ["x", "call 98765 43210"]}, expect=422) \
        .says("validation_failed", "/tags")
    item = person.post("/v1/portfolio-items", body, expect=201)
    image = person.post("/v1/portfolio-images", {"portfolio_item_id": item["id"], "file_url": "objects/a.jpg"}, expect=201)
    stranger.post("/v1/portfolio-images", {"portfolio_item_id": item["id"], "file_url": "x"}, expect=422)
    for bad in ("javascript:alert(1)", "https://asha@example.org/a.jpg", "https:///a.jpg", "https://example.org/a b.jpg",
                "/etc/passwd", "https://example.org/" + "a" * 2048):
        person.post("/v1/portfolio-images", {"portfolio_item_id": item["id"], "file_url": bad}, expect=422) \
            .says("validation_failed", "/file_url")
    assert int(person.get(f"/v1/portfolio-items/{item['id']}", expect=200).etag.strip('"')) == 2
    assert [i["id"] for i in anyone.get(f"/v1/portfolio-items/{item['id']}/images", expect=200).items] == [image["id"]]
    stranger.delete(f"/v1/portfolio-images/{image['id']}", expect=403)
    person.patch(f"/v1/portfolio-images/{image['id']}", {"display_order": 3}, expect=200)
    person.delete(f"/v1/portfolio-items/{item['id']}", expect=204)
    person.get(f"/v1/portfolio-images/{image['id']}", expect=404)


def test_services(env, reviewer, stranger, anyone):
    person = Person(env, name="seller").register().sign_in()
    profile = activate_profile(person, reviewer, "photographer")
    body = {"user_role_profile_id": profile["id"], "name": "Half a day", "price": 1500000, "duration_minutes": 240}
    person.post("/v1/services", {**body, "price": -1}, expect=422).says("validation_failed", "/price")
    person.post("/v1/services", {**body, "price": 10.5}, expect=422).says("validation_failed", "/price")
    service = person.post("/v1/services", body, expect=201)
    path = f"/v1/services/{service['id']}"
    assert anyone.get(path, expect=200)["price"] == 1500000
    person.patch(path, {"price": 1600000}, expect=428).says("if_match_required")
    changed = person.patch(path, {"is_active": False}, etag=service.etag, expect=200)
    person.patch(path, {"price": 1}, etag=service.etag, expect=412).says("stale_etag")
    anyone.get(path, expect=404)
    stranger.delete(path, expect=404, etag=changed.etag)
    person.delete(path, expect=428).says("if_match_required")
    person.delete(path, etag=changed.etag, expect=204)


# ---- customers and candidates ----

@pytest.mark.parametrize("table, more", [
    ("customer-profiles", {"display_name": "Ravi", "phone": "+919822222222", "state_code": "29"}),
    ("candidate-profiles", {"display_name": "Meera", "bio": "Ten years of firmware.", "experience_years": 10,
                            "preferred_roles": ["engineer"], "expected_salary_inr": 2500000000}),
])
def test_private_parties(table, more, env, stranger, anyone):
    person = Person(env).register().sign_in()
    made = person.post(f"/v1/{table}", more, expect=201)
    assert made["status"] == "ACTIVE" and {k: made[k] for k in more} == more
    person.post(f"/v1/{table}", more, expect=409).says("already_exists")
    stranger.get(f"/v1/{table}/{made['id']}", expect=404)
    anyone.get(f"/v1/{table}/{made['id']}", expect=401)
    assert person.patch(f"/v1/{table}/{made['id']}", {"display_name": "Other"}, expect=200)["display_name"] == "Other"
    person.patch(f"/v1/{table}/{made['id']}", {"state_code": "00"}, expect=422).says("validation_failed", "/state_code")
    person.patch(f"/v1/{table}/{made['id']}", {"status": "SUSPENDED"}, expect=422).says("validation_failed", "/status")


# ---- verification ----

def test_verification(env, reviewer, stranger):
    person = Person(env, name="proven").register().sign_in()
    profile = open_profile(person, "tutor")
    path = f"/v1/user-role-profiles/{profile['id']}"
    body = {"user_role_profile_id": profile["id"], "verification_type": "IDENTITY"}
    stranger.post("/v1/verification-requests", body, expect=422).says("validation_failed", "/user_role_profile_id")
    request = person.post("/v1/verification-requests", body, expect=201)
    person.post("/v1/verification-requests", body, expect=409).says("already_exists")
    wait_status(person, path, "PENDING", "verification_status")
    verb = f"/v1/verification-requests/{request['id']}"
    reviewer.post(f"{verb}/approve", expect=409).says("conflict")

    document = {"verification_request_id": request["id"], "document_type": "ID_PROOF", "file_url": "objects/id.pdf",
                "file_name": "aadhaar 2341 2341 2346.pdf", "mime_type": "application/pdf"}
    stranger.post("/v1/verification-documents", document, expect=422)
    first = person.post("/v1/verification-documents", document, expect=201)
    assert first["file_name"] == "aadhaar XXXX XXXX 2346.pdf"
    person.post(f"/v1/verification-documents/{first['id']}/approve", expect=403)
    stranger.get(f"/v1/verification-documents/{first['id']}", expect=404)
    reviewer.post(f"{verb}/approve", expect=409).says("conflict")
    reviewer.post(f"/v1/verification-documents/{first['id']}/reject", {"remarks": "Blurred."}, expect=200)
    asked = reviewer.post(f"{verb}/request-documents", {"document_types": ["ID_PROOF"], "remarks": "Once more."},
                          expect=200)
    assert asked["status"] == "PENDING"
    second = person.post("/v1/verification-documents", {**document, "replaces_document_id": first["id"]}, expect=201)
    person.post("/v1/verification-documents", {**document, "replaces_document_id": second["id"]}, expect=422)
    reviewer.post(f"/v1/verification-documents/{second['id']}/approve", expect=200)
    assert reviewer.post(f"{verb}/approve", expect=200)["status"] == "APPROVED"
    reviewer.post(f"{verb}/approve", expect=409).says("illegal_transition")
    wait_status(person, path, "VERIFIED", "verification_status")
    actions = [log["action"] for log in person.get(f"{verb}/logs?sort=created_at", expect=200).items]
    assert actions == ["SUBMITTED", "DOCUMENT_REQUESTED", "APPROVED"]
    assert person.get(f"/v1/verification-documents/{second['id']}", expect=200)["retain_until"] is not None
    person.post("/v1/verification-documents", document, expect=409).says("conflict")
    assert person.patch(path, {"phone": "+919833333333"}, expect=200)["verification_status"] == "PENDING"


def test_verification_is_decided_by_approvers_alone(env, admin):
    """The permission is not enough: the role must be one that approves."""
    keys = [f"verification-{what}.{verb}" for what in ("requests", "documents") for verb in ("approve", "reject", "read")]
    role = admin.post("/v1/roles", {"key": f"checker_{uuid.uuid4().hex[:8]}", "name": "Checker", "audience": "EXTERNAL"},
                      expect=201)
    for key in keys:
        admin.post("/v1/role-permissions", {"role_id": role["id"], "permission_key": key}, expect=201)
    checker, person = Person(env).register().sign_in(), Person(env, name="unproven").register().sign_in()
    checker.post("/v1/user-roles", {"role_key": role["key"]}, expect=201)
    request = person.post("/v1/verification-requests", {"user_role_profile_id": open_profile(person, "tutor")["id"],
                                                        "verification_type": "IDENTITY"}, expect=201)
    document = person.post("/v1/verification-documents", {
        "verification_request_id": request["id"], "document_type": "ID_PROOF", "file_url": "objects/id.pdf"}, expect=201)
    of_document, of_request = f"/v1/verification-documents/{document['id']}", f"/v1/verification-requests/{request['id']}"
    eventually("the checker may read it", lambda: checker.refresh().get(of_document, expect=(200, 401, 404)).status == 200)
    for path in (of_document, of_request):
        checker.post(f"{path}/approve", expect=403).says("forbidden")
        checker.post(f"{path}/reject", {"remarks": "No."}, expect=403).says("forbidden")
    admin.patch(f"/v1/roles/{role['id']}", {"can_approve_requests": True}, expect=200)
    eventually("the role approves", lambda: checker.post(f"{of_document}/approve", expect=(200, 403)).status == 200)
    assert checker.post(f"{of_request}/approve", expect=200)["status"] == "APPROVED"


def test_where_a_document_lies_never_travels(env, sql):
    changes = sql("audit", "SELECT new_value_text FROM audit_log_changes WHERE field_name = 'file_url'"
                           " AND new_value_text LIKE 'objects/id%%'")
    assert not changes


# ---- the user's standing ----

def test_suspended_user_takes_everything_along(env, admin, reviewer, anyone):
    person = Person(env, name="suspended").register().sign_in()
    profile = activate_profile(person, reviewer, "photographer")
    path = f"/v1/user-role-profiles/{profile['id']}"
    anyone.get(path, expect=200)
    admin.post(f"/v1/users/{person.id}/suspend", {"reason": "Complaints."}, expect=200)
    eventually("the profile is off the market", lambda: anyone.get(path, expect=(200, 404)).status == 404)
    admin.post(f"/v1/users/{person.id}/reinstate", expect=200)
    eventually("the profile is back", lambda: anyone.get(path, expect=(200, 404)).status == 200)


def test_staff_suspend_and_reinstate_no_profile_of_their_own(env, admin, reviewer):
    keeper = staff(env, admin, "administrator")
    path = f"/v1/user-role-profiles/{activate_profile(keeper, reviewer, 'photographer')['id']}"
    keeper.post(f"{path}/suspend", {"reason": "x"}, expect=403).says("own_submission")
    admin.post(f"{path}/suspend", {"reason": "Complaints."}, expect=200)
    keeper.post(f"{path}/reinstate", expect=403).says("own_submission")
    admin.post(f"{path}/reinstate", expect=200)


def test_lists_page_and_filter(anyone):
    first = anyone.get("/v1/user-role-profiles?limit=2&sort=-created_at", expect=200)
    assert len(first.items) <= 2
    anyone.get("/v1/user-role-profiles?phone=1", expect=400).says("unknown_parameter")
    anyone.get("/v1/user-role-profiles?limit=0", expect=400)
    anyone.get(f"/v1/user-role-profiles/{uuid.uuid4()}", expect=404)
