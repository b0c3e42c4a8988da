"""What nobody may do to the rights of all, administrators included."""
import datetime

import pytest
from client import Person, eventually
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
