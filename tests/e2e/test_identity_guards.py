"""What nobody may do to the rights of all, administrators included."""
import pytest


# ---- the administrator's role ----

@pytest.mark.parametrize("flag", ["is_active", "can_manage_system_settings", "can_approve_requests"])
def test_the_administrators_role_keeps_what_undoes_all_else(admin, sql, flag):
    [role] = sql("identity", "SELECT id::text FROM roles WHERE key = 'administrator'")
    path = f"/v1/roles/{role['id']}"
    admin.patch(path, {flag: False}, expect=409).says("conflict")
    assert admin.get(path, expect=200)[flag] is True
    admin.patch(path, {flag: True}, expect=200)
