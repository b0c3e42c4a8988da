"""The second factor: set up, asked for, taken once, and lost. Codes are this file's own arithmetic (RFC 6238)."""
import base64
import concurrent.futures
import hmac
import re
import time
import urllib.parse

import pytest
from client import Person, eventually
from topics import published

LOGIN, ANSWER, STEP_UP, TOTP = "/v1/auth/login", "/v1/auth/totp", "/v1/auth/step-up", "/v1/me/totp"


def code_at(secret, offset=0):
    """The code of the present step, or of one `offset` steps away."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, (int(time.time()) // 30 + offset).to_bytes(8, "big"), "sha1")
    at = mac[-1] & 15
    return f"{(int.from_bytes(mac[at:at + 4], 'big') & 0x7fffffff) % 10**6:06}"


def wrong_code(secret):
    near = {code_at(secret, offset) for offset in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777")
                if code not in near)


class Guarded(Person):
    """Somebody with a second factor."""

    def enable(self):
        fresh = self.post(TOTP, expect=201)
        self.secret = fresh["secret"]
        self.used_code = code_at(self.secret)
        self.codes = self.post(f"{TOTP}/confirm", {"code": self.used_code}, expect=200)["recovery_codes"]
        return self

    def challenge(self):
        body = {"email": self.email, "password": self.password, "client": "UI", "device": "phone"}
        return self.post(LOGIN, body, expect=401, token=None).says("second_factor_required")["challenge"]

    def answer(self, challenge, expect=200, **proof):
        return self.post(ANSWER, {"challenge": challenge, **proof}, expect=expect, token=None)

    def forget_steps(self, sql):
        """As if its owner had waited: every code counts again."""
        sql("identity", "UPDATE user_totps SET last_step = 0 WHERE user_id = %s", self.id)


@pytest.fixture
def person(env):
    return Guarded(env).register().sign_in()


@pytest.fixture
def guarded(person):
    return person.enable()


def step_back(person, sql):
    sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE id = %s",
        person.session_id)


def test_a_second_factor_is_asked_for_once_it_is_confirmed(person, env, mailbox):
    assert person.get(TOTP, expect=200).json == {"enabled": False, "recovery_codes_left": 0}
    fresh = person.post(TOTP, expect=201)
    assert len(base64.b32decode(fresh["secret"])) == 20
    uri = urllib.parse.urlsplit(fresh["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert urllib.parse.unquote(uri.path) == f"/Nxtgauge:{person.email}"
    assert urllib.parse.parse_qs(uri.query)["secret"] == [fresh["secret"]]
    person.sign_in()  # not confirmed: nothing is asked
    person.post(f"{TOTP}/confirm", {"code": wrong_code(fresh["secret"])}, expect=401).says("bad_credentials")
    confirmed = person.post(f"{TOTP}/confirm", {"code": code_at(fresh["secret"])}, expect=200)
    assert len(set(confirmed["recovery_codes"])) == 10
    assert person.get(TOTP, expect=200).json == {"enabled": True, "recovery_codes_left": 10}

    opened = person.answer(person.challenge(), code=code_at(fresh["secret"], 1))
    assert opened["session_id"] != person.session_id
    [session] = [s for s in person.get("/v1/user-sessions", token=opened["access_token"]).items
                 if s["id"] == opened["session_id"]]
    assert (session["client"], session["device"]) == ("UI", "phone")
    person.post("/v1/auth/refresh", {"refresh_token": opened["refresh_token"]}, expect=200, token=None)
    eventually("both sign-ins are published", lambda: {
        e.method for e in published(env, "session.opened", person.id)} >= {"password", "totp"})
    assert mailbox.wait(person.email, "Two-step sign-in is on")


def test_nothing_of_it_stands_in_the_clear(guarded, sql, env):
    guarded.answer(guarded.challenge(), recovery_code=guarded.codes[0])
    raw = base64.b32decode(guarded.secret)
    stored = str(sql("identity", "SELECT convert_from(secret_box, 'UTF8') FROM user_totps WHERE user_id = %s", guarded.id)) \
        + str(sql("identity", "SELECT * FROM user_recovery_codes WHERE user_id = %s", guarded.id))
    told = b"".join(e.SerializeToString() for t in ("second_factor.enabled", "recovery_code.used")
                    for e in eventually(t, lambda t=t: published(env, t, guarded.id)))
    bare = guarded.codes[0].replace("-", "")
    for secret in (guarded.secret, raw.hex(), guarded.codes[0], bare):
        assert secret not in stored and secret.encode() not in told
    assert len(sql("identity", "SELECT FROM user_recovery_codes WHERE user_id = %s", guarded.id)) == 10


def test_a_code_is_taken_once(guarded):
    guarded.answer(guarded.challenge(), 401, code=guarded.used_code).says("bad_credentials")
    code = code_at(guarded.secret, 1)
    challenge = guarded.challenge()
    guarded.answer(challenge, code=code)
    guarded.answer(challenge, 400, code=code).says("token_invalid")
    guarded.answer(guarded.challenge(), 401, code=code).says("bad_credentials")
    guarded.post(STEP_UP, {"code": code}, expect=401).says("bad_credentials")


def test_of_many_who_send_one_code_at_once_one_enters(guarded, env):
    code, challenges = code_at(guarded.secret, 1), [guarded.challenge() for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda c: Person(env).post(ANSWER, {"challenge": c, "code": code}, expect=(200, 401)).status,
                                 challenges))
    assert sorted(statuses) == [200, 401, 401, 401]


def test_of_many_answers_to_one_challenge_one_enters(guarded, env):
    challenge = guarded.challenge()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda c: Person(env).post(
            ANSWER, {"challenge": challenge, "recovery_code": c}, expect=(200, 400)).status, guarded.codes[:4]))
    assert sorted(statuses) == [200, 400, 400, 400]
    assert guarded.get(TOTP, expect=200)["recovery_codes_left"] == 9


def test_a_clock_may_be_off_by_one_step(guarded, sql):
    # a step may end before the answer is judged: these stay refused then, and those below accepted
    for offset in (-2, 3):
        guarded.forget_steps(sql)
        guarded.answer(guarded.challenge(), 401, code=code_at(guarded.secret, offset)).says("bad_credentials")
    for offset in (0, 1):
        guarded.forget_steps(sql)
        guarded.answer(guarded.challenge(), code=code_at(guarded.secret, offset))


def test_a_recovery_code_has_120_bits(guarded):
    """From 112 on a plain hash keeps it (OWASP ASVS 6.5.2)."""
    groups = "[a-z2-7]{4}"
    assert all(re.fullmatch("-".join([groups] * 6), code) for code in guarded.codes), guarded.codes


def test_a_recovery_code_is_good_once(guarded, mailbox):
    one, other = guarded.codes[:2]
    guarded.answer(guarded.challenge(), recovery_code=one.upper().replace("-", " "))
    guarded.answer(guarded.challenge(), 401, recovery_code=one).says("bad_credentials")
    guarded.answer(guarded.challenge(), recovery_code=other)
    assert guarded.get(TOTP, expect=200)["recovery_codes_left"] == 8
    assert "9 codes are left" in mailbox.wait(guarded.email, "9 codes are left")["text"]

    new = guarded.post(f"{TOTP}/recovery-codes", expect=200)["recovery_codes"]
    assert len(new) == 10 and not set(new) & set(guarded.codes)
    guarded.answer(guarded.challenge(), 401, recovery_code=guarded.codes[2]).says("bad_credentials")
    guarded.answer(guarded.challenge(), recovery_code=new[0])
    assert mailbox.wait(guarded.email, "new recovery codes")


def test_a_challenge_is_its_owners_and_ends(guarded, env, sql):
    body = {"challenge": "never given", "code": "000000"}
    guarded.post(ANSWER, body, expect=400, token=None).says("token_invalid")
    # another's code does not answer it, nor another's recovery code
    other = Guarded(env).register().sign_in().enable()
    guarded.answer(guarded.challenge(), 401, code=code_at(other.secret, 1)).says("bad_credentials")
    guarded.answer(guarded.challenge(), 401, recovery_code=other.codes[0]).says("bad_credentials")

    late = guarded.challenge()
    sql("identity", "UPDATE auth_challenges SET expires_at = now() WHERE user_id = %s", guarded.id)
    guarded.answer(late, 400, code=code_at(guarded.secret, 1)).says("token_invalid")

    old = guarded.challenge()
    sql("identity", "UPDATE users SET password_changed_at = now() WHERE id = %s", guarded.id)
    guarded.answer(old, 400, code=code_at(guarded.secret, 1)).says("token_invalid")
    assert all(old.encode() != bytes(r["challenge"]) for r in sql(
        "identity", "SELECT challenge FROM auth_challenges WHERE user_id = %s", guarded.id))


def test_the_answer_names_one_proof(guarded):
    challenge = guarded.challenge()
    guarded.answer(challenge, 422).says("validation_failed", "/code")
    guarded.answer(challenge, 422, code="000000", recovery_code="x").says("validation_failed", "/code")
    guarded.answer(challenge, 422, code="12345").says("validation_failed", "/code")
    guarded.post(STEP_UP, {}, expect=422).says("validation_failed", "/password")
    guarded.post(STEP_UP, {"password": "x", "code": "000000"}, expect=422).says("validation_failed", "/password")


def test_guesses_end_the_challenge_wait_and_are_told(guarded, mailbox, sql):
    challenge, wrong = guarded.challenge(), wrong_code(guarded.secret)
    for _ in range(5):
        guarded.answer(challenge, 401, code=wrong).says("bad_credentials")
    guarded.answer(challenge, 400, code=code_at(guarded.secret, 1)).says("token_invalid")
    # a right password does not make the next guesses free; the sixth sets the first delay
    statuses = [guarded.answer(guarded.challenge(), (401, 429), code=wrong).status for _ in range(4)]
    assert statuses[0] == 401 and 429 in statuses, statuses
    assert "5 wrong codes" in mailbox.wait(guarded.email, "Urgent: wrong codes")["text"]
    eventually("audit tells of it", lambda: sql(
        "audit", "SELECT FROM audit_logs WHERE metadata_json->>'event_type' = 'second_factor.refused'"
                 " AND entity_id = %s AND status = 'FAILED'", guarded.id))


def test_guesses_sent_at_once_are_counted_one_by_one(guarded, env):
    wrong, challenges = wrong_code(guarded.secret), [guarded.challenge() for _ in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda c: Person(env).post(
            ANSWER, {"challenge": c, "code": wrong}, expect=(401, 429)).status, challenges))
    assert 6 <= statuses.count(401) <= 8, statuses


def test_strangers_who_guess_passwords_do_not_delay_the_second_step(guarded):
    challenge = guarded.challenge()
    for n in range(8):
        guarded.post(LOGIN, {"email": guarded.email, "password": "guess", "device": f"stranger {n}"},
                     expect=(401, 429), token=None)
    guarded.answer(challenge, code=code_at(guarded.secret, 1))


def test_step_up_takes_a_code_where_there_is_one(person, sql):
    person.post(STEP_UP, {"code": "000000"}, expect=401).says("bad_credentials")
    person.enable()
    step_back(person, sql)
    person.post(STEP_UP, {"code": wrong_code(person.secret)}, expect=401).says("bad_credentials")
    person.post("/v1/me/phone", {"phone": None}, expect=401).says("step_up_required")
    person.post(STEP_UP, {"code": code_at(person.secret, 1)}, expect=204)
    person.post("/v1/me/phone", {"phone": None}, expect=200)
    step_back(person, sql)
    person.post(STEP_UP, {"password": person.password}, expect=204)


def test_changing_it_needs_a_fresh_proof(guarded, anyone, sql):
    step_back(guarded, sql)
    for method, path, body in (("POST", TOTP, {}), ("POST", f"{TOTP}/confirm", {"code": "000000"}),
                               ("POST", f"{TOTP}/recovery-codes", {}), ("DELETE", TOTP, None)):
        guarded.call(method, path, body, expect=401).says("step_up_required")
        anyone.call(method, path, body, expect=401).says("unauthenticated")
    anyone.get(TOTP, expect=401).says("unauthenticated")


def test_a_password_takes_no_second_factor_away(guarded, sql):
    """Who has a session and the password with it still lacks what the factor is there for."""
    step_back(guarded, sql)
    guarded.post(STEP_UP, {"password": guarded.password}, expect=204)
    for method, path in (("DELETE", TOTP), ("POST", f"{TOTP}/recovery-codes"), ("POST", "/v1/me/passkeys/options")):
        assert "second factor" in guarded.call(method, path, expect=401).says("step_up_required")["detail"]
    guarded.post("/v1/me/phone", {"phone": None}, expect=200)
    guarded.post(STEP_UP, {"code": code_at(guarded.secret, 1)}, expect=204)
    guarded.delete(TOTP, expect=204)


def test_who_knows_the_password_delays_no_device_of_the_owners(guarded, sql):
    mine = guarded.answer(guarded.challenge(), code=code_at(guarded.secret, 1))["device_token"]
    wrong = wrong_code(guarded.secret)
    sql("identity", "UPDATE user_sessions SET ip_address = '192.0.2.1' WHERE user_id = %s", guarded.id)
    statuses = [guarded.answer(guarded.challenge(), (401, 429), code=wrong).status for _ in range(8)]
    assert 429 in statuses
    sql("identity", "UPDATE auth_throttles SET blocked_until = now() + interval '1 minute' WHERE blocked_until > now()"
                    " AND NOT starts_with(scope_key, 'address:')")
    guarded.forget_steps(sql)
    guarded.answer(guarded.challenge(), 429, code=code_at(guarded.secret))
    guarded.post(STEP_UP, {"code": code_at(guarded.secret)}, expect=204)
    guarded.forget_steps(sql)
    guarded.answer(guarded.challenge(), code=code_at(guarded.secret), device_token=mine)


def test_it_is_enabled_once_and_disabled(guarded, mailbox):
    guarded.post(TOTP, expect=409).says("conflict")
    guarded.post(f"{TOTP}/confirm", {"code": code_at(guarded.secret, 1)}, expect=409).says("conflict")
    challenge = guarded.challenge()
    guarded.delete(TOTP, expect=204)
    guarded.answer(challenge, 401, code=code_at(guarded.secret, 1)).says("bad_credentials")
    guarded.answer(challenge, 401, recovery_code=guarded.codes[0]).says("bad_credentials")
    guarded.sign_in()
    assert mailbox.wait(guarded.email, "Two-step sign-in is off")
    # what needs one says so
    guarded.delete(TOTP, expect=404).says("not_found")
    guarded.post(f"{TOTP}/recovery-codes", expect=409).says("conflict")
    guarded.post(f"{TOTP}/confirm", {"code": "000000"}, expect=409).says("conflict")


def test_a_secret_that_nobody_confirmed_in_time_is_gone(person, sql):
    secret = person.post(TOTP, expect=201)["secret"]
    sql("identity", "UPDATE user_totps SET created_at = now() - interval '2 hours' WHERE user_id = %s", person.id)
    person.post(f"{TOTP}/confirm", {"code": code_at(secret)}, expect=409).says("conflict")
    # a second one replaces it
    again = person.post(TOTP, expect=201)["secret"]
    person.post(f"{TOTP}/confirm", {"code": code_at(secret)}, expect=401).says("bad_credentials")
    person.post(f"{TOTP}/confirm", {"code": code_at(again)}, expect=200)


def test_erasure_takes_it_along(guarded, sql):
    guarded.challenge()
    guarded.post("/v1/me/erase", {"confirm": "ERASE"}, expect=204)
    for table in ("user_totps", "user_recovery_codes", "auth_challenges"):
        assert not sql("identity", f"SELECT FROM {table} WHERE user_id = %s", guarded.id), table
