"""Rules that span rows, with two writers at once: whatever the interleaving, the rule holds afterwards."""
import re
import secrets
import uuid

import psycopg
import pytest
import requests
from client import Person
from test_finance import copy_of, together
from test_identity_access import ask, hire

ROUNDS = 8
CIRCLES = """
    WITH RECURSIVE above (start, id) AS (
        SELECT id, manager_employee_id FROM employees WHERE manager_employee_id IS NOT NULL
        UNION SELECT a.start, e.manager_employee_id FROM above a JOIN employees e ON e.id = a.id
        WHERE e.manager_employee_id IS NOT NULL)
    SELECT start FROM above WHERE start = id AND start = ANY (%s::uuid[])"""


@pytest.mark.parametrize("size", [2, 3])
def test_managers_make_no_circle_whoever_writes_at_once(env, admin, sql, size):
    """Each is told to report to the next, all at once: one too many is refused."""
    people = [hire(env, admin)[1]["id"] for _ in range(size)]
    writers = [copy_of(admin) for _ in people]

    def change(writer, who, manager):
        return lambda: writer.patch(f"/v1/employees/{who}", {"manager_employee_id": manager}, expect=(200, 422))
    for _ in range(ROUNDS):
        answers = together(*(change(w, who, people[(i + 1) % size]) for i, (w, who) in enumerate(zip(writers, people))))
        assert sorted(a.status for a in answers) == [200] * (size - 1) + [422], answers
        next(a for a in answers if a.status == 422).says("validation_failed", "/manager_employee_id")
        assert sql("identity", CIRCLES, people) == []
        for who in people:
            admin.patch(f"/v1/employees/{who}", {"manager_employee_id": None}, expect=200)


def test_a_role_is_asked_for_and_decided_once_whoever_does_at_once(env, admin):
    person = Person(env).register().sign_in()
    asked = together(*(lambda w=copy_of(person): ask(w, "reviewer", expect=(201, 409)) for _ in range(3)))
    assert sorted(a.status for a in asked) == [201, 409, 409], asked
    request = next(a for a in asked if a.status == 201)
    decided = together(*(lambda w=copy_of(admin), v=verb: w.post(
        f"/v1/user-roles/{request['id']}/{v}", {"remarks": "A test of it."}, expect=(200, 409))
        for verb in ("approve", "reject")))
    assert sorted(a.status for a in decided) == [200, 409], decided
    won, lost = sorted(decided, key=lambda a: a.status)
    lost.says("illegal_transition")
    assert admin.get(f"/v1/user-roles/{request['id']}", expect=200)["status"] == won["status"]


def defaults_of_all(sql):
    return sql("identity", "SELECT id::text FROM dashboard_configs WHERE is_default AND owner_id IS NULL"
                           " AND dashboard_type = 'EXTERNAL'")


def test_there_is_one_default_of_all_whoever_writes_at_once(admin, sql):
    """Whatever owner_type it says, and whether it is made so or becomes so."""
    made = [admin.post("/v1/dashboard-configs", {"dashboard_type": "EXTERNAL", "owner_type": kind, "owner_id": None,
                                                 "name": f"All {uuid.uuid4().hex[:6]}"}, expect=201)["id"]
            for kind in ("ROLE", "USER")]
    writers = [copy_of(admin) for _ in made]
    paths = [f"/v1/dashboard-configs/{one}" for one in made]
    try:
        for _ in range(ROUNDS):
            answers = together(*(lambda w=w, p=p: w.patch(p, {"is_default": True}, expect=(200, 409))
                                 for w, p in zip(writers, paths)))
            assert 200 in [a.status for a in answers]
            for answer in answers:
                assert answer.status == 200 or answer.says("already_exists", "/is_default")
            assert len(defaults_of_all(sql)) == 1
            for path in paths:
                admin.patch(path, {"is_default": False}, expect=200)
        admin.patch(paths[0], {"is_default": True}, expect=200)
        admin.patch(paths[1], {"is_default": True}, expect=200)
        assert [d["id"] for d in defaults_of_all(sql)] == [made[1]], "taken from the former"
        with pytest.raises(psycopg.errors.UniqueViolation):
            sql("identity", "UPDATE dashboard_configs SET is_default = true WHERE id = %s", made[0])
    finally:
        for path in paths:
            admin.delete(path, expect=204)


def test_two_who_want_each_others_number_do_not_wait_for_each_other(env):
    """Neither can have it; no transaction is broken off to say so."""
    people = [Person(env).register().sign_in() for _ in range(2)]
    phones = [f"+9198{secrets.randbelow(10**8):08}" for _ in people]
    for who, phone in zip(people, phones):
        who.post("/v1/me/phone", {"phone": phone}, expect=200)

    def again():
        text = requests.get(env["NXT_IDENTITY_OPS_URL"] + "/metrics", timeout=5).text
        return int(re.search(r"^nxt_db_transaction_retries_total (\d+)", text, re.M)[1])
    before = again()
    for _ in range(ROUNDS):
        for answer in together(*(lambda w=who, p=phone: w.post("/v1/me/phone", {"phone": p}, expect=409)
                                 for who, phone in zip(people, reversed(phones)))):
            answer.says("already_exists", "/phone")
    assert again() == before
