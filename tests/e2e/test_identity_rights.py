"""How fast rights come and go in every service, and what asking for a role again gives."""
import datetime
import time
import uuid

import pytest
from client import NOWHERE, PATIENCE, Person, eventually
from nxt.home import SERVICES
from test_identity_access import ask

SOON_S = 2 * PATIENCE / 30      # longer where everything is under attack
# One door per service: what opens it, and how to knock.
DOORS = {
    "identity": ("departments.read", "GET", "/v1/departments"),
    "profiles": ("verification-requests.approve", "POST", f"/v1/verification-requests/{NOWHERE}/approve"),
    "finance": ("coupons.read", "GET", "/v1/coupons"),
    "marketplace": ("reviews.publish", "POST", f"/v1/reviews/{NOWHERE}/publish"),
    "notify": ("suppressions.read", "GET", "/v1/suppressions"),
    "audit": ("audit-logs.read", "GET", "/v1/audit-logs"),
}


@pytest.fixture
def role(admin):
    """EXTERNAL, so that it is held without a second person's word; it gives nothing yet."""
    return admin.post("/v1/roles", {"key": f"porter_{uuid.uuid4().hex[:8]}", "name": "Porter", "audience": "EXTERNAL"},
                      expect=201)


def give(admin, role):
    """[id of the grant] of all six permissions."""
    return [admin.post("/v1/role-permissions", {"role_id": role["id"], "permission_key": key}, expect=201)["id"]
            for key, _, _ in DOORS.values()]


def gets_in(person, service):
    _, method, path = DOORS[service]
    answer = person.at(service).call(method, path, {} if method == "POST" else None, expect=(200, 401, 403, 404, 422))
    return answer.status in (200, 404, 422)


def seconds_until(wanted, began, person):
    """{service: when it let the person in, or no longer did, in seconds since `began`}"""
    at = {}

    def all_of_them():
        for service in SERVICES:
            if service not in at and gets_in(person, service) == wanted:
                at[service] = time.monotonic() - began
        return len(at) == len(SERVICES)
    eventually(f"all six {'let in' if wanted else 'refuse'}", all_of_them)
    return at


def test_an_account_is_changed_whatever_its_permissions_became(env, admin, role):
    """They are no part of what If-Match holds fast, yet a part of what If-None-Match asks for."""
    person = Person(env).register().sign_in()
    ask(person, role["key"])
    person.refresh()
    read = person.get("/v1/me", expect=200)
    assert read["roles"] == [role["key"]] and read["permissions"] == []
    person.get("/v1/me", headers={"If-None-Match": read.etag}, expect=304)
    give(admin, role)
    eventually("the permissions are told", lambda: person.get("/v1/me", expect=200)["permissions"] ==
               sorted(key for key, _, _ in DOORS.values()))
    assert person.get("/v1/me", headers={"If-None-Match": read.etag}, expect=200).etag != read.etag
    person.patch("/v1/me", {"display_name": "x"}, etag=f"W/{read.etag}", expect=412)
    person.patch("/v1/me", {"display_name": "Porter One"}, etag=read.etag, expect=200)
    person.patch("/v1/me", {"display_name": "Porter Two"}, etag=read.etag, expect=412).says("stale_etag")


def test_a_suspended_account_lists_no_permissions(env, admin, role):
    person = Person(env).register().sign_in()
    ask(person, role["key"])
    person.refresh()
    give(admin, role)
    eventually("the permissions are told", lambda: person.get("/v1/me", expect=200)["permissions"])
    admin.post(f"/v1/users/{person.id}/suspend", {"reason": "spam"}, expect=200)
    me = person.sign_in().get("/v1/me", expect=200)
    assert (me["status"], me["permissions"]) == ("SUSPENDED", [])


def test_a_permission_bites_everywhere_within_two_seconds(env, admin, role):
    person = Person(env).register().sign_in()
    ask(person, role["key"])
    person.refresh()
    seconds_until(False, 0, person)
    rounds = []
    for _ in range(3):
        grants = give(admin, role)
        began = time.monotonic()
        rounds.append(seconds_until(True, began, person))
        for grant in grants:
            admin.delete(f"/v1/role-permissions/{grant}", expect=204)
        began = time.monotonic()
        rounds.append(seconds_until(False, began, person))
    for service in SERVICES:
        took = [one[service] for one in rounds]
        assert max(took) < SOON_S, f"{service}: {took}"


def applied_after(sql, user_id):
    """How many seconds after identity's commit the slowest of the others knew what became of the user."""
    changed = sql("identity", "SELECT extract(epoch FROM updated_at) AS at FROM users WHERE id = %s", user_id)[0]["at"]

    def known():
        at = [sql(service, "SELECT extract(epoch FROM changed_at) AS at FROM access_users WHERE user_id = %s", user_id)
              for service in SERVICES if service != "identity"]
        return [row[0]["at"] for row in at] if all(row and row[0]["at"] >= changed for row in at) else None
    return float(max(eventually("all five know", known)) - changed)


def test_a_burst_before_keeps_no_change_of_rights_waiting(admin, env, role, sql):
    """Partitions rest while much comes; a burst is not much, and who is woken must not wait for a fetch without him."""
    user_id = Person(env).register().sign_in().get("/v1/me", expect=200)["id"]
    took = []
    for verb in ("suspend", "reinstate", "suspend"):
        time.sleep(3.1)                     # the partition of the user has been silent for long
        for grant in give(admin, role):
            admin.delete(f"/v1/role-permissions/{grant}", expect=204)
        time.sleep(0.15)
        admin.post(f"/v1/users/{user_id}/{verb}", {"reason": "burst"}, expect=200)
        took.append(applied_after(sql, user_id))
    assert sorted(took)[1] < SOON_S / 4, took


def in_seconds(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def lateness(env, role, sql, ends=4):
    """How late each service refuses a person whose grant ends in a few seconds; who then has no way back in."""
    person = Person(env, name="porter").register().sign_in()
    granted = ask(person, role["key"])
    seconds_until(True, 0, person.refresh())    # known everywhere before it is about to end
    sql("identity", "UPDATE user_roles SET expires_at = %s WHERE id = %s", in_seconds(ends), granted["id"])
    over = time.monotonic() + ends
    token = person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, expect=200, token=None)
    assert token["expires_in"] <= ends, "no token names a role for longer than it is held"
    person._take(token)
    seconds_until(True, over, person)
    late = seconds_until(False, over, person)
    assert min(late.values()) > -0.1, f"before its time: {late}"
    assert role["key"] not in person.refresh().get("/v1/me", expect=200)["roles"]
    assert not any(gets_in(person, service) for service in SERVICES)
    return max(late.values())


def test_a_time_bound_grant_ends_everywhere_within_two_seconds(env, admin, role, sql):
    give(admin, role)
    assert lateness(env, role, sql) < SOON_S


# ---- asking again ----

def test_what_was_taken_away_is_not_given_back_by_policy(env, admin, sql):
    """EXTERNAL roles are granted by policy when asked for first; from then on a person decides."""
    person = Person(env).register().sign_in()
    held = ask(person, "tutor")
    assert held["status"] == "APPROVED"
    admin.post(f"/v1/user-roles/{held['id']}/revoke", {"remarks": "complaints"}, expect=200)
    person.refresh()
    for path, body in (("/v1/user-roles", {"role_key": "tutor"}), (f"/v1/user-roles/{held['id']}/request", {})):
        refused = person.post(path, body, expect=409).says("conflict")
        assert int(refused.headers["Retry-After"]) > 3600, "asking again has to wait"
    sql("identity", "UPDATE user_roles SET decided_at = now() - interval '2 days' WHERE id = %s", held["id"])
    again = ask(person, "tutor")
    assert (again["id"], again["status"]) == (held["id"], "PENDING")
    assert "tutor" not in person.refresh().get("/v1/me", expect=200)["roles"]
    person.post(f"/v1/user-roles/{held['id']}/approve", expect=403)
    admin.post(f"/v1/user-roles/{held['id']}/approve", expect=200)
    assert "tutor" in person.refresh().get("/v1/me", expect=200)["roles"]


def test_what_ran_out_is_asked_for_again_at_once(env, admin, sql):
    """Nobody refused anything, so there is nothing to cool off from; a person decides all the same."""
    person = Person(env).register().sign_in()
    held = ask(person, "tutor")
    sql("identity", "UPDATE user_roles SET expires_at = now() WHERE id = %s", held["id"])
    over = eventually("the clock took it", lambda: (lambda u: u if u["status"] == "REJECTED" else None)(
        admin.get(f"/v1/user-roles/{held['id']}", expect=200)))
    assert over["decided_at"] is None
    person.refresh()
    again = ask(person, "tutor")
    assert again["status"] == "PENDING" and again["expires_at"] is None
    admin.post(f"/v1/user-roles/{held['id']}/reject", {"remarks": "Not now."}, expect=200)
    ask(person, "tutor", expect=409).says("conflict")
