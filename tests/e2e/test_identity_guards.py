"""What nobody may do to the rights of all, administrators included."""
import datetime

import pytest
from client import Person
from people import identity_command, staff
from test_identity_access import ask, hire


# ---- the administrator's role ----

@pytest.mark.parametrize("flag", ["is_active", "can_manage_system_settings", "can_approve_requests"])
def test_the_administrators_role_keeps_what_undoes_all_else(admin, sql, flag):
    [role] = sql("identity", "SELECT id::text FROM roles WHERE key = 'administrator'")
    path = f"/v1/roles/{role['id']}"
    admin.patch(path, {flag: False}, expect=409).says("conflict")
    assert admin.get(path, expect=200)[flag] is True
    admin.patch(path, {flag: True}, expect=200)


# ---- an administrator remains ----

HOLDS = "SELECT ur.id::text FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE r.key = %s AND ur.user_id = %s"


def in_an_hour():
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_administrator_who_rests_is_none_who_remains(env, admin):
    second, officer = staff(env, admin, "administrator"), staff(env, admin, "hr_officer")
    theirs, mine = (p.get("/v1/me", expect=200)["employee_id"] for p in (second, admin))
    admin.post(f"/v1/employees/{theirs}/deactivate", {"reason": "leave"}, expect=200)
    for verb in ("deactivate", "terminate"):
        officer.post(f"/v1/employees/{mine}/{verb}", {"reason": "leave"}, expect=409).says("conflict")
    officer.post(f"/v1/employees/{theirs}/terminate", {"reason": "left"}, expect=200)   # who gives nothing may go


def test_an_administrator_for_a_while_is_none_who_remains(env, admin, sql):
    second = Person(env).register().sign_in()
    request = ask(second, "administrator")
    admin.post(f"/v1/user-roles/{request['id']}/approve", {"expires_at": in_an_hour()}, expect=200)
    second.may("/v1/users").refresh()
    [mine] = sql("identity", HOLDS, "administrator", admin.id)
    second.post(f"/v1/user-roles/{mine['id']}/revoke", {"remarks": "bye"}, expect=409).says("conflict")
    second.post(f"/v1/users/{admin.id}/suspend", {"reason": "bye"}, expect=409).says("conflict")
    admin.post(f"/v1/user-roles/{request['id']}/revoke", {"remarks": "the hour is over"}, expect=200)


def test_where_no_administrator_is_in_force_the_command_makes_one(env, admin, sql):
    resting = sql("identity", "UPDATE employees e SET employment_status = 'INACTIVE' FROM user_roles ur, roles r"
                  " WHERE ur.user_id = e.user_id AND r.id = ur.role_id AND r.key = 'administrator' AND ur.status = 'APPROVED'"
                  " AND e.employment_status = 'ACTIVE' RETURNING e.id")
    rescuer = Person(env, name="rescuer")
    try:
        made = identity_command(env, ["admin", "create", "--email", rescuer.email], rescuer.password + "\n")
    finally:
        for employee in resting:
            sql("identity", "UPDATE employees SET employment_status = 'ACTIVE' WHERE id = %s", employee["id"])
    assert made.returncode == 0, made.stderr
    employee = rescuer.sign_in().get("/v1/me", expect=200)["employee_id"]
    admin.post(f"/v1/employees/{employee}/terminate", {"reason": "all is well again"}, expect=200)


# ---- dashboards ----

def test_what_all_employees_see_is_not_for_everybody(env, admin):
    def board(kind, widget_key):
        made = admin.post("/v1/dashboard-configs", {"dashboard_type": kind, "owner_type": "ROLE", "owner_id": None,
                                                    "name": f"For all {kind}"}, expect=201)["id"]
        widget = admin.post("/v1/dashboard-widgets", {"dashboard_config_id": made, "widget_key": widget_key}, expect=201)["id"]
        return f"/v1/dashboard-configs/{made}", f"/v1/dashboard-widgets/{widget}"
    inside, outside = board("INTERNAL", "new_users"), board("EXTERNAL", "my_jobs")
    anybody, employee = Person(env).register().sign_in(), hire(env, admin)[0].refresh()
    try:
        for path in (*inside, *outside):
            employee.get(path, expect=200)
        for path in outside:
            anybody.get(path, expect=200)
        for path in inside:
            anybody.get(path, expect=404)
        listed = {d["dashboard_type"] for d in anybody.everything("/v1/dashboard-configs?limit=200")}
        assert "INTERNAL" not in listed and "EXTERNAL" in listed
        assert inside[1][-36:] not in {w["id"] for w in anybody.everything("/v1/dashboard-widgets?limit=200")}
    finally:
        for path in (inside[0], outside[0]):
            admin.delete(path, expect=204)


def test_a_widget_stands_on_dashboards_of_its_own_type(admin):
    for kind, foreign, own in (("INTERNAL", "my_wallet", "audit_trail"), ("EXTERNAL", "audit_trail", "my_wallet")):
        board = admin.post("/v1/dashboard-configs", {"dashboard_type": kind, "name": "Mine"}, expect=201)["id"]
        body = {"dashboard_config_id": board}
        admin.post("/v1/dashboard-widgets", {**body, "widget_key": foreign}, expect=422).says("validation_failed", "/widget_key")
        admin.post("/v1/dashboard-widgets", {**body, "widget_key": own}, expect=201)
