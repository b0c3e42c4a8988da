"""Passkeys: added, used, refused for each thing that may be wrong, and gone. The authenticator is `authenticator.py`."""
import concurrent.futures
import subprocess
import urllib.parse

import cbor2
import pytest
from authenticator import ATTESTED, EDDSA, ES256, EXTENDED, PRESENT, VERIFIED, Passkey, b64, unb64
from client import Api, Person, eventually
from test_identity_sign_in import lengthen_delays
from topics import published

MINE, SIGN_IN, STEP_UP, LOGIN = "/v1/me/passkeys", "/v1/auth/passkey", "/v1/auth/step-up", "/v1/auth/login"
UP_UV_AT = PRESENT | VERIFIED | ATTESTED


@pytest.fixture(scope="module")
def origin(env):
    """Where a page of the copy comes from: browsers have passkeys for names alone."""
    return f"http://localhost:{urllib.parse.urlsplit(env['NXT_GATEWAY_URL']).port}"


class Owner(Person):
    def add(self, origin, algorithm=ES256, counts=True, **body):
        passkey = Passkey(origin, algorithm, counts)
        options = self.post(f"{MINE}/options", expect=200)
        passkey.row = self.post(MINE, {**passkey.create(options.json), **body}, expect=201)
        return passkey


@pytest.fixture
def owner(env):
    return Owner(env).register().sign_in()


@pytest.fixture
def passkey(owner, origin):
    return owner.add(origin)


def options_of(anyone):
    return anyone.post(f"{SIGN_IN}/options", expect=200).json


def enter(anyone, passkey, expect=200, more=None, **change):
    return anyone.post(SIGN_IN, {**passkey.get(options_of(anyone), **change), **(more or {})}, expect=expect)


def step_back(person, sql):
    sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE id = %s",
        person.session_id)


@pytest.mark.parametrize("algorithm", [ES256, EDDSA])
def test_a_passkey_opens_the_account_by_itself(owner, anyone, origin, env, mailbox, algorithm):
    options = owner.post(f"{MINE}/options", expect=200).json
    assert options["rp"] == {"id": "localhost", "name": "Nxtgauge"} and options["attestation"] == "none"
    assert {p["alg"] for p in options["pubKeyCredParams"]} == {ES256, EDDSA}
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert len(unb64(options["challenge"])) == 32 and options["excludeCredentials"] == []
    assert unb64(options["user"]["id"]).hex() == owner.id.replace("-", "")

    passkey = owner.add(origin, algorithm, name="Asha's phone")
    assert passkey.row["name"] == "Asha's phone" and passkey.row["transports"] == ["internal", "hybrid"]
    assert passkey.row.headers["Location"] == f"{MINE}/{passkey.row['id']}"
    assert not {"credential_id", "public_key"} & set(passkey.row.json)
    [excluded] = owner.post(f"{MINE}/options", expect=200)["excludeCredentials"]
    assert excluded == {"type": "public-key", "id": b64(passkey.id), "transports": ["internal", "hybrid"]}

    asked = options_of(anyone)
    assert asked["allowCredentials"] == [] and asked["userVerification"] == "required"
    opened = enter(anyone, passkey, more={"client": "UI", "device": "phone"})
    assert anyone.get("/v1/me", token=opened["access_token"], expect=200)["id"] == owner.id
    assert opened["device_token"]
    anyone.post("/v1/auth/refresh", {"refresh_token": opened["refresh_token"]}, expect=200)
    enter(anyone, passkey)
    [row] = owner.get(MINE, expect=200).items
    assert (row["sign_count"], row["id"]) == (3, passkey.row["id"]) and row["last_used_at"]
    eventually("the sign-in is published", lambda: "passkey" in {
        e.method for e in published(env, "session.opened", owner.id)})
    assert "Asha's phone" in mailbox.wait(owner.email, "A passkey was added")["text"]


def challenge_of(anyone, owner, words="/v1/auth/passkey"):
    """What a right password gets where it does not suffice; `words` of how to go on."""
    refused = anyone.post(LOGIN, {"email": owner.email, "password": owner.password}, expect=401).says("second_factor_required")
    assert words in refused["detail"] and "access_token" not in refused
    return refused["challenge"]


def test_a_passkey_is_the_second_factor_of_a_password(owner, passkey, anyone, origin, sql):
    """Where there is one, the password opens nothing by itself; with its challenge the passkey need not say whose it is."""
    options = anyone.post(f"{SIGN_IN}/options", {"challenge": challenge_of(anyone, owner)}, expect=200).json
    assert [c["id"] for c in options["allowCredentials"]] == [b64(passkey.id)] and options["rpId"] == "localhost"
    anyone.post("/v1/auth/totp", {"challenge": options["challenge"], "code": "123456"}, expect=401).says("bad_credentials")
    opened = anyone.post(SIGN_IN, passkey.get(options, handle=None), expect=200)
    assert anyone.get("/v1/me", token=opened["access_token"], expect=200)["id"] == owner.id
    anyone.post(SIGN_IN, passkey.get(options), expect=400).says("token_invalid")
    # a wrong answer uses it up, and by itself the passkey asks for no password
    options = anyone.post(f"{SIGN_IN}/options", {"challenge": challenge_of(anyone, owner)}, expect=200).json
    anyone.post(SIGN_IN, passkey.get(options, signature=bytes(70)), expect=401).says("bad_credentials")
    anyone.post(SIGN_IN, passkey.get(options), expect=400).says("token_invalid")
    enter(anyone, passkey)
    # an authenticator beside it: either does
    sql("identity", "INSERT INTO user_totps (user_id, secret_box, confirmed_at) VALUES (%s, 'x', now())", owner.id)
    anyone.post(SIGN_IN, passkey.get({"challenge": challenge_of(anyone, owner, "/v1/auth/totp, or"), "rpId": "localhost"}), expect=200)
    sql("identity", "DELETE FROM user_totps WHERE user_id = %s", owner.id)
    # and with the last of them gone the password is enough again
    owner.delete(f"{MINE}/{passkey.row['id']}", expect=204)
    owner.sign_in()


def test_a_lost_passkey_is_replaced_by_a_recovery_code(owner, passkey, anyone, origin):
    codes = owner.post("/v1/me/totp/recovery-codes", expect=200)["recovery_codes"]
    challenge = challenge_of(anyone, owner)
    wrong = anyone.post("/v1/auth/totp", {"challenge": challenge, "recovery_code": codes[0][::-1]}, expect=401)
    wrong.says("bad_credentials")
    token = anyone.post("/v1/auth/totp", {"challenge": challenge, "recovery_code": codes[0]}, expect=200)["access_token"]
    anyone.delete(f"{MINE}/{passkey.row['id']}", token=token, expect=204)
    assert owner.get("/v1/me/totp", expect=200)["recovery_codes_left"] == 0
    owner.post("/v1/me/totp/recovery-codes", expect=409).says("conflict")


def test_anothers_challenge_is_not_answered(owner, passkey, anyone, env, origin):
    other = Owner(env).register().sign_in()
    theirs = other.add(origin)
    challenge = challenge_of(anyone, other)
    anyone.post(SIGN_IN, passkey.get({"challenge": challenge, "rpId": "localhost"}), expect=400).says("token_invalid")
    anyone.post(SIGN_IN, theirs.get({"challenge": challenge, "rpId": "localhost"}), expect=200)
    # one of nobody's, one used up: neither tells whose passkeys there are
    for challenge in (options_of(anyone)["challenge"], challenge, "x", ""):
        anyone.post(f"{SIGN_IN}/options", {"challenge": challenge}, expect=(400, 422))


# ---- enrolment refused ----

def packed_self(passkey, algorithm=ES256, spoil=b""):
    return lambda data, hashed: {"fmt": "packed", "authData": data,
                                 "attStmt": {"alg": algorithm, "sig": passkey.sign(data + hashed + spoil)}}


P256_ONE = {1: 2, 3: -7, -1: 1, -2: (1).to_bytes(32, "big"), -3: (1).to_bytes(32, "big")}
WRONG_NEW = {
    "origin": {"client": {"origin": "https://evil.example"}},
    "port": {"client": {"origin": "http://localhost:1"}},
    "type": {"client": {"type": "webauthn.get"}},
    "frame": {"client": {"crossOrigin": True}},
    "rp": {"rp_id": "evil.example"},
    "not present": {"flags": VERIFIED | ATTESTED},
    "not verified": {"flags": PRESENT | ATTESTED},
    "nothing attested": {"flags": PRESENT | VERIFIED, "rest": b""},
    "trailing bytes": {"rest": lambda p: p.attested() + b"\0"},
    "extensions missing": {"flags": UP_UV_AT | EXTENDED},
    "short": {"rest": lambda p: p.attested()[:40]},
    "RS256": {"rest": lambda p: p.attested({1: 3, 3: -257, -1: bytes(256), -2: b"\1\0\1"})},
    "no algorithm": {"rest": lambda p: p.attested({k: v for k, v in p.cose().items() if k != 3})},
    "other curve": {"rest": lambda p: p.attested({**p.cose(), -1: 2})},
    "off the curve": {"rest": lambda p: p.attested(P256_ONE)},
    "small order": {"rest": lambda p: p.attested({1: 1, 3: -8, -1: 6, -2: bytes(32)})},
    "fmt fido-u2f": {"attestation": lambda p: lambda d, h: {"fmt": "fido-u2f", "attStmt": {}, "authData": d}},
    "none with a statement": {"attestation": lambda p: lambda d, h: {"fmt": "none", "attStmt": {"x": 1}, "authData": d}},
    "packed by another": {"attestation": lambda p: packed_self(p, spoil=b"!")},
    "packed of another kind": {"attestation": lambda p: packed_self(p, EDDSA)},
    "no authData": {"attestation": lambda p: lambda d, h: {"fmt": "none", "attStmt": {}}},
    "garbage": {"attestation": lambda p: lambda d, h: b"\xff" * 60},
    "trailing CBOR": {"attestation": lambda p: lambda d, h: cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": d}) + b"\0"},
    "deep": {"attestation": lambda p: lambda d, h: b"\x81" * 4000},
    "endless": {"attestation": lambda p: lambda d, h: b"\xbf\x63fmt\x64none\xff"},
    "huge": {"attestation": lambda p: lambda d, h: b"\xbb\x7f" + b"\xff" * 7 + b"\x63fmt"},
}


def test_a_wrong_new_passkey_is_refused(owner, origin):
    options = owner.post(f"{MINE}/options", expect=200).json
    for what, change in WRONG_NEW.items():
        passkey = Passkey(origin)
        change = {k: v(passkey) if callable(v) else v for k, v in change.items()}
        pointer = "/response/" + ("clientDataJSON" if "client" in change else "attestationObject")
        refused = owner.post(MINE, passkey.create(options, **change), expect=422)
        assert refused.says("validation_failed", pointer), what
    good = Passkey(origin).create(options)
    owner.post(MINE, {**good, "id": b64(b"another")}, expect=422).says("validation_failed", "/id")
    for name in ("clientDataJSON", "attestationObject"):
        for value in (None, 5, "", "not base64url!", b64(b"{")[:-1] + "=", "A" * 20000):
            body = {**good, "response": {**good["response"], name: value}}
            owner.post(MINE, body, expect=422).says("validation_failed", f"/response/{name}")
    owner.post(MINE, {**good, "response": []}, expect=422)
    assert owner.get(MINE, expect=200).items == []
    owner.post(MINE, good, expect=201)  # none of them used the challenge up


def test_what_browsers_may_leave_in_is_taken(owner, origin, anyone):
    for change in ({"flags": UP_UV_AT | EXTENDED, "rest": lambda p: p.attested() + cbor2.dumps({"credProtect": 2})},
                   {"attestation": lambda p: packed_self(p)}):
        passkey = Passkey(origin)
        options = owner.post(f"{MINE}/options", expect=200).json
        owner.post(MINE, passkey.create(options, **{k: v(passkey) if callable(v) else v for k, v in change.items()}), expect=201)
        enter(anyone, passkey, flags=PRESENT | VERIFIED | EXTENDED, rest=cbor2.dumps({"uvm": [[2, 4, 2]]}))


def test_a_challenge_of_enrolment_is_answered_once_by_its_user(owner, origin, env, sql, anyone):
    options = owner.post(f"{MINE}/options", expect=200).json
    first, second = Passkey(origin), Passkey(origin)
    other = Owner(env).register().sign_in()
    other.post(MINE, first.create(options), expect=400).says("token_invalid")
    owner.post(MINE, first.create(options), expect=201)
    owner.post(MINE, second.create(options), expect=400).says("token_invalid")
    owner.post(MINE, second.create({**options, "challenge": b64(bytes(32))}), expect=400).says("token_invalid")
    # one put for another purpose does not do
    asked = options_of(anyone)
    owner.post(MINE, second.create({**options, "challenge": asked["challenge"]}), expect=400).says("token_invalid")
    late = owner.post(f"{MINE}/options", expect=200).json
    sql("identity", "UPDATE auth_challenges SET expires_at = now() WHERE user_id = %s", owner.id)
    owner.post(MINE, second.create(late), expect=400).says("token_invalid")
    # an authenticator's id is one user's
    fresh = other.post(f"{MINE}/options", expect=200).json
    other.post(MINE, first.create(fresh), expect=409).says("already_exists")
    assert options["challenge"].encode() not in b"".join(
        bytes(r["challenge"]) for r in sql("identity", "SELECT challenge FROM auth_challenges"))


# ---- sign-in refused ----

WRONG_ANSWER = {
    "origin": {"client": {"origin": "https://evil.example"}},
    "type": {"client": {"type": "webauthn.create"}},
    "frame": {"client": {"crossOrigin": True}},
    "rp": {"rp_id": "evil.example"},
    "not present": {"flags": VERIFIED},
    "not verified": {"flags": PRESENT},
    "trailing bytes": {"rest": b"\0"},
    "no handle": {"handle": None},
    "anothers handle": {"handle": b64(bytes(16))},
}


def test_a_wrong_answer_is_refused(owner, passkey, anyone, origin, sql):
    for what, change in WRONG_ANSWER.items():
        assert enter(anyone, passkey, 401, **change).says("bad_credentials"), what
        sql("identity", "DELETE FROM auth_throttles")
    stranger, other = Passkey(origin), owner.add(origin, EDDSA)
    stranger.handle = passkey.handle
    told = enter(anyone, stranger, 401).says("bad_credentials")["detail"]
    # known or not, the refusal is the same
    stranger.id = passkey.id
    assert enter(anyone, stranger, 401)["detail"] == told
    enter(anyone, passkey, 401, signature=bytes(70))
    # an Ed25519 signature under the id of a P-256 key, and the other way round
    passkey.id, other.id = other.id, passkey.id
    enter(anyone, passkey, 401).says("bad_credentials")
    enter(anyone, other, 401).says("bad_credentials")
    passkey.id, other.id = other.id, passkey.id
    sql("identity", "DELETE FROM auth_throttles")
    enter(anyone, passkey)


def test_a_challenge_is_answered_once(passkey, anyone, sql):
    options = options_of(anyone)
    answer = passkey.get(options)
    anyone.post(SIGN_IN, answer, expect=200)
    anyone.post(SIGN_IN, answer, expect=400).says("token_invalid")
    anyone.post(SIGN_IN, passkey.get(options), expect=400).says("token_invalid")
    # a wrong answer uses it up too
    options = options_of(anyone)
    anyone.post(SIGN_IN, passkey.get(options, signature=bytes(70)), expect=401).says("bad_credentials")
    anyone.post(SIGN_IN, passkey.get(options), expect=400).says("token_invalid")
    options = options_of(anyone)
    answers = [passkey.get(options) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda a: Api(anyone.env).post(SIGN_IN, a, expect=(200, 400)).status, answers))
    assert sorted(statuses) == [200, 400, 400, 400]


def test_malformed_answers_name_the_field(passkey, anyone):
    good = passkey.get(options_of(anyone))
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        for value in (None, {}, "", "no base64url!", "A" * 20000):
            body = {**good, "response": {**good["response"], name: value}}
            anyone.post(SIGN_IN, body, expect=422).says("validation_failed", f"/response/{name}")
    anyone.post(SIGN_IN, {"response": good["response"]}, expect=422).says("validation_failed", "/id")
    anyone.post(SIGN_IN, {**good, "id": "!"}, expect=422).says("validation_failed", "/id")
    anyone.post(SIGN_IN, good, expect=200)


def test_a_counter_that_goes_back_is_refused_and_told(owner, passkey, anyone, origin, mailbox, sql, env):
    enter(anyone, passkey)
    for count in (0, 1, 0):  # the next answers carry one more: 1, 2, 1, of which 2 is the highest seen
        passkey.count = count
        enter(anyone, passkey, 401).says("bad_credentials")
    passkey.counts, passkey.count = False, 0
    enter(anyone, passkey, 401).says("bad_credentials")
    assert mailbox.wait(owner.email, "may have been copied")
    [told, *_] = eventually("it is published", lambda: published(env, "passkey.clone_suspected", passkey.row["id"]))
    assert (told.sign_count, told.received_count, told.user_id) == (2, 1, owner.id)
    eventually("audit tells of it", lambda: sql(
        "audit", "SELECT FROM audit_logs WHERE metadata_json->>'event_type' = 'passkey.clone_suspected'"
                 " AND entity_id = %s AND status = 'FAILED'", passkey.row["id"]))
    sql("identity", "DELETE FROM auth_throttles")
    passkey.counts, passkey.count = True, 6
    enter(anyone, passkey)
    # one that never counts is not asked to
    still = owner.add(origin, counts=False)
    enter(anyone, still)
    enter(anyone, still)


def test_guesses_are_throttled_and_the_owners_device_is_not(passkey, anyone, owner, sql):
    token = enter(anyone, passkey, more={"device": "phone"})["device_token"]
    statuses = [enter(anyone, passkey, (401, 429), signature=bytes(70)).status for _ in range(8)]
    assert statuses[:5] == [401] * 5 and 429 in statuses, statuses
    lengthen_delays(sql)
    enter(anyone, passkey, 429).says("too_many_requests")
    enter(anyone, passkey, more={"device_token": token})
    # nor do they delay the password
    challenge_of(anyone, owner)


def test_who_may_not_sign_in_by_password_may_not_by_passkey(owner, passkey, anyone, cast, sql):
    cast.admin.sign_in().post(f"/v1/users/{owner.id}/suspend", {"reason": "looked at"}, expect=200)
    opened = enter(anyone, passkey)
    anyone.get("/v1/me", token=opened["access_token"], expect=200)
    anyone.patch("/v1/me", {"display_name": "x"}, token=opened["access_token"], expect=403).says("account_restricted")
    for path in (f"{MINE}/options", MINE):
        anyone.post(path, {}, token=opened["access_token"], expect=403).says("account_restricted")
    # one whose address was never confirmed, and who has a passkey all the same
    pending, late = Owner(anyone.env), Passkey(passkey.origin)
    pending.sign_up()
    [row] = sql("identity", "SELECT id FROM users WHERE email = %s", pending.email)
    late.handle = b64(row["id"].bytes)
    sql("identity", "INSERT INTO user_passkeys (id, user_id, credential_id, public_key) VALUES (gen_random_uuid(), %s, %s, %s)",
        row["id"], late.id, cbor2.dumps(late.cose()))
    enter(anyone, late, 401).says("bad_credentials")
    sql("identity", "UPDATE users SET status = 'ACTIVE' WHERE id = %s", row["id"])
    enter(anyone, late)


# ---- step-up ----

def test_step_up_takes_a_passkey(owner, passkey, anyone, origin, env, sql):
    step_back(owner, sql)
    owner.post(f"{MINE}/options", expect=401).says("step_up_required")
    options = owner.post(f"{STEP_UP}/options", expect=200).json
    assert [c["id"] for c in options["allowCredentials"]] == [b64(passkey.id)]
    other = Owner(env).register().sign_in()
    theirs = other.add(origin)
    owner.post(STEP_UP, {"passkey": theirs.get(options, handle=None)}, expect=401).says("bad_credentials")
    owner.post(STEP_UP, {"passkey": passkey.get(options)}, expect=400).says("token_invalid")  # used up by it
    owner.post(STEP_UP, {"passkey": passkey.get(options_of(anyone))}, expect=400).says("token_invalid")
    options = other.post(f"{STEP_UP}/options", expect=200).json
    owner.post(STEP_UP, {"passkey": passkey.get(options)}, expect=400).says("token_invalid")
    owner.post(f"{MINE}/options", expect=401).says("step_up_required")
    options = owner.post(f"{STEP_UP}/options", expect=200).json
    owner.post(STEP_UP, {"passkey": passkey.get(options, handle=None)}, expect=204)
    owner.post(f"{MINE}/options", expect=200)
    owner.post(STEP_UP, {"passkey": {}}, expect=422).says("validation_failed", "/passkey/id")
    owner.post(STEP_UP, {"passkey": {}, "password": "x"}, expect=422).says("validation_failed", "/password")
    anyone.post(f"{STEP_UP}/options", expect=401).says("unauthenticated")


# ---- keeping them ----

def test_they_are_renamed_and_removed_by_their_owner(owner, passkey, anyone, env, mailbox, sql):
    path = f"{MINE}/{passkey.row['id']}"
    other = Owner(env).register().sign_in()
    for who, status, code in ((anyone, 401, "unauthenticated"), (other, 404, "not_found")):
        who.patch(path, {"name": "mine"}, expect=status).says(code)
        who.delete(path, expect=status).says(code)
    assert other.get(MINE, expect=200).items == []
    renamed = owner.patch(path, {"name": "Old phone"}, etag=passkey.row.etag, expect=200)
    assert (renamed["name"], renamed["version"]) == ("Old phone", 2)
    owner.patch(path, {"name": "x"}, etag=passkey.row.etag, expect=412).says("stale_etag")
    owner.patch(path, {"name": None}, expect=422).says("validation_failed", "/name")
    step_back(owner, sql)
    owner.delete(path, expect=401).says("step_up_required")
    owner.post(STEP_UP, {"password": owner.password}, expect=204)
    assert "second factor" in owner.delete(path, expect=401).says("step_up_required")["detail"]
    owner.post(STEP_UP, {"passkey": passkey.get(owner.post(f"{STEP_UP}/options", expect=200).json)}, expect=204)
    owner.delete(path, expect=204)
    owner.delete(path, expect=404).says("not_found")
    enter(anyone, passkey, 401).says("bad_credentials")
    assert "Old phone" in mailbox.wait(owner.email, "A passkey was removed")["text"]
    for kind in ("passkey.added", "passkey.changed", "passkey.removed"):
        eventually(f"{kind} is in audit", lambda k=kind: sql(
            "audit", "SELECT FROM audit_logs WHERE metadata_json->>'event_type' = %s AND entity_id = %s", k, passkey.row["id"]))


def test_one_may_have_twenty(owner, origin, sql):
    for _ in range(2):
        owner.add(origin)
    sql("identity", "INSERT INTO user_passkeys (id, user_id, credential_id, public_key)"
                    " SELECT gen_random_uuid(), %s, uuid_send(gen_random_uuid()), 'x' FROM generate_series(1, 18)", owner.id)
    options = owner.post(f"{MINE}/options", expect=200).json
    assert len(options["excludeCredentials"]) == 20
    owner.post(MINE, Passkey(origin).create(options), expect=409).says("conflict")


def test_export_lists_them_without_keys_and_erasure_takes_them(owner, passkey, anyone, sql):
    [exported] = owner.get("/v1/me/export/identity", expect=200)["user_passkeys"]
    assert exported["id"] == passkey.row["id"] and not {"credential_id", "public_key"} & set(exported)
    owner.post("/v1/me/erase", {"confirm": "ERASE"}, expect=204)
    assert not sql("identity", "SELECT FROM user_passkeys WHERE user_id = %s", owner.id)
    enter(anyone, passkey, 401).says("bad_credentials")


@pytest.mark.parametrize("options", [
    {"NXT_PASSKEY_ORIGINS": "http://example.org"}, {"NXT_PASSKEY_RP_ID": "example.org"},
    {"NXT_PASSKEY_RP_ID": "example.org", "NXT_PASSKEY_ORIGINS": "http://example.org"},
    {"NXT_PASSKEY_RP_ID": "example.org", "NXT_PASSKEY_ORIGINS": "https://example.org, https://badexample.org"},
    {"NXT_PASSKEY_RP_ID": "example.org", "NXT_PASSKEY_ORIGINS": "https://example.org/"}])
def test_origins_that_are_not_of_the_domain_are_no_start(stack, options):
    daemon = stack.daemons["identity"]
    env = {**daemon.environment(), "NXT_LISTEN": "127.0.0.1:0", "NXT_OPS_LISTEN": "127.0.0.1:0", "NXT_ROLES": "api", **options}
    ended = subprocess.run([str(daemon.binary)], env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "PASSKEY_ORIGINS" in ended.stderr + ended.stdout
