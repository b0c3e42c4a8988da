"""Access tokens by another's hand: jose (npm) verifies ours, and every daemon refuses what it forges."""
import json
import subprocess

import pytest

from client import Api, eventually
from nxt import packages
from nxt.home import ROOT, SERVICES
from people import identity_command
from test_refusals_tokens import PATHS, daemon
from tokens import Mint, private_jwk

each_service = pytest.mark.parametrize("service", SERVICES)


def asked_of_jose(env, mint, jwk):
    """What jose.mjs says of the token that the mint was made from, and makes with a key of ours."""
    told = {"token": mint.token, "jwk": jwk, "claims": mint.claims,
            "jwks": Api(env).get("/.well-known/jwks.json", expect=200).json}
    out = subprocess.run(["node", str(ROOT / "tests/e2e/jose.mjs"), str(packages.npm("test").parent)], input=json.dumps(told),
                         capture_output=True, text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


@pytest.fixture(scope="module")
def mint(env, admin):
    return Mint(env, admin.sign_in().token)


@pytest.fixture(scope="module")
def jose(env, mint):
    return asked_of_jose(env, mint, mint.jwk)


def test_jose_verifies_our_token(jose, mint):
    assert jose["verified"]["header"] == mint.header and jose["verified"]["claims"] == mint.claims


@each_service
def test_every_daemon_refuses_what_jose_forges(env, jose, service):
    api = daemon(env, service)
    api.get(PATHS[service], token=jose["right"], expect=200)  # else the refusals would prove nothing
    assert len(jose["forged"]) == 17
    for what, token in jose["forged"].items():
        answer = api.get(PATHS[service], token=token, expect=(200, 401))
        assert answer.status == 401, what
        answer.says("bad_token")


def test_tokens_of_a_removed_key_are_refused_everywhere_at_once(env, admin, mint):
    """A key that was rotated in is believed by all, signs nothing yet, and is removed again: nobody restarts."""
    def kids():
        return {k["kid"] for k in Api(env).get("/.well-known/jwks.json", expect=200)["keys"]}
    before = kids()
    made = identity_command(env, ["keys", "rotate"])
    assert made.returncode == 0, made.stderr
    fresh, = eventually("the new key is published", lambda: kids() - before)
    assert before <= kids() and len(kids()) >= 2
    token = asked_of_jose(env, mint, private_jwk(env, fresh))["right"]
    try:
        for service in SERVICES:
            eventually(f"{service} knows the new key", lambda s=service: daemon(env, s).get(
                PATHS[s], token=token, expect=(200, 401)).status == 200)
    finally:
        gone = identity_command(env, ["keys", "remove", fresh])
    assert gone.returncode == 0, gone.stderr
    eventually("the key is no longer published", lambda: fresh not in kids())
    for service in SERVICES:
        refused = eventually(f"{service} refuses the removed key's token", lambda s=service: (
            lambda a: a if a.status == 401 else None)(daemon(env, s).get(PATHS[s], token=token, expect=(200, 401))))
        refused.says("bad_token")
        daemon(env, service, admin.token).get(PATHS[service], expect=200)
