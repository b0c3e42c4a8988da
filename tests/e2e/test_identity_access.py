"""Roles, permissions, suspension and employment: what a person may do, and how fast that changes."""
import re
import time
import urllib.parse
import uuid

import pytest
import requests
from accounts import sign_in
from authenticator import Passkey
from client import Person, eventually, link_token
from people import ADMINISTRATOR, identity_command, staff
from test_identity_totp import code_at


def ask(person, role_key, expect=201):
    return person.post("/v1/user-roles", {"role_key": role_key}, expect=expect)


def refreshed(person):
    return person.refresh().get("/v1/me", expect=200)


# ---- the first administrator ----

def test_there_is_one_first_administrator(env, admin):
    refused = identity_command(env, ["admin", "create", "--email", "second@example.com"], "a good long phrase\n")
    assert refused.returncode == 1 and "administrator already" in refused.stderr
    me = admin.get("/v1/me", expect=200)
    assert me["email"] == ADMINISTRATOR and me["roles"] == ["administrator"] and me["employee_id"]


def test_permissions_import_is_idempotent(env, admin, sql):
    keys = "".join(f"{r['key']}\t{r['name']}\n" for r in sql("identity", "SELECT key, name FROM permissions"))
    # a role made by hand since the last import may be told once more; from then on nothing is
    assert identity_command(env, ["permissions", "import"], keys).returncode == 0
    before = sql("identity", "SELECT key, version FROM roles ORDER BY key")
    done = identity_command(env, ["permissions", "import"], keys)
    assert done.returncode == 0 and " 0 new; 0 roles published" in done.stdout, done
    assert sql("identity", "SELECT key, version FROM roles ORDER BY key") == before


def test_permissions_import_refuses_nonsense(env, admin):
    assert identity_command(env, ["permissions", "import"], "not a key\tx\n").returncode == 1
    assert identity_command(env, ["permissions", "import"], "").returncode == 1


# ---- asking for roles ----

def test_an_external_role_is_granted_by_policy(person, sql):
    role = ask(person, "photographer")
    assert role["status"] == "APPROVED" and role["decided_by_user_id"] is None
    assert "photographer" in refreshed(person)["roles"]
    ask(person, "photographer", expect=409).says("already_exists")


def test_an_internal_role_needs_a_second_person(env, admin, person):
    request = ask(person, "reviewer")
    assert request["status"] == "PENDING"
    ask(person, "reviewer", expect=409).says("already_exists")
    person.post(f"/v1/user-roles/{request['id']}/approve", expect=403)
    assert "reviewer" not in refreshed(person)["roles"]
    approved = admin.post(f"/v1/user-roles/{request['id']}/approve", {"remarks": "welcome"}, expect=200)
    assert approved["status"] == "APPROVED" and approved["approved_at"]
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=409).says("illegal_transition")
    me = refreshed(person)
    assert "reviewer" in me["roles"] and "approval-requests.approve" in me["permissions"] and me["employee_id"]


def test_the_old_token_is_stale_once_a_role_came(env, admin, person):
    old = person.token
    ask(person, "tutor")
    eventually("the old token is stale", lambda: person.get("/v1/me", token=old).status == 401)
    person.get("/v1/me", token=old, expect=401).says("token_stale")


def test_who_asks_for_another_does_not_grant_it(admin, person):
    request = admin.post("/v1/user-roles", {"role_key": "support_agent", "user_id": person.id}, expect=201)
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=403).says("own_submission")


def test_nobody_asks_for_somebody_else_without_permission(env, person):
    other = Person(env).register().sign_in()
    person.post("/v1/user-roles", {"role_key": "tutor", "user_id": other.id}, expect=403).says("forbidden")
    request = ask(other, "hr_officer")
    person.get(f"/v1/user-roles/{request['id']}", expect=404)


def test_asking_names_one_known_role(person):
    person.post("/v1/user-roles", {"role_key": "emperor"}, expect=422).says("validation_failed", "/role_key")
    person.post("/v1/user-roles", {}, expect=422).says("validation_failed", "/role_key")
    person.post("/v1/user-roles", {"role_key": "tutor", "status": "APPROVED"},
                expect=422).says("validation_failed", "/status")


def test_a_refused_role_waits_before_it_is_asked_for_again(admin, person, sql):
    request = ask(person, "finance_officer")
    admin.post(f"/v1/user-roles/{request['id']}/reject", {}, expect=422).says("validation_failed", "/remarks")
    rejected = admin.post(f"/v1/user-roles/{request['id']}/reject", {"remarks": "not now"}, expect=200)
    assert rejected["status"] == "REJECTED" and rejected["remarks"] == "not now"
    ask(person, "finance_officer", expect=409).says("conflict")
    sql("identity", "UPDATE user_roles SET decided_at = now() - interval '2 days' WHERE id = %s", request["id"])
    assert ask(person, "finance_officer")["status"] == "PENDING"


def test_a_revoked_role_is_gone_everywhere(env, admin):
    agent = staff(env, admin, "support_agent").may("/v1/users")
    request = admin.get(f"/v1/user-roles?user_id={agent.id}", expect=200).items[0]
    admin.post(f"/v1/user-roles/{request['id']}/revoke", {"remarks": "left the team"}, expect=200)
    eventually("the old token is stale", lambda: agent.get("/v1/users").status == 401)
    agent.refresh()
    assert [u["id"] for u in agent.get("/v1/users", expect=200).items] == [agent.id], "only oneself is left to see"


def test_a_time_bound_role_ends_by_clock(admin, person, sql):
    request = ask(person, "hr_officer")
    later, past = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (3600, -60))
    admin.post(f"/v1/user-roles/{request['id']}/approve", {"expires_at": past},
               expect=422).says("validation_failed", "/expires_at")
    admin.post(f"/v1/user-roles/{request['id']}/approve", {"expires_at": later}, expect=200)
    sql("identity", "UPDATE user_roles SET expires_at = now() WHERE id = %s", request["id"])
    eventually("the clock took it away", lambda: admin.get(f"/v1/user-roles/{request['id']}",
                                                           expect=200)["status"] == "REJECTED", seconds=30)


def test_the_only_administrator_stays(admin, sql):
    mine = sql("identity", "SELECT ur.id FROM user_roles ur JOIN roles r ON r.id = ur.role_id"
                           " WHERE r.key = 'administrator' AND ur.user_id = %s", admin.id)[0]["id"]
    admin.post(f"/v1/user-roles/{mine}/revoke", {"remarks": "bye"}, expect=403).says("own_submission")
    admin.post(f"/v1/users/{admin.id}/suspend", {"reason": "bye"}, expect=403).says("own_submission")


# ---- what a role may ----

def test_only_who_manages_settings_changes_roles(env, admin, person):
    person.post("/v1/roles", {"key": "mine", "name": "Mine", "audience": "EXTERNAL"}, expect=403)
    admin.post("/v1/roles", {"key": "Not A Key", "name": "x", "audience": "EXTERNAL"},
               expect=422).says("validation_failed", "/key")
    admin.post("/v1/roles", {"key": "reviewer", "name": "x", "audience": "EXTERNAL"},
               expect=409).says("already_exists", "/key")
    role = admin.post("/v1/roles", {"key": f"r_{uuid.uuid4().hex[:8]}", "name": "x", "audience": "EXTERNAL"}, expect=201)
    admin.post("/v1/role-permissions", {"role_id": role["id"], "permission_key": "no.such"}, expect=422)
    admin.delete(f"/v1/roles/{role['id']}", expect=204)


def test_a_role_somebody_holds_cannot_be_deleted(admin, person, sql):
    ask(person, "tutor")
    tutor = sql("identity", "SELECT id FROM roles WHERE key = 'tutor'")[0]["id"]
    admin.delete(f"/v1/roles/{tutor}", expect=409).says("in_use")


# ---- suspension ----

def test_suspension_ends_sessions_and_leaves_reading(env, admin, person):
    admin.post(f"/v1/users/{person.id}/suspend", {}, expect=422).says("validation_failed", "/reason")
    me = person.id
    suspended = admin.post(f"/v1/users/{me}/suspend", {"reason": "spam"}, expect=200)
    assert suspended["status"] == "SUSPENDED" and suspended["suspended_reason"] == "spam"
    for service in ("identity", "profiles", "marketplace"):
        eventually(f"{service} refuses the token", lambda s=service: person.at(s).get("/v1/me" if s == "identity" else
                   "/v1/user-role-profiles" if s == "profiles" else "/v1/jobs").status == 401)
    person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, expect=401, token=None)
    person.sign_in()
    assert person.get("/v1/me", expect=200)["status"] == "SUSPENDED"
    person.patch("/v1/me", {"display_name": "x"}, expect=403).says("account_restricted")
    person.post("/v1/auth/logout", {"scope": "all"}, expect=204)
    person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, expect=401, token=None)
    admin.post(f"/v1/users/{me}/suspend", {"reason": "again"}, expect=409).says("illegal_transition")
    assert admin.post(f"/v1/users/{me}/reinstate", {"reason": "sorry"}, expect=200)["suspended_reason"] is None
    person.sign_in().patch("/v1/me", {"display_name": "free"}, expect=200)


def test_reinstating_confirms_no_address(env, admin, anyone, sql):
    """PENDING -> ACTIVE is for who follows the link; a suspension on the way there is no way around it."""
    person = Person(env)
    person.sign_up()
    me = admin.get(f"/v1/users?email={person.email}", expect=200).items[0]["id"]
    admin.post(f"/v1/users/{me}/suspend", {"reason": "spam"}, expect=200)
    sign_in(anyone, person.email, person.password, expect=401).says("bad_credentials")
    assert "never confirmed" in admin.post(f"/v1/users/{me}/reinstate", {}, expect=409).says("conflict")["detail"]
    link = {"token": link_token(person.mailbox.wait(person.email, "token="))}
    assert anyone.post("/v1/auth/verify-email", link, expect=200)["status"] == "SUSPENDED"
    anyone.post("/v1/auth/verify-email", link, expect=400).says("token_invalid")
    person.sign_in()
    assert person.get("/v1/me", expect=200)["email_verified_at"]
    assert admin.post(f"/v1/users/{me}/reinstate", {}, expect=200)["status"] == "ACTIVE"
    eventually("a wallet is there", lambda: sql("finance", "SELECT FROM tracecoin_wallets WHERE user_id = %s", me))


def test_a_user_cannot_suspend_others(env, person):
    other = Person(env).register().sign_in()
    person.post(f"/v1/users/{other.id}/suspend", {"reason": "rival"}, expect=(403, 404))


# ---- the organisation ----

def make_department(admin, **more):
    tag = uuid.uuid4().hex[:8]
    return admin.post("/v1/departments", {"name": f"Sales {tag}", "code": tag, **more}, expect=201)


def hire(env, admin, **more):
    person = Person(env).register().sign_in()
    return person, admin.post("/v1/employees", {"user_id": person.id, **more}, expect=201)


def test_an_employee_is_told_of_the_employment(env, admin, mailbox):
    person, employee = hire(env, admin)
    assert employee["employee_code"] in mailbox.wait(person.email, "now a staff account")["text"]
    path = f"/v1/employees/{employee['id']}"
    for verb, reason, subject in (("deactivate", "A year of leave.", "is paused"), ("reactivate", "Back again.", "has resumed"),
                                  ("terminate", "A better place.", "has ended")):
        admin.post(f"{path}/{verb}", {"reason": reason}, expect=200)
        mail = mailbox.wait(person.email, f"your employment {subject}")
        assert reason in mail["text"] and reason in mail["html"]


def test_departments_and_designations(admin, env):
    sales, other = make_department(admin), make_department(admin)
    admin.post("/v1/departments", {"name": sales["name"], "code": "else"}, expect=409).says("already_exists", "/name")
    tag = uuid.uuid4().hex[:8]
    lead = admin.post("/v1/designations", {"name": f"Lead {tag}", "code": tag, "department_id": sales["id"]}, expect=201)
    person = Person(env).register().sign_in()
    body = {"user_id": person.id, "department_id": other["id"], "designation_id": lead["id"]}
    admin.post("/v1/employees", body, expect=422).says("validation_failed", "/designation_id")
    employee = admin.post("/v1/employees", {**body, "department_id": sales["id"]}, expect=201)
    assert employee["employee_code"].startswith("E-")
    admin.post("/v1/employees", {"user_id": person.id}, expect=409).says("already_exists", "/user_id")
    admin.delete(f"/v1/departments/{sales['id']}", expect=409).says("in_use")
    admin.delete(f"/v1/departments/{other['id']}", expect=204)
    person.refresh().get("/v1/departments", expect=403)


def test_closed_departments_move_nobody(env, admin):
    closed, open_ = make_department(admin, transfers_enabled=False), make_department(admin)
    _, employee = hire(env, admin, department_id=closed["id"])
    admin.patch(f"/v1/employees/{employee['id']}", {"department_id": open_["id"]},
                expect=422).says("validation_failed", "/department_id")


def test_managers_make_no_circle(env, admin):
    people = [hire(env, admin)[1] for _ in range(3)]
    a, b, c = (p["id"] for p in people)
    admin.patch(f"/v1/employees/{b}", {"manager_employee_id": a}, expect=200)
    admin.patch(f"/v1/employees/{c}", {"manager_employee_id": b}, expect=200)
    admin.patch(f"/v1/employees/{a}", {"manager_employee_id": c},
                expect=422).says("validation_failed", "/manager_employee_id")
    admin.patch(f"/v1/employees/{a}", {"manager_employee_id": a}, expect=422)


def test_termination_waits_for_reports_and_ends_everything(env, admin, sql):
    boss = staff(env, admin, "reviewer").may("/v1/users")
    boss_id = boss.get("/v1/me", expect=200)["employee_id"]
    _, report = hire(env, admin, manager_employee_id=boss_id)
    reason = {"reason": "left"}
    admin.post(f"/v1/employees/{boss_id}/terminate", reason, expect=409).says("conflict")
    admin.patch(f"/v1/employees/{report['id']}", {"manager_employee_id": None}, expect=200)
    assert admin.post(f"/v1/employees/{boss_id}/terminate", reason, expect=200)["employment_status"] == "TERMINATED"
    eventually("the token is refused", lambda: boss.get("/v1/me").status == 401)
    assert boss.sign_in().get("/v1/me", expect=200)["roles"] == []
    admin.post(f"/v1/employees/{boss_id}/reactivate", expect=409).says("illegal_transition")
    admin.patch(f"/v1/employees/{report['id']}", {"manager_employee_id": boss_id},
                expect=422).says("validation_failed", "/manager_employee_id")


def test_nobody_comes_back_to_a_manager_who_has_left(env, admin):
    boss, report = hire(env, admin)[1]["id"], hire(env, admin)[1]["id"]
    admin.patch(f"/v1/employees/{report}", {"manager_employee_id": boss}, expect=200)
    admin.post(f"/v1/employees/{report}/deactivate", {"reason": "leave"}, expect=200)
    admin.post(f"/v1/employees/{boss}/terminate", {"reason": "left"}, expect=200)
    admin.post(f"/v1/employees/{report}/reactivate", expect=409).says("conflict")
    admin.patch(f"/v1/employees/{report}", {"manager_employee_id": None}, expect=200)
    admin.post(f"/v1/employees/{report}/reactivate", expect=200)


def test_a_resting_employee_has_no_internal_roles(env, admin):
    agent = staff(env, admin, "support_agent")
    employee = agent.get("/v1/me", expect=200)["employee_id"]
    admin.post(f"/v1/employees/{employee}/deactivate", {"reason": "leave"}, expect=200)
    me = agent.sign_in().get("/v1/me", expect=200)
    assert me["roles"] == [] and me["employee_id"] is None
    admin.post(f"/v1/employees/{employee}/reactivate", expect=200)
    assert refreshed(agent)["roles"] == ["support_agent"]


# ---- dashboards and configuration ----

def test_one_default_dashboard_per_owner(env, person):
    first = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "A", "is_default": True},
                        expect=201)
    second = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "B", "is_default": True},
                         expect=201)
    listed = {d["id"]: d["is_default"] for d in person.get("/v1/dashboard-configs?owner_id=me", expect=200).items}
    assert listed == {first["id"]: False, second["id"]: True}
    person.patch(f"/v1/dashboard-configs/{first['id']}", {"is_default": True}, expect=200)
    assert person.get(f"/v1/dashboard-configs/{second['id']}", expect=200)["is_default"] is False
    person.post("/v1/dashboard-configs", {"dashboard_type": "INTERNAL", "name": "C"}, expect=403)
    person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "D", "owner_type": None},
                expect=422).says("validation_failed", "/owner_type")
    stranger = Person(env).register().sign_in()
    stranger.patch(f"/v1/dashboard-configs/{first['id']}", {"name": "mine"}, expect=404)


def test_widgets_come_from_the_registry(person):
    board = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "A"}, expect=201)
    at = {"dashboard_config_id": board["id"]}
    person.post("/v1/dashboard-widgets", {**at, "widget_key": "no_such"}, expect=422).says("validation_failed", "/widget_key")
    person.post("/v1/dashboard-widgets", {**at, "widget_key": "audit_trail"}, expect=422).says("validation_failed",
                                                                                           "/widget_key")
    widget = person.post("/v1/dashboard-widgets", {**at, "widget_key": "my_wallet", "width_units": 4.0}, expect=201)
    assert widget["width_units"] == 4, "JSON knows one kind of number"
    person.post("/v1/dashboard-widgets", {**at, "widget_key": "my_wallet", "width_units": 4.5},
                expect=422).says("validation_failed", "/width_units")
    assert [w["id"] for w in person.get(f"/v1/dashboard-configs/{board['id']}/widgets", expect=200).items] == [widget["id"]]


def test_the_effective_dashboard_names_the_layer_of_each_value(env, admin, sql):
    """built-in < default < role < user; merged by value, filtered by what the viewer may read."""
    person = Person(env).register().sign_in()
    ask(person, "tutor")
    tutor = sql("identity", "SELECT id::text FROM roles WHERE key = 'tutor'")[0]["id"]

    def is_tutor():
        person.refresh()  # the token before knows nothing of the role and is stale
        answer = person.get("/v1/me", expect=(200, 401))
        return answer.status == 200 and "tutor" in answer["roles"]
    eventually("tutor", is_tutor)

    def seen():
        return person.get("/v1/dashboards/effective", expect=200)

    def layout():
        return {k: (v["value"], v["layer"]) for k, v in seen()["layout"].items()}

    def widgets():
        return {w["widget_key"]: w["layer"] for w in seen()["widgets"]}
    assert layout() == {"columns": (12, "built-in")} and widgets()["my_wallet"] == "built-in"
    assert "audit_trail" not in {w["widget_key"] for w in person.get("/v1/dashboards/widget-types", expect=200)["items"]}

    of_role = admin.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "owner_type": "ROLE", "owner_id": tutor,
                                                   "name": "Tutors", "layout_json": {"columns": 6, "theme": "chalk"},
                                                   "is_default": True}, expect=201)
    own = None
    try:
        admin.post("/v1/dashboard-widgets", {"dashboard_config_id": of_role["id"], "widget_key": "my_leads"}, expect=201)
        # as one that was put there before a widget had to fit its dashboard
        sql("identity", "INSERT INTO dashboard_widgets (id, dashboard_config_id, widget_key) VALUES (gen_random_uuid(), %s,"
                        " 'audit_trail')", of_role["id"])
        assert layout() == {"columns": (6, "role"), "theme": ("chalk", "role")}
        assert widgets()["my_leads"] == "role" and "audit_trail" not in widgets()
        own = person.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "name": "Mine", "is_default": True,
                                                    "layout_json": {"theme": "night"}}, expect=201)
        person.post("/v1/dashboard-widgets", {"dashboard_config_id": own["id"], "widget_key": "my_orders",
                                              "is_visible": False}, expect=201)
        assert layout() == {"columns": (6, "role"), "theme": ("night", "user")}
        assert "my_orders" not in widgets()
        assert [at["layer"] for at in seen()["layers"] if at["layer"] != "default"] == ["built-in", "role", "user"]
        person.patch(f"/v1/dashboard-configs/{own['id']}", {"is_active": False}, expect=200)
        assert layout()["theme"] == ("chalk", "role") and widgets()["my_orders"] == "built-in"
    finally:
        admin.delete(f"/v1/dashboard-configs/{of_role['id']}", expect=204)
    person.get("/v1/dashboards/effective?dashboard_type=INTERNAL", expect=403)
    person.get("/v1/dashboards/effective?dashboard_type=BOTH", expect=400)
    inside = admin.get("/v1/dashboards/effective", expect=200)
    assert inside["dashboard_type"] == "INTERNAL" and "audit_trail" in {w["widget_key"] for w in inside["widgets"]}


def test_a_dashboard_goes_with_its_role(env, admin, sql):
    """A role that is switched off or has run out gives no layer, nor lets anybody read it."""
    key = f"guest_{uuid.uuid4().hex[:8]}"
    role = admin.post("/v1/roles", {"key": key, "name": "Guest", "audience": "EXTERNAL"}, expect=201)["id"]
    person = Person(env).register().sign_in()
    held = ask(person, key)["id"]
    board = admin.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "owner_type": "ROLE", "owner_id": role,
                                                 "name": "Guests", "is_default": True}, expect=201)["id"]

    def sees_it():
        person.refresh()
        layers = {at["dashboard_config_id"] for at in person.get("/v1/dashboards/effective", expect=200)["layers"]}
        readable = person.get(f"/v1/dashboard-configs/{board}", expect=(200, 404)).status == 200
        assert readable == (board in layers)
        return readable
    assert sees_it()
    admin.patch(f"/v1/roles/{role}", {"is_active": False}, expect=200)
    assert not sees_it()
    admin.patch(f"/v1/roles/{role}", {"is_active": True}, expect=200)
    assert sees_it()
    sql("identity", "UPDATE user_roles SET expires_at = now() WHERE id = %s", held)
    assert not sees_it(), "from the moment on, not only when the clock comes by"


def setting(admin, sql, key, value):
    """The row of a declared setting with this value, made or changed; other tests may have made it."""
    found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
    if found:
        admin.patch(f"/v1/runtime-configs/{found[0]['id']}", {"config_value_json": value, "is_active": True}, expect=200)
        return found[0]["id"]
    return admin.post("/v1/runtime-configs", {"config_group": key.split(".")[0], "config_key": key,
                                              "config_value_json": value}, expect=201)["id"]


def test_configuration_keeps_its_versions_and_goes_back(admin, person, reviewer, sql):
    key = "finance.lot_warning_days"
    path = f"/v1/runtime-configs/{setting(admin, sql, key, 5)}"
    body = {"config_group": "finance", "config_key": key, "config_value_json": 5}
    person.post("/v1/runtime-configs", body, expect=403)
    admin.post("/v1/runtime-configs", body, expect=409).says("already_exists", "/config_key")
    before = admin.get(path, expect=200)["version"]
    admin.patch(path, {"config_value_json": 9, "reason": "more time"}, expect=200)
    assert admin.patch(path, {"is_active": False}, expect=200)["reason"] is None
    person.get(f"{path}/versions", expect=403)
    kept = [v for v in admin.get(f"{path}/versions", expect=200)["items"] if v["version"] >= before]
    assert [(v["version"], v["config_value_json"], v["is_active"], v["reason"]) for v in kept] == [
        (before + 2, 9, False, None), (before + 1, 9, True, "more time"), (before, 5, True, kept[2]["reason"])]
    assert {v["changed_by_user_id"] for v in kept} == {admin.id}

    reviewer.post(f"{path}/rollback", {"version": before, "reason": "no"}, expect=403)
    admin.post(f"{path}/rollback", {"version": 10**6, "reason": "no"}, expect=422).says("validation_failed", "/version")
    admin.post(f"{path}/rollback", {"version": before}, expect=422).says("validation_failed", "/reason")
    back = admin.post(f"{path}/rollback", {"version": before, "reason": "too long"}, expect=200)
    assert (back["config_value_json"], back["is_active"], back["version"], back["reason"]) == (5, True, before + 3, "too long")
    for service in ("finance", "profiles"):
        eventually(f"{service} knows", lambda s=service: sql(
            s, "SELECT FROM config_values WHERE config_key = %s AND is_active AND value = '5'", key))


def test_a_value_that_no_longer_fits_does_not_come_into_force_again(admin, sql):
    key = "finance.wallet_low_threshold"
    path = f"/v1/runtime-configs/{setting(admin, sql, key, 11)}"
    admin.patch(path, {"is_active": False}, expect=200)
    sql("identity", "UPDATE runtime_configs SET config_value_json = '\"many\"' WHERE config_key = %s", key)
    admin.patch(path, {"is_active": True}, expect=422).says("validation_failed", "/config_value_json")
    admin.patch(path, {"config_value_json": 10, "is_active": True}, expect=200)


@pytest.mark.parametrize("key, value, pointer, code", [
    ("finance.lot_warning_days", "5", "/config_value_json", "wrong_type"),
    ("finance.lot_warning_days", -1, "/config_value_json", "too_small"),
    ("finance.lot_warning_days", 366, "/config_value_json", "too_large"),
    ("finance.order_ttl_minutes", 2**63 - 1, "/config_value_json", "too_large"),
    ("finance.wallet_low_threshold", 2**31, "/config_value_json", "too_large"),
    ("finance.supplier", {"name": "N", "state_code": "KA"}, "/config_value_json/state_code", "bad_format"),
    ("finance.supplier", {"name": "", "state_code": "29"}, "/config_value_json/name", "too_short"),
    ("finance.supplier", {"name": "N", "state_code": "29", "gstin": "x"}, "/config_value_json/gstin", "bad_format"),
    ("finance.lot_warning_days", 1.5, "/config_value_json", "wrong_type"),
    ("finance.invoice_series", "nx", "/config_value_json", "bad_format"),
    ("finance.supplier", {"name": "Nxtgauge"}, "/config_value_json/state_code", "required"),
    ("finance.supplier", {"name": 1, "state_code": "29"}, "/config_value_json/name", "wrong_type"),
    ("finance.supplier", {"name": "N", "state_code": "29", "x": 1}, "/config_value_json/x", "unknown_field"),
    ("marketplace.lead_rate_card", {"*": 10, "tutor": -1}, "/config_value_json/tutor", "too_small"),
    ("profiles.roles_needing_verification", ["tutor", 5], "/config_value_json/1", "wrong_type"),
    ("finance.no_such_setting", 5, "/config_key", "unknown_reference"),
])
def test_a_value_that_no_daemon_could_use_is_refused(admin, key, value, pointer, code):
    body = {"config_group": key.split(".")[0], "config_key": key, "config_value_json": value}
    answer = admin.post("/v1/runtime-configs", body, expect=422)
    assert (pointer, code) in [(e["pointer"], e["code"]) for e in answer["errors"]]
    assert not [c for c in admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items if c["config_value_json"] == value]


def test_a_setting_is_explained_by_its_layers(admin, person, sql):
    key = "profiles.document_retention_days"
    path = f"/v1/runtime-configs/{key}/explain"
    person.get(path, expect=403)
    admin.get("/v1/runtime-configs/no.such/explain", expect=404)
    item = setting(admin, sql, key, 200)
    told = admin.get(path, expect=200)
    assert (told["effective_value"], told["effective_layer"]) == (200, "configured")
    assert [(layer["layer"], layer["value"]) for layer in told["layers"]] == [("built-in", 180), ("configured", 200)]
    assert told["layers"][1]["changed_by_user_id"] == admin.id and told["layers"][1]["created_at"].endswith("Z")
    assert told["schema"]["type"] == "integer"
    admin.patch(f"/v1/runtime-configs/{item}", {"is_active": False, "reason": "test"}, expect=200)
    told = admin.get(path, expect=200)
    assert (told["effective_value"], told["effective_layer"], len(told["layers"])) == (180, "built-in", 2)


def test_a_daemon_ignores_a_value_that_does_not_fit(admin, env, sql):
    """What got past identity, as an older daemon's value may, is not taken into force."""
    key = "finance.wallet_low_threshold"
    setting(admin, sql, key, 11)
    eventually("finance knows", lambda: sql("finance", "SELECT FROM config_values WHERE config_key = %s AND value = '11'", key))

    def refused():
        text = requests.get(env["NXT_FINANCE_OPS_URL"] + "/metrics", timeout=5).text
        return int(re.search(r"^nxt_settings_refused_total (\d+)", text, re.M)[1])
    before = refused()
    sql("finance", "UPDATE config_values SET value = '\"many\"', changed_at = now() WHERE config_key = %s", key)
    eventually("it is refused", lambda: refused() > before)
    setting(admin, sql, key, 10)    # as it was, for the tests of wallets


def test_an_operators_word_rules_role_requests(env, admin, sql):
    key = "identity.auto_approve_external_roles"
    found = admin.get(f"/v1/runtime-configs?config_key={key}", expect=200).items
    path = f"/v1/runtime-configs/{found[0]['id']}" if found else None
    if path is None:
        path = "/v1/runtime-configs/" + admin.post("/v1/runtime-configs", {
            "config_group": "identity", "config_key": key, "config_value_json": True}, expect=201)["id"]
    admin.patch(path, {"config_value_json": False}, expect=200)
    try:
        def pending():
            someone = Person(env).register().sign_in()
            return ask(someone, "tutor")["status"] == "PENDING"
        eventually("the policy is off", pending)
    finally:
        admin.patch(path, {"config_value_json": True}, expect=200)

    def approved():
        someone = Person(env).register().sign_in()
        return ask(someone, "tutor")["status"] == "APPROVED"
    eventually("the policy is on again", approved)


def test_staff_may_be_made_to_have_a_second_factor(env, admin, sql):
    """Without one, a token carries nothing of staff; with one it does, and no longer once that is off again."""
    clerk = staff(env, admin, "reviewer")
    config = setting(admin, sql, "identity.internal_roles_need_second_factor", True)
    try:
        def roles():
            clerk.refresh()
            return clerk.get("/v1/me", expect=200)["roles"]
        eventually("the role counts no more", lambda: roles() == [])
        me = clerk.get("/v1/me", expect=200)
        assert (me["employee_id"], me["permissions"]) == (None, [])
        for path in ("/v1/runtime-configs", "/v1/audit-logs", "/v1/smtp-configs"):
            refused = clerk.get(path, expect=403).says("second_factor_missing")
            assert "/v1/me/passkeys" in refused["detail"] and "/v1/me/totp" in refused["detail"]
        Person(env).register().sign_in().get("/v1/audit-logs", expect=403).says("forbidden")
        secret = clerk.post("/v1/me/totp", expect=201)["secret"]
        clerk.post("/v1/me/totp/confirm", {"code": code_at(secret)}, expect=200)
        assert roles() == ["reviewer"]
        assert "approval-requests.approve" in clerk.get("/v1/me", expect=200)["permissions"]
        # a passkey is one as well, until it is removed
        passkey = Passkey(f"http://localhost:{urllib.parse.urlsplit(env['NXT_GATEWAY_URL']).port}")
        options = clerk.post("/v1/me/passkeys/options", expect=200).json
        made = clerk.post("/v1/me/passkeys", passkey.create(options), expect=201)["id"]
        clerk.delete("/v1/me/totp", expect=204)
        assert roles() == ["reviewer"]
        clerk.delete(f"/v1/me/passkeys/{made}", expect=204)
        eventually("the token is stale", lambda: clerk.get("/v1/me").status == 401)
        assert roles() == []
    finally:
        admin.patch(f"/v1/runtime-configs/{config}", {"config_value_json": False}, expect=200)
    eventually("the role counts again", lambda: roles() == ["reviewer"])


# ---- rebuilding ----

def test_access_projections_are_rebuilt_from_what_identity_republishes(env, admin, sql):
    wanted = "SELECT user_id::text, epoch, status, role_keys FROM access_users WHERE user_id = %s"
    before = eventually("finance knows the administrator", lambda: sql("finance", wanted, admin.id))
    of_roles = "SELECT role_key, permissions FROM access_roles WHERE is_active ORDER BY role_key"
    roles = sql("finance", of_roles)
    sql("finance", "DELETE FROM access_users")
    sql("finance", "DELETE FROM access_roles")
    for table in ("users", "roles"):
        done = identity_command(env, ["republish", table])
        assert done.returncode == 0, done
    assert eventually("the administrator is known again", lambda: sql("finance", wanted, admin.id)) == before
    eventually("so are the roles", lambda: sql("finance", of_roles) == roles)
