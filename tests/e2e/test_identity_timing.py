"""Known and unknown accounts are told apart by no answer's time: a statistical check, no stopwatch.

NXT_TIMING_TRIES takes more of each; the figures are printed.
"""
import os
import random
import statistics
import time

import pytest
from accounts import GOOD, address, sign_in
from client import Api, Person, eventually

TRIES = int(os.environ.get("NXT_TIMING_TRIES", 40))


def overlap(known, unknown):
    """The chance that a known account's answer takes longer than an unknown one's; 0.5 where nothing tells."""
    return sum((k > u) + (k == u) / 2 for k in known for u in unknown) / (len(known) * len(unknown))


def take_as_long(known_email, prepare, ask, settle=lambda: None):
    """Asks for the known address and for new ones, mixed. With 40 of each, chance alone leaves 0.2 to 0.8 a few
    times in a million runs."""
    times = {True: [], False: []}
    for is_known in random.sample([True, False] * TRIES, 2 * TRIES):
        prepare()
        email = known_email if is_known else address()
        began = time.monotonic()
        ask(email)
        times[is_known].append(time.monotonic() - began)
        settle()
    shown = overlap(times[True], times[False])
    medians = [statistics.median(times[is_known]) * 1000 for is_known in (True, False)]
    print(f"{TRIES} of each: {shown:.3f}; medians {medians[0]:.2f} ms, {medians[1]:.2f} ms")
    assert 0.2 < shown < 0.8


@pytest.fixture
def stranger(env):
    """post(path, body): each time from another address, for one alone would soon be sent away."""
    identity = Api(env, url=env["NXT_IDENTITY_URL"])
    return lambda path, body: identity.post(path, body, expect=202, headers={
        "X-Forwarded-For": f"198.18.{random.randrange(256)}.{random.randrange(256)}"})


@pytest.fixture
def looked_into(sql):
    """Work of after the answer, which it is not to be mixed with."""
    return lambda: eventually("it is looked into", lambda: not sql("identity", "SELECT FROM link_requests"), pause=0.01)


def forget_links(sql, email):
    """Every time the known one gets a token and a mail, none is recent."""
    [user] = sql("identity", "SELECT id FROM users WHERE email = %s", email)
    return lambda: sql("identity", "DELETE FROM one_time_tokens WHERE user_id = %s", user["id"])


def test_login_takes_as_long_for_an_unknown_account(anyone, person, sql):
    def forget_failures():
        sql("identity", "DELETE FROM auth_throttles WHERE scope_key LIKE 'address:%%' OR scope_key ="
                        " 'account:' || encode(sha256(convert_to(lower(%s), 'UTF8')), 'hex')", person.email)
    take_as_long(person.email, forget_failures, lambda email: sign_in(anyone, email, "guess", expect=401,
                                                                       device=f"stranger {random.random()}"))


@pytest.mark.parametrize("is_pending", [False, True])
def test_register_takes_as_long_for_a_taken_address(stranger, env, sql, looked_into, is_pending):
    known = Person(env)
    known.sign_up() if is_pending else known.register()
    body = {"password": GOOD, "account_type": "INDIVIDUAL"}
    take_as_long(known.email, forget_links(sql, known.email), settle=looked_into,
                 ask=lambda email: stranger("/v1/auth/register", {"email": email, **body}))


@pytest.mark.parametrize("path, is_pending", [("password/forgot", False), ("verify-email/resend", True)])
def test_asking_for_a_link_takes_as_long_for_an_unknown_account(stranger, env, sql, looked_into, path, is_pending):
    known = Person(env)
    known.sign_up() if is_pending else known.register()
    take_as_long(known.email, forget_links(sql, known.email), settle=looked_into,
                 ask=lambda email: stranger(f"/v1/auth/{path}", {"email": email}))
