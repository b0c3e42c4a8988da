"""Signing up and confirming the address, as an outsider meets it."""
import re
import secrets
import unicodedata
import uuid

import pytest
import requests
from accounts import GOOD, address, reset_token, sign_in, sign_up
from client import Person, eventually, link_token


def without_request(answer):
    return {k: v for k, v in answer.json.items() if k != "request_id"}


def test_register_answers_alike_for_known_and_unknown(anyone, sql):
    email = address()
    first, second = sign_up(anyone, email), sign_up(anyone, email.upper())
    assert first.json == second.json == {"status": "PENDING"}
    rows = sql("identity", "SELECT status, account_type FROM users WHERE lower(email) = %s", email)
    assert rows == [{"status": "PENDING", "account_type": "INDIVIDUAL"}]


def test_register_never_changes_the_password_of_a_known_account(env, person):
    sign_up(person, person.email)
    Person(env, email=person.email, password=person.password).sign_in()


def links_to(env, sql, mailbox, email, **registrations):
    """Registers the address once for each password, in this order. The link that belongs to each."""
    found = {}
    for name, body in registrations.items():
        seen = {m["id"] for m in mailbox.all(email)}
        sign_up(Person(env), email, **body)
        found[name] = link_token(eventually("its mail", lambda s=seen: next(
            (m for m in mailbox.all(email) if m["id"] not in s), None)))
    return found


def test_the_registration_whose_link_is_followed_counts(env, sql, mailbox):
    """Whoever names a stranger's address first must not know the password of the account that becomes of it."""
    email, phone = address("owner"), f"+9198{secrets.randbelow(10**8):08}"
    links = links_to(env, sql, mailbox, email, stranger={"password": "the stranger's phrase", "phone": phone},
                     owner={"password": "the owner's phrase", "account_type": "COMPANY"})
    owner = Person(env, email=email, password="the owner's phrase")
    owner.post("/v1/auth/verify-email", {"token": links["owner"]}, expect=200)
    sign_in(owner, email, "the stranger's phrase", expect=401)
    me = owner.sign_in().get("/v1/me", expect=200)
    assert (me["account_type"], me["phone"]) == ("COMPANY", None)
    owner.post("/v1/auth/verify-email", {"token": links["stranger"]}, expect=400).says("token_invalid")


def test_a_link_of_no_registration_opens_no_password_of_several(env, sql, mailbox):
    email = address("owner")
    links_to(env, sql, mailbox, email, stranger={"password": "the stranger's phrase"}, owner={"password": "the owner's phrase"})
    owner = Person(env, email=email)
    sql("identity", "UPDATE one_time_tokens t SET created_at = now() - interval '1 hour' FROM users u"
                    " WHERE u.id = t.user_id AND u.email = %s", email)
    seen = {m["id"] for m in mailbox.all(email)}
    owner.post("/v1/auth/verify-email/resend", {"email": email}, expect=202)
    token = link_token(eventually("its mail", lambda: next((m for m in mailbox.all(email) if m["id"] not in seen), None)))
    owner.post("/v1/auth/verify-email", {"token": token}, expect=200)
    for password in ("the stranger's phrase", "the owner's phrase"):
        sign_in(owner, email, password, expect=401)
    seen = {m["id"] for m in mailbox.all(email)}
    owner.post("/v1/auth/password/forgot", {"email": email}, expect=202)
    owner.post("/v1/auth/password/reset", {"token": reset_token(mailbox, owner, seen), "password": GOOD}, expect=200)
    sign_in(owner, email, GOOD)


def test_registering_often_sends_few_mails(env, sql):
    email = address("often")
    for _ in range(8):
        sign_up(Person(env), email)
    eventually("all are looked into", lambda: not sql("identity", "SELECT FROM link_requests WHERE email = %s", email))
    assert len(sql("identity", "SELECT FROM one_time_tokens t JOIN users u ON u.id = t.user_id WHERE u.email = %s", email)) == 5


def test_register_keeps_an_address_in_one_form(anyone, sql):
    local = uuid.uuid4().hex[:12]
    sign_up(anyone, f"  Mixed.{local}@EXAMPLE.Com ")
    found = sql("identity", "SELECT email FROM users WHERE email LIKE %s", f"%{local}%")
    assert found == [{"email": f"Mixed.{local}@example.com"}]


def test_register_takes_international_addresses(anyone, sql):
    local = uuid.uuid4().hex[:12]
    sign_up(anyone, f"josé.{local}@BÜCHER.example")
    assert sql("identity", "SELECT email FROM users WHERE email LIKE %s", f"%{local}%") == \
        [{"email": f"josé.{local}@bücher.example"}]


def test_register_leaves_out_a_number_that_another_holds(anyone, person, sql):
    phone, email = f"+9198{secrets.randbelow(10**8):08}", address()
    person.post("/v1/me/phone", {"phone": phone}, expect=200)
    sign_up(anyone, email, phone=phone)
    rows = sql("identity", "SELECT phone FROM users WHERE email = ANY(%s) ORDER BY created_at", [person.email, email])
    assert [r["phone"] for r in rows] == [phone, None]


def test_a_number_is_nobodys_before_the_address_is_confirmed(env, person, sql):
    phone = f"+9198{secrets.randbelow(10**8):08}"
    sign_up(Person(env), address("squatter"), phone=phone)
    owner = Person(env)
    sign_up(owner, owner.email, phone=phone)
    held = sql("identity", "SELECT email FROM users WHERE phone = %s", phone)
    assert held == [{"email": owner.email}]
    person.post("/v1/me/phone", {"phone": phone}, expect=200)
    assert sql("identity", "SELECT email FROM users WHERE phone = %s", phone) == [{"email": person.email}]
    other = Person(env).register().sign_in()
    other.post("/v1/me/phone", {"phone": phone}, expect=409).says("already_exists", "/phone")


def test_register_names_every_wrong_field(anyone):
    refused = anyone.post("/v1/auth/register", {"email": "nowhere", "password": "short", "account_type": "ROBOT",
                                                "status": "ACTIVE"}, expect=422)
    for pointer in ("/email", "/password", "/account_type", "/status"):
        refused.says("validation_failed", pointer)


@pytest.mark.parametrize("password, code", [("1234567", "too_short"), ("password", "too_common"),
                                            ("x" * 257, "too_long")])
def test_register_refuses_unfit_passwords(anyone, password, code):
    refused = sign_up(anyone, address(), password=password, expect=422).says("validation_failed", "/password")
    assert [e["code"] for e in refused["errors"]] == [code]


def test_a_password_is_one_however_it_is_typed(env):
    """Composed or not, with whatever space: and as long as its characters, not as what was sent."""
    typed = [unicodedata.normalize(form, "é ² ﬁ " + "ñ" * 250) for form in ("NFD", "NFC")]
    assert len(typed[0]) > 256 == len(typed[1])
    person = Person(env, password=typed[0]).register()
    sign_in(person, person.email, typed[1].replace(" ", "\u00a0"))
    sign_in(person, person.email, unicodedata.normalize("NFKC", typed[1]), expect=401)


@pytest.mark.parametrize("written", ["xn--80ak6aa92e.com", "\uff45xample.com"])
def test_one_mailbox_has_one_account(env, anyone, person, written):
    """A domain in its letters, as DNS holds it and in full-width letters is the same."""
    email = f"{uuid.uuid4().hex[:12]}@{written}"
    read = {"xn--80ak6aa92e.com": "аррӏе.com"}.get(written, "example.com")
    for problem in (sign_up(anyone, email, expect=422), person.post("/v1/me/email", {"email": email}, expect=422)):
        assert read in problem.says("validation_failed", "/email")["errors"][0]["detail"]
    sign_up(anyone, email.replace(written, read))


def test_verify_email_takes_a_token_once(env, mailbox):
    person = Person(env)
    person.sign_up()
    token = link_token(mailbox.wait(person.email, "token="))
    assert person.post("/v1/auth/verify-email", {"token": token}, expect=200).json == {"status": "ACTIVE"}
    used = person.post("/v1/auth/verify-email", {"token": token}, expect=400).says("token_invalid")
    wrong = person.post("/v1/auth/verify-email", {"token": "wrong"}, expect=400).says("token_invalid")
    assert without_request(used) == without_request(wrong)


def test_no_token_stands_in_the_clear(env, sql, mailbox):
    person = Person(env)
    person.sign_up()
    token = link_token(mailbox.wait(person.email, "token="))
    rows = sql("identity", "SELECT t.* FROM one_time_tokens t JOIN users u ON u.id = t.user_id WHERE u.email = %s",
               person.email)
    assert rows and all(token not in str(r) for r in rows)
    logged = sql("audit", "SELECT metadata_json::text AS m FROM audit_logs WHERE entity_label = %s", person.email)
    assert all(token not in r["m"] for r in logged)


def test_resend_verification_tells_nothing(anyone, env, sql):
    person = Person(env)
    person.sign_up()
    known = anyone.post("/v1/auth/verify-email/resend", {"email": person.email}, expect=202)
    unknown = anyone.post("/v1/auth/verify-email/resend", {"email": address()}, expect=202)
    assert known.json == unknown.json
    # asked again within a minute: one token is enough
    eventually("both are looked into", lambda: not sql("identity", "SELECT FROM link_requests"))
    assert len(sql("identity", "SELECT t.id FROM one_time_tokens t JOIN users u ON u.id = t.user_id"
                               " WHERE u.email = %s", person.email)) == 1


@pytest.fixture
def unlucky(env, sql):
    """Somebody whose link the database refuses to make, until mend() is called."""
    person = Person(env)
    sql("identity", """CREATE FUNCTION refuse_token() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF EXISTS (SELECT FROM users WHERE id = NEW.user_id AND email = TG_ARGV[0]) THEN RAISE 'not this one'; END IF;
        RETURN NEW; END $$""")
    sql("identity", "CREATE TRIGGER refuse_token BEFORE INSERT ON one_time_tokens FOR EACH ROW"
                    f" EXECUTE FUNCTION refuse_token('{person.email}')")
    person.mend = lambda: sql("identity", "DROP FUNCTION IF EXISTS refuse_token CASCADE")
    yield person
    person.mend()


def test_a_link_that_cannot_be_made_holds_up_nobody(env, unlucky, sql):
    unlucky.sign_up()
    Person(env).register()
    waiting = "SELECT tries FROM link_requests WHERE email = %s"
    assert sql("identity", waiting, unlucky.email)[0]["tries"] >= 1
    unlucky.mend()
    sql("identity", "UPDATE link_requests SET due_at = now() WHERE email = %s", unlucky.email)
    link_token(unlucky.mailbox.wait(unlucky.email, "token="))
    assert not sql("identity", waiting, unlucky.email)


def test_a_link_that_cannot_be_made_is_given_up(env, unlucky, sql):
    """Its tries are moved forward in the table: nobody waits for half an hour."""
    def given_up():
        text = requests.get(env["NXT_IDENTITY_OPS_URL"] + "/metrics", timeout=5).text
        return int(re.search(r"^nxt_links_given_up_total (\d+)", text, re.MULTILINE)[1])

    before = given_up()
    unlucky.sign_up()
    eventually("it was tried", lambda: sql("identity", "UPDATE link_requests SET tries = 6, due_at = now()"
                                                       " WHERE email = %s AND tries > 0 RETURNING id", unlucky.email))
    eventually("it is given up", lambda: given_up() > before)
    assert not sql("identity", "SELECT FROM link_requests WHERE email = %s", unlucky.email)
