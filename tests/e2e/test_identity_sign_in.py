"""Signing in, staying in and getting out: identity as an outsider meets it."""
import concurrent.futures
import secrets
import sys
from pathlib import Path

import psycopg
import pytest
from accounts import GOOD, address, reset_token, sign_in, sign_up
from client import Api, Person, eventually, link_token, when_refusals_are_told
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from test_finance import together
from test_flow import claims_of
from topics import published

sys.path.append(str(Path(__file__).resolve().parents[1] / "chaos"))
from replica import Replica  # noqa: E402


@pytest.fixture(autouse=True)
def fresh_address(sql):
    """All tests guess from one address, whose failures together would delay those that come later."""
    sql("identity", "DELETE FROM auth_throttles WHERE starts_with(scope_key, 'address:')")


# ---- sign-in ----

def test_login_refuses_wrong_unknown_and_pending_alike(anyone, person):
    pending = address()
    sign_up(anyone, pending)
    answers = [sign_in(anyone, person.email, "wrong password", expect=401), sign_in(anyone, address(), expect=401),
               sign_in(anyone, pending, expect=401)]
    assert {a.says("bad_credentials")["detail"] for a in answers} == {answers[0]["detail"]}


def test_login_ignores_the_case_of_an_address(env, person):
    sign_in(person, person.email.upper(), person.password)


def test_me_shows_the_account_and_no_secret(person, sql):
    me = person.get("/v1/me", expect=200)
    assert me["email"] == person.email and me["status"] == "ACTIVE" and me["session_id"] == person.session_id
    assert me["roles"] == [] and me["permissions"] == [] and "password_hash" not in me
    assert person.call("GET", "/v1/me", headers={"If-None-Match": me.etag}).status in (200, 304)
    stored = sql("identity", "SELECT password_hash FROM users WHERE id = %s", me["id"])[0]["password_hash"]
    assert stored.startswith("$argon2id$")


def test_me_needs_a_token(anyone):
    anyone.get("/v1/me", expect=401).says("unauthenticated")
    anyone.get("/v1/me", expect=401, token="no.such.token").says("bad_token")


def lengthen_delays(sql):
    """The first ones take a second or two, which a slow machine outlives."""
    sql("identity", "UPDATE auth_throttles SET blocked_until = now() + interval '1 minute'"
                    " WHERE blocked_until > now() - interval '5 seconds' AND NOT starts_with(scope_key, 'address:')")


def exhaust(api, email, sql, **more):
    """Guesses until the next one would have to wait."""
    statuses = []
    while 429 not in statuses:
        statuses.append(sign_in(api, email, "guess", expect=(401, 429), **more).status)
        assert len(statuses) < 12, statuses
    assert statuses[:6] == [401] * 6
    lengthen_delays(sql)


def test_login_is_throttled_but_locks_no_owner_out(env, person, sql):
    """A device proves by the token it was given that it is known, or by its name where it had a session from."""
    mine = sign_in(person, person.email, person.password, device="laptop")["device_token"]
    sign_in(person, person.email, person.password, device="phone")
    with psycopg.connect(env["NXT_DB_IDENTITY"]) as db:
        db.execute("UPDATE user_sessions SET ip_address = '192.0.2.1' WHERE device = 'laptop' AND user_id = %s", [person.id])
    exhaust(person, person.email, sql, device="stranger")
    # the right password is refused too, whatever token the device makes up, and what name it bears elsewhere
    for more in ({"device": "stranger"}, {"device": "laptop"}, {"device": "laptop", "device_token": "made up"}):
        refused = sign_in(person, person.email, person.password, expect=429, **more)
        assert int(refused.says("too_many_requests").headers["Retry-After"]) >= 1
    assert sign_in(person, person.email, person.password, device_token=mine)["device_token"] == mine
    exhaust(person, person.email, sql, device="stranger")
    sign_in(person, person.email, person.password, device="phone")
    assert "device_token" not in sign_in(person, person.email, person.password).json
    exhaust(person, person.email, sql, device="phone")
    sign_in(person, person.email, person.password, device="stranger")


def test_a_known_device_guesses_no_faster(env, person, sql):
    mine = sign_in(person, person.email, person.password, device="laptop")["device_token"]
    exhaust(person, person.email, sql, device_token=mine)
    sign_in(person, person.email, person.password, device_token=mine, expect=429)
    # and its failures delay nobody else
    sign_in(person, person.email, person.password)
    other = Person(env).register().sign_in()
    exhaust(person, other.email, sql)
    sign_in(person, other.email, other.password, device_token=mine, expect=429)
    held = sql("identity", "SELECT device_hash FROM user_devices WHERE user_id = %s", person.id)
    assert held and all(mine not in row["device_hash"] for row in held)


def test_a_stranger_delays_no_open_session(person, sql):
    exhaust(person, person.email, sql)
    person.post("/v1/auth/step-up", {"password": person.password}, expect=204)
    exhaust(person, person.email, sql)
    person.post("/v1/auth/password/change", {"current_password": person.password, "new_password": GOOD}, expect=204)


def test_spellings_of_one_address_share_one_count(env, sql):
    """PostgreSQL's lower('İ') is 'i', so both spellings find the account; ASCII's tolower() tells them apart."""
    person = Person(env, email=address().replace("@", "i@")).register().sign_in()
    other = person.email.replace("i@", "İ@")
    sign_in(person, other, person.password)
    exhaust(person, person.email, sql)
    sign_in(person, other, person.password, expect=429)


def test_very_many_failures_delay_an_hour_and_no_longer(person, sql):
    exhaust(person, person.email, sql)
    mine = "'account:' || encode(sha256(convert_to(lower(%s), 'UTF8')), 'hex')"

    def wait_after(failures):
        sql("identity", f"UPDATE auth_throttles SET failures = %s, blocked_until = now() WHERE scope_key = {mine}",
            failures - 1, person.email)
        sign_in(person, person.email, "guess", expect=401)
        return int(sign_in(person, person.email, "guess", expect=429).headers["Retry-After"])
    assert [-(-wait_after(n) // 60) for n in (100, 101, 500)] == [15, 60, 60]
    sql("identity", f"UPDATE auth_throttles SET blocked_until = now() WHERE scope_key = {mine}", person.email)
    sign_in(person, person.email, person.password)


def test_an_ipv6_network_is_one_address(env, sql):
    """Whoever has one address of a /64 has them all."""
    def guess(last):
        Api(env, url=env["NXT_IDENTITY_URL"]).post(
            "/v1/auth/login", {"email": address(), "password": "guess"}, expect=401,
            headers={"X-Forwarded-For": f"2001:db8:{network}::{last}"})
    network = f"{secrets.randbelow(2**16):x}:{secrets.randbelow(2**16):x}"
    for last in ("1", "2:3"):
        guess(last)
    counted = sql("identity", "SELECT failures FROM auth_throttles WHERE starts_with(scope_key, 'address:')")
    assert counted == [{"failures": 2}]


def test_guesses_sent_at_once_wait_like_guesses_in_a_row(env, person):
    """Each is counted before its hash is computed: no more get to the hash than one after another would."""
    guesses = 24
    with concurrent.futures.ThreadPoolExecutor(guesses) as pool:
        statuses = list(pool.map(lambda n: sign_in(Person(env), person.email, f"guess {n}", expect=(401, 429),
                                                   device=f"stranger {n}").status, range(guesses)))
    # five are free and the sixth sets the first delay; a slow machine may outlive one or two of those
    assert 6 <= statuses.count(401) <= 8, statuses


@pytest.fixture
def replica(stack):
    """A second process of identity beside the one of the copy."""
    other = Replica(stack, "identity")
    other.start()
    try:
        other.wait_ready()
        yield other
    finally:
        other.stop()


def test_replicas_count_together_and_know_the_same_sessions(env, person, sql, replica):
    there = Api(env, url=replica.url)
    exhaust(person, person.email, sql, device="stranger")
    sign_in(there, person.email, person.password, device="stranger", expect=429).says("too_many_requests")
    assert there.get("/v1/me", token=person.token, expect=200)["id"] == person.id
    successor = refresh(there, person.refresh_token)["refresh_token"]
    assert refresh(person, person.refresh_token)["refresh_token"] == successor      # an honest retry, at the other one
    person.post("/v1/auth/logout", {"scope": "all"}, expect=204)
    eventually("the other refuses it too", lambda: there.get("/v1/me", token=person.token).status == 401)


def test_a_hash_of_lower_cost_is_renewed_at_sign_in(person, sql):
    old = Argon2id(salt=secrets.token_bytes(16), length=32, iterations=1, lanes=1, memory_cost=9216) \
        .derive_phc_encoded(person.password.encode())
    sql("identity", "UPDATE users SET password_hash = %s WHERE id = %s", old, person.id)
    sign_in(person, person.email, "guess", expect=401)
    stored = "SELECT password_hash FROM users WHERE id = %s"
    assert sql("identity", stored, person.id) == [{"password_hash": old}], "who guesses renews nothing"
    sign_in(person, person.email, person.password)
    [renewed] = sql("identity", stored, person.id)
    assert renewed["password_hash"].startswith("$argon2id$") and "m=9216" not in renewed["password_hash"]
    sign_in(person, person.email, person.password)


def test_right_passwords_are_not_counted(env, person, sql):
    for _ in range(8):
        sign_in(person, person.email, person.password, device="stranger")
    sign_in(person, person.email, "guess", expect=401, device="stranger")
    person.post("/v1/auth/step-up", {"password": person.password}, token=person.sign_in().token, expect=204)


# ---- sessions ----

def test_a_sixth_session_ends_the_oldest(env, person, sql):
    for n in range(5):
        sign_in(person, person.email, person.password, device=f"device {n}")
    rows = sql("identity", "SELECT revoked_cause FROM user_sessions s JOIN users u ON u.id = s.user_id"
                           " WHERE u.email = %s ORDER BY s.created_at", person.email)
    assert [r["revoked_cause"] for r in rows] == ["LIMIT"] + [None] * 5


@pytest.mark.parametrize("column", ["last_used_at", "expires_at"])
def test_a_session_ends_unused_and_in_any_case(env, person, column):
    """Its time is moved back in the table: nobody waits two weeks."""
    other = sign_in(person, person.email, person.password)
    with psycopg.connect(env["NXT_DB_IDENTITY"]) as db:
        db.execute(f"UPDATE user_sessions SET {column} = now() - interval '400 days' WHERE id = %s", [other["session_id"]])
    person.post("/v1/auth/refresh", {"refresh_token": other["refresh_token"]}, expect=401).says("token_invalid")


def test_sessions_are_listed_and_ended_by_their_owner_alone(env, person):
    other = sign_in(person, person.email, person.password, device="phone")
    listed = person.get("/v1/user-sessions", expect=200).items
    assert {s["id"] for s in listed} == {person.session_id, other["session_id"]}
    assert all("session_token" not in s for s in listed)
    stranger = Person(env).register().sign_in()
    stranger.delete(f"/v1/user-sessions/{other['session_id']}", expect=404)
    stranger.get(f"/v1/user-sessions/{other['session_id']}", expect=404)
    person.delete(f"/v1/user-sessions/{other['session_id']}", expect=204)
    person.post("/v1/auth/refresh", {"refresh_token": other["refresh_token"]}, expect=401).says("token_invalid")
    eventually("its access token is refused",
               lambda: person.get("/v1/me", token=other["access_token"]).status == 401)
    person.get("/v1/me", expect=200)


@pytest.mark.parametrize("scope, survives", [("this", False), ("others", True), ("all", False)])
def test_logout_ends_what_it_says(person, scope, survives):
    other = sign_in(person, person.email, person.password, device="phone")
    person.post("/v1/auth/logout", {"scope": scope}, expect=204)
    mine = person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, token=None)
    theirs = person.post("/v1/auth/refresh", {"refresh_token": other["refresh_token"]}, token=None)
    assert (mine.status == 200) == survives
    assert (theirs.status == 200) == (scope == "this")


def test_logout_knows_its_scopes(person):
    person.post("/v1/auth/logout", {"scope": "planet"}, expect=422).says("validation_failed", "/scope")


# ---- refresh ----

PASSING = ("iat", "exp", "jti")     # claims that differ from token to token


def refresh(api, token, expect=200):
    return api.post("/v1/auth/refresh", {"refresh_token": token}, expect=expect, token=None)


def test_an_ended_token_bars_no_way_to_a_fresh_one(person, cast):
    """Clients send Authorization with every call, also where it is what they come to replace."""
    for worn in ("no.such.token", person.token):
        person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, expect=200, token=worn)
        person.sign_in()
    cast.admin.post(f"/v1/users/{person.id}/suspend", {"reason": "A test of it."}, expect=200)
    eventually("the old token is refused", lambda: person.get("/v1/me").status == 401)
    restricted = sign_in(person, person.email, person.password)["access_token"]
    person.post("/v1/auth/password/forgot", {"email": person.email}, expect=202, token=restricted)


def test_refresh_twice_at_once_gives_one_successor(env, person):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: refresh(Person(env), person.refresh_token), range(6)))
    assert len({a["refresh_token"] for a in answers}) == 1
    refresh(person, answers[0]["refresh_token"])


def test_refresh_with_a_retired_token_ends_the_family(person, sql):
    me, first = person.id, person.refresh_token
    second = refresh(person, first)["refresh_token"]
    third = refresh(person, second)["refresh_token"]
    refresh(person, first, expect=401).says("token_reused")
    refresh(person, third, expect=401).says("token_invalid")
    rows = sql("identity", "SELECT revoked, family_id FROM refresh_tokens WHERE session_id = %s", person.session_id)
    assert len(rows) == 3 and all(r["revoked"] for r in rows) and len({r["family_id"] for r in rows}) == 1
    eventually("audit tells of it", lambda: sql(
        "audit", "SELECT id FROM audit_logs WHERE metadata_json->>'event_type' = 'token.reuse_detected'"
                 " AND entity_id = %s AND status = 'FAILED'", me))
    # theft ends a session, never an account
    person.sign_in()


def test_who_refreshes_at_once_is_answered_for_themselves(env, person):
    """They share a transaction. Who asks twice, was robbed or shows nonsense costs nobody else anything."""
    company = Person(env, account_type="COMPANY").register()
    robbed, *people = [Person(env, email=p.email, password=p.password).sign_in() for p in (person, company) * 3]
    retired = robbed.refresh_token
    robbed.refresh().refresh()
    tokens = [*(p.refresh_token for p in people), people[0].refresh_token, retired, "never given"]
    *answers, again, reused, unknown = together(
        *(lambda t=t: refresh(Person(env), t, expect=(200, 401)) for t in tokens))
    reused.says("token_reused")
    unknown.says("token_invalid")
    assert again["refresh_token"] == answers[0]["refresh_token"]
    assert len({a["refresh_token"] for a in answers}) == len(people)
    for p, answer in zip(people, answers, strict=True):
        before, after = claims_of(p.token), claims_of(answer["access_token"])
        assert answer["session_id"] == p.session_id
        assert {k: v for k, v in after.items() if k not in PASSING} == {k: v for k, v in before.items() if k not in PASSING}
        refresh(p, answer["refresh_token"])


def test_refresh_refuses_what_it_never_gave(anyone):
    refresh(anyone, "never given", expect=401).says("token_invalid")


# ---- passwords ----

def test_password_reset_ends_every_session(env, person, mailbox, sql):
    before = {m["id"] for m in mailbox.all(person.email)}
    known = person.post("/v1/auth/password/forgot", {"email": person.email}, expect=202, token=None)
    unknown = person.post("/v1/auth/password/forgot", {"email": address()}, expect=202, token=None)
    assert known.json == unknown.json
    token = reset_token(mailbox, person, before)
    person.post("/v1/auth/password/reset", {"token": token, "password": "short"}, expect=422, token=None)
    old_device = sign_in(person, person.email, person.password, device="old")["device_token"]
    reset = person.post("/v1/auth/password/reset", {"token": token, "password": GOOD}, expect=200, token=None)
    exhaust(person, person.email, sql)
    sign_in(person, person.email, GOOD, device_token=old_device, expect=429)
    sign_in(person, person.email, GOOD, device_token=reset["device_token"])
    person.post("/v1/auth/password/reset", {"token": token, "password": GOOD}, expect=400,
                token=None).says("token_invalid")
    refresh(person, person.refresh_token, expect=401)
    sign_in(person, person.email, person.password, expect=401)
    sign_in(person, person.email, GOOD)


def test_password_change_needs_the_current_one(person):
    body = {"current_password": "not it at all", "new_password": GOOD}
    person.post("/v1/auth/password/change", body, expect=401).says("bad_credentials")
    person.post("/v1/auth/password/change", {"current_password": person.password, "new_password": person.email},
                expect=422).says("validation_failed", "/new_password")
    person.post("/v1/auth/password/change", {"current_password": person.password, "new_password": GOOD}, expect=204)
    eventually("the old session is refused", lambda: person.get("/v1/me").status == 401)
    sign_in(person, person.email, GOOD)


def test_open_links_end_with_a_new_password_or_address(env, person, mailbox):
    """Also one that asks for another address: whoever asked may be whom the new password keeps out."""
    def ask_for_links():
        before, new = {m["id"] for m in mailbox.all(person.email)}, address("new")
        person.post("/v1/auth/password/forgot", {"email": person.email}, expect=202, token=None)
        person.post("/v1/me/email", {"email": new}, expect=202)
        return reset_token(mailbox, person, before), link_token(mailbox.wait(new, "token=")), new

    def refused(path, token, **more):
        person.post(path, {"token": token, **more}, expect=400, token=None).says("token_invalid")
    reset, confirm, _ = ask_for_links()
    person.post("/v1/auth/password/change", {"current_password": person.password, "new_password": GOOD}, expect=204)
    refused("/v1/auth/password/reset", reset, password="another long phrase")
    refused("/v1/me/email/confirm", confirm)
    person.password = GOOD
    person.sign_in()
    reset, confirm, person.email = ask_for_links()
    person.post("/v1/me/email/confirm", {"token": confirm}, expect=200, token=None)
    refused("/v1/auth/password/reset", reset, password="another long phrase")


def test_a_reset_refuses_the_address_as_password(person, mailbox):
    before = {m["id"] for m in mailbox.all(person.email)}
    person.post("/v1/auth/password/forgot", {"email": person.email}, expect=202, token=None)
    token = reset_token(mailbox, person, before)
    person.post("/v1/auth/password/reset", {"token": token, "password": person.email}, expect=422,
                token=None).says("validation_failed", "/password")
    person.post("/v1/auth/password/reset", {"token": token, "password": GOOD}, expect=200, token=None)


# ---- what was refused is told ----

def test_refusals_are_told(env, person, sql):
    def told(event_type):
        return {event.reason for event in published(env, event_type, person.id)}
    sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE id = %s", person.session_id)
    when_refusals_are_told()
    person.post("/v1/me/phone", {"phone": None}, expect=401).says("step_up_required")
    person.get("/v1/permissions", expect=403)
    eventually("both are told", lambda: told("access.denied") >= {"step_up_required", "forbidden"})
    exhaust(person, person.email, sql)
    eventually("and that it was throttled", lambda: told("auth.failed") >= {"bad_credentials", "rate_limited"})
    somebody = "SELECT FROM audit_logs WHERE metadata_json->>'event_type' = 'auth.failed' AND request_id = %s"
    for path, body in (("/v1/auth/refresh", {"refresh_token": "made up"}), ("/v1/auth/verify-email", {"token": "made up"}),
                       ("/v1/auth/password/reset", {"token": "made up", "password": GOOD}),
                       ("/v1/auth/totp", {"challenge": "made up", "code": "000000"})):
        answer = person.post(path, body, expect=(400, 401), token=None)
        eventually(f"{path} too", lambda a=answer: sql("audit", somebody, a["request_id"]))


# ---- address and number ----

def test_contact_changes_need_a_fresh_proof(person, sql, mailbox):
    sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE id = %s",
        person.session_id)
    new = address("new")
    person.post("/v1/me/email", {"email": new}, expect=401).says("step_up_required")
    person.post("/v1/me/phone", {"phone": "+919812345678"}, expect=401).says("step_up_required")
    person.post("/v1/auth/step-up", {"password": "wrong password"}, expect=401).says("bad_credentials")
    person.post("/v1/auth/step-up", {"password": person.password}, expect=204)
    person.post("/v1/me/email", {"email": new}, expect=202)
    assert person.get("/v1/me", expect=200)["email"] == person.email, "nothing changes before the link is followed"
    token = link_token(mailbox.wait(new, "token="))
    person.post("/v1/me/email/confirm", {"token": token}, expect=200, token=None)
    assert person.get("/v1/me", expect=200)["email"] == new
    person.post("/v1/me/email/confirm", {"token": token}, expect=400, token=None).says("token_invalid")


def test_links_to_a_new_address_are_few(env, person):
    other, new = Person(env).register().sign_in(), address("new")
    for who in [person] * 5 + [other] * 5:
        who.post("/v1/me/email", {"email": new}, expect=202)
    assert int(person.post("/v1/me/email", {"email": address()}, expect=429).says(
        "too_many_requests").headers["Retry-After"]) > 60
    eventually("the mails are sent", lambda: len(person.mailbox.all(new)) == 5)


def test_of_two_who_confirm_one_address_the_second_is_told_so(env, mailbox):
    """Whether the first is there already or still at it: its token is no good any more."""
    for _ in range(4):
        new, who = address("new"), [Person(env).register().sign_in() for _ in range(4)]
        for one in who:
            one.post("/v1/me/email", {"email": new}, expect=202)
        eventually("all have their links", lambda: len(mailbox.all(new)) == 4)
        answers = together(*(lambda one=one, mail=mail: one.post(
            "/v1/me/email/confirm", {"token": link_token(mail)}, expect=(200, 400, 409), token=None)
            for one, mail in zip(who, mailbox.all(new))))
        assert sorted(a.status for a in answers) == [200, 400, 400, 400], [a.json for a in answers]


def test_phone_is_kept_in_one_form(person):
    digits = f"98{secrets.randbelow(10**8):08}"
    assert person.post("/v1/me/phone", {"phone": f"{digits[:5]} {digits[5:]}"}, expect=200)["phone"] == f"+91{digits}"
    assert person.post("/v1/me/phone", {"phone": None}, expect=200)["phone"] is None
    person.post("/v1/me/phone", {"phone": "call me"}, expect=422).says("validation_failed", "/phone")


# ---- the caller's own ----

def test_settings_merge(person):
    assert person.get("/v1/me/settings", expect=200)["settings_json"] == {}
    person.patch("/v1/me/settings", {"settings_json": {}}, etag="*", expect=412).says("stale_etag")
    person.patch("/v1/me/settings", {"settings_json": {"notifications": {"email": True, "sms": True}}}, expect=200)
    person.patch("/v1/me/settings", {"settings_json": {"notifications": {"sms": None}}}, expect=200)
    assert person.get("/v1/me/settings", expect=200)["settings_json"] == {"notifications": {"email": True}}
    person.patch("/v1/me/settings", {"settings_json": []}, expect=422)
    # Stored it would be 301 digits, which nobody could read back.
    person.patch("/v1/me/settings", {"settings_json": {"a": [{"b": -1e300}]}}, expect=422).says("validation_failed",
                                                                                              "/settings_json")
    read = person.get("/v1/me/settings", expect=200)
    person.patch("/v1/me/settings", {"settings_json": {"a": 1}}, etag=read.etag, expect=200)
    person.patch("/v1/me/settings", {"settings_json": {"a": 2}}, etag=read.etag, expect=412).says("stale_etag")


def test_me_is_not_changed_over_what_was_not_seen(person):
    seen = person.get("/v1/me", expect=200).etag
    changed = person.patch("/v1/me", {"display_name": "first"}, etag=seen, expect=200)
    person.patch("/v1/me", {"display_name": "second"}, etag=seen, expect=412).says("stale_etag")
    person.patch("/v1/me", {"display_name": "third"}, etag=changed.etag, expect=200)


def test_display_name_is_ones_own(env, person):
    assert person.patch("/v1/me", {"display_name": "Zoë"}, expect=200)["display_name"] == "Zoë"
    for path in "/v1/me", f"/v1/users/{person.id}":
        for name in "Call +91 98765 43210", "me@example.org", "", " ", "\u200b\u2060":
            person.patch(path, {"display_name": name}, expect=422).says("validation_failed", "/display_name")
        assert person.patch(path, {"display_name": None}, expect=200)["display_name"] is None
    person.patch("/v1/me", {"email": "other@example.com"}, expect=422).says("validation_failed", "/email")
    stranger = Person(env).register().sign_in()
    stranger.get(f"/v1/users/{person.id}", expect=404)
    stranger.patch(f"/v1/users/{person.id}", {"display_name": "Mallory"}, expect=404)
