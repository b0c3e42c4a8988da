"""What is left of an erased person in profiles: decisions without the words about them, and nothing else."""
import psycopg
import pytest
from client import Person, eventually
from people import company_fields, decide
from test_identity_erase import erase
from test_profiles import open_profile
from topics import published


def test_what_reviewers_wrote_goes_and_that_they_decided_stays(env, sql, reviewer):
    person = Person(env, name="judged").register().sign_in()
    profile = open_profile(person, "tutor")
    of_profile = {"user_role_profile_id": profile["id"]}
    request = person.post("/v1/verification-requests", {**of_profile, "verification_type": "IDENTITY"}, expect=201)
    document = person.post("/v1/verification-documents", {
        "verification_request_id": request["id"], "document_type": "ID_PROOF", "file_url": "objects/id.pdf",
        "file_name": "asha.pdf", "mime_type": "application/pdf"}, expect=201)
    reviewer.post(f"/v1/verification-documents/{document['id']}/reject", {"remarks": "Not her face."}, expect=200)
    reviewer.post(f"/v1/verification-requests/{request['id']}/reject", {"remarks": "Asha is not Asha."}, expect=200)
    lessons = person.post("/v1/tutor-profiles", {**of_profile, "subjects": ["Veena"], "qualification": "Taught by my aunt."},
                          expect=201)
    person.post(f"/v1/user-role-profiles/{profile['id']}/submit", expect=200)
    decide(reviewer, profile["id"], "reject", "Asha again.")
    eventually("the reason stands there", lambda: sql(
        "profiles", "SELECT FROM user_role_profiles WHERE id = %s AND rejection_reason IS NOT NULL", profile["id"]))
    erase(person)
    eventually("the profile is blank", lambda: sql(
        "profiles", "SELECT FROM user_role_profiles WHERE id = %s AND display_name IS NULL AND rejection_reason IS NULL",
        profile["id"]))
    for table, column, item in (("verification_requests", "id", request), ("verification_documents", "id", document),
                                ("approval_requests", "entity_id", profile)):
        assert sql("profiles", f"SELECT status, remarks FROM {table} WHERE {column} = %s", item["id"]) == [
            {"status": "REJECTED", "remarks": None}]
    logged = sql("profiles", "SELECT action, remarks FROM verification_logs WHERE verification_request_id = %s"
                             " UNION ALL SELECT action, l.remarks FROM approval_logs l JOIN approval_requests r"
                             " ON r.id = approval_request_id WHERE entity_id = %s", request["id"], profile["id"])
    assert [r["action"] for r in logged].count("REJECTED") >= 2 and all(r["remarks"] is None for r in logged)
    assert not sql("profiles", "SELECT FROM tutor_profiles WHERE id = %s", lessons["id"])
    told = published(env, "tutor_profile.changed", lessons["id"], 2)[-1]
    assert told.context.action == "DELETE" and b"aunt" not in told.SerializeToString()


def test_a_companys_name_and_words_go_with_its_owner(env, sql):
    person = Person(env, "COMPANY").register().sign_in()
    company = person.post("/v1/company-profiles", company_fields(person), expect=201)
    erase(person)
    eventually("the company is blank", lambda: sql(
        "profiles", "SELECT FROM company_profiles WHERE id = %s AND company_name = 'Erased' AND bio IS NULL"
                    " AND location IS NULL AND gstin IS NULL", company["id"]))


@pytest.mark.parametrize("table", ["verification_logs", "approval_logs"])
def test_of_a_log_nothing_but_remarks_can_go(env, table):
    """Not even as the owner of the tables, with the one door open that erase_remarks() uses."""
    with psycopg.connect(env["NXT_DB_PROFILES"]) as db:
        for statement in ("UPDATE {} SET action = 'APPROVED', remarks = NULL", "UPDATE {} SET remarks = 'x'", "DELETE FROM {}"):
            db.execute("SELECT set_config('nxt.erasing', 'on', true)")
            assert db.execute(f"SELECT FROM {table} LIMIT 1").fetchone() is not None
            with pytest.raises(psycopg.Error, match="insert-only"):
                db.execute(statement.format(table))
            db.rollback()


# ---- what an erased account is given ----

def asked(person, role_key):
    return person.post("/v1/user-roles", {"role_key": role_key}, expect=201)


def test_nothing_is_given_to_who_is_gone(env, admin, sql):
    person = Person(env, name="gone").register().sign_in()
    request, user_id = asked(person, "reviewer"), person.id
    erase(person)
    ended = admin.get(f"/v1/user-roles/{request['id']}", expect=200)
    assert (ended["status"], ended["decided_by_user_id"]) == ("REJECTED", None)
    [told] = published(env, "role.decided", user_id)
    assert (told.decision, told.cause, told.revoked) == ("REJECTED", "ERASED", False)
    admin.post(f"/v1/user-roles/{request['id']}/request", expect=409).says("conflict")
    for role_key in ("tutor", "support_agent"):
        admin.post("/v1/user-roles", {"role_key": role_key, "user_id": user_id},
                   expect=422).says("validation_failed", "/user_id")
    admin.post("/v1/employees", {"user_id": user_id}, expect=422).says("validation_failed", "/user_id")
    # as one that was left before the account's requests ended with it
    [left] = sql("identity", "INSERT INTO user_roles (id, user_id, role_id, status) SELECT gen_random_uuid(), %s, id, 'PENDING'"
                             " FROM roles WHERE key = 'hr_officer' RETURNING id", user_id)
    admin.post(f"/v1/user-roles/{left['id']}/approve", expect=409).says("conflict")
    admin.post(f"/v1/user-roles/{left['id']}/reject", {"remarks": "Gone."}, expect=200)
    assert not sql("identity", "SELECT FROM employees WHERE user_id = %s", user_id)


def test_an_erased_account_changes_no_more(env, admin):
    person = Person(env, name="gone").register().sign_in()
    user_id = person.id
    erase(person)
    before = admin.get(f"/v1/users/{user_id}", expect=200)
    admin.post(f"/v1/users/{user_id}/suspend", {"reason": "spam"}, expect=409).says("conflict")
    admin.patch(f"/v1/users/{user_id}", {"display_name": "Asha"}, expect=409).says("conflict")
    after = admin.get(f"/v1/users/{user_id}", expect=200)
    assert (after["status"], after["display_name"], after["version"]) == ("ACTIVE", None, before["version"])


def test_a_suspended_account_is_given_no_role(env, admin):
    person = Person(env, name="held").register().sign_in()
    request = asked(person, "reviewer")
    admin.post(f"/v1/users/{person.id}/suspend", {"reason": "spam"}, expect=200)
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=409).says("conflict")
    admin.post("/v1/user-roles", {"role_key": "tutor", "user_id": person.id},
               expect=422).says("validation_failed", "/user_id")
    admin.post(f"/v1/users/{person.id}/reinstate", {"reason": "sorry"}, expect=200)
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)


def test_a_request_to_be_verified_ends_with_the_person(env, sql, reviewer):
    person = Person(env, name="unproven").register().sign_in()
    profile = open_profile(person, "tutor")
    request = person.post("/v1/verification-requests", {"user_role_profile_id": profile["id"],
                                                        "verification_type": "IDENTITY"}, expect=201)
    erase(person)

    def ended():
        item = reviewer.get(f"/v1/verification-requests/{request['id']}", expect=200)
        return item if item["status"] == "REJECTED" else None
    item = eventually("it waits for nobody", ended)
    assert item["reviewed_at"] and item["reviewed_by_user_id"] is None
    [told] = published(env, "verification.decided", request["id"])
    assert (told.decision, told.user_id, told.role_key) == ("REJECTED", person.id, "tutor")
    assert [r["action"] for r in sql("profiles", "SELECT action FROM verification_logs WHERE verification_request_id = %s"
                                                 " ORDER BY created_at, id", request["id"])] == ["SUBMITTED", "REJECTED"]
