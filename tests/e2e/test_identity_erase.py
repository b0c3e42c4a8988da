"""A person's own data in one answer, and the end of it."""
import pytest
from client import Person, eventually
from people import company_fields
from topics import published

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
    assert all(part["truncated"] == [] for part in (parts[s] for s in SERVICES))
    anyone.get("/v1/me/export/identity", expect=401)


def test_an_erased_person_is_forgotten_everywhere(env, person, sql):
    person.post("/v1/company-profiles", company_fields(person), expect=201)
    everywhere = ("profiles", "finance", "marketplace", "notify")
    for service in everywhere:
        eventually(f"{service} knows the person", lambda s=service: sql(s, "SELECT FROM user_refs WHERE id = %s AND known", person.id))
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
    [event] = eventually("it is published", lambda: published(env, "user.erased", person.id))
    assert person.email.encode() not in event.context.SerializeToString() and not event.context.changes

    for service in everywhere:
        eventually(f"{service} forgot the name", lambda s=service: sql(
            s, "SELECT FROM user_refs WHERE id = %s AND display_name IS NULL", person.id))
    eventually("nobody can be reached by the profile", lambda: sql(
        "profiles", "SELECT FROM company_profiles WHERE user_id = %s AND contact_person_name IS NULL"
                    " AND email IS NULL AND phone IS NULL", person.id))
    eventually("no mail goes there any more", lambda: not sql(
        "notify", "SELECT FROM email_logs WHERE to_email = %s", person.email))
    again = Person(env, email=person.email)
    again.sign_up()  # the address is free again


def test_staff_must_leave_first(admin):
    admin.post("/v1/me/erase", {"confirm": "ERASE"}, expect=(403, 409))
