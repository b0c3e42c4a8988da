"""Forged, foreign, expired and bent access tokens: refused by every daemon for itself, not only by the gateway."""
import base64
import time
import uuid

import pytest
import requests
from client import Api, Person, eventually
from nxt.home import SERVICES
from tokens import Mint, forgeries

# What any signed-in person with the right may read; each daemon is asked at its own port.
PATHS = {"identity": "/v1/me", "profiles": "/v1/approval-requests", "finance": "/v1/orders",
         "marketplace": "/v1/lead-requests", "notify": "/v1/notifications", "audit": "/v1/audit-logs"}
each_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="module")
def mint(env, admin):
    """The administrator's own, fresh: a forgery that was let in could do everything."""
    admin.sign_in()
    return Mint(env, admin.token)


def daemon(env, service, token=None):
    return Api(env, token, env[f"NXT_{service.upper()}_URL"])


@each_service
def test_a_rightly_made_token_is_let_in(env, mint, service):
    """Else the refusals below would prove nothing."""
    assert daemon(env, service, mint.sign()).get(PATHS[service], expect=200)
    assert daemon(env, service, mint.sign(iat=int(time.time()))).get(PATHS[service], expect=200)
    assert daemon(env, service, mint.sign(aud=["other", mint.claims["aud"]])).get(PATHS[service], expect=200)
    assert daemon(env, service, mint.with_header(typ="application/at+jwt")).get(PATHS[service], expect=200)


@each_service
def test_no_forgery_is_let_in(env, mint, service):
    api = daemon(env, service)
    let_in = []
    for what, token in forgeries(mint).items():
        answer = api.get(PATHS[service], token=token, expect=(200, 400, 401, 431))
        if answer.status == 200:
            let_in.append(what)
        elif answer.status == 401:
            answer.says("bad_token")
    assert not let_in


@each_service
def test_a_forgery_is_no_anonymous_caller(env, mint, service):
    """Where anyone may read, a bad token is still a bad token."""
    path = {"finance": "/v1/pricing-packages", "marketplace": "/v1/jobs", "profiles": "/v1/company-profiles",
            "identity": "/.well-known/jwks.json", "notify": "/openapi.json", "audit": "/openapi.json"}[service]
    daemon(env, service).get(path, expect=200)
    daemon(env, service).get(path, token=mint.sign(signature=bytes(64)), expect=401).says("bad_token")


@each_service
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token {token}", "{token}", "Bearer {token} {token}",
                                    "Bearer\t{token}x", "Bearer,{token}", "BearerX {token}"])
def test_what_is_no_bearer_header(env, mint, service, header):
    answer = daemon(env, service).get(PATHS[service], headers={"Authorization": header.format(token=mint.token)}, expect=(400, 401))
    if answer.status == 401:
        assert answer["code"] in ("unauthenticated", "bad_token")


@each_service
def test_two_authorization_headers(env, mint, service):
    import http.client
    from urllib.parse import urlsplit
    url = urlsplit(env[f"NXT_{service.upper()}_URL"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    connection.putrequest("GET", PATHS[service])
    connection.putheader("Authorization", f"Bearer {mint.token}")
    connection.putheader("Authorization", f"Bearer {mint.token}")
    connection.endheaders()
    assert connection.getresponse().status in (400, 401)
    connection.close()


@each_service
def test_a_token_elsewhere_than_in_the_header_counts_for_nothing(env, mint, service):
    api = daemon(env, service)
    api.get(f"{PATHS[service]}?access_token={mint.token}", expect=(400, 401))
    api.get(PATHS[service], headers={"Cookie": f"access_token={mint.token}"}, expect=401).says("unauthenticated")


@each_service
def test_identity_headers_are_not_believed(env, mint, service):
    names = ("X-User-Id", "X-Forwarded-User", "X-Remote-User", "X-Auth-Request-User", "X-Employee-Id", "X-Roles")
    headers = {name: mint.claims["sub"] for name in names}
    daemon(env, service).get(PATHS[service], headers=headers, expect=401).says("unauthenticated")
    requests_get = requests.get(env["NXT_GATEWAY_URL"] + PATHS[service], headers=headers, timeout=10)
    assert requests_get.status_code == 401


@each_service
def test_roles_a_token_claims_count_no_more_than_the_database(env, admin, cast, service):
    """A rightly signed token whose epoch is behind is stale, whatever roles stand in it."""
    person = Person(env).register().sign_in()
    mint = Mint(env, person.token)
    request = person.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201)
    admin.post(f"/v1/user-roles/{request['id']}/approve", expect=200)
    stale = mint.sign(roles=["administrator"])
    eventually(f"{service} calls the old epoch stale", lambda: daemon(env, service, stale).get(
        PATHS[service], expect=(200, 401, 403)).status == 401)
    daemon(env, service, stale).get(PATHS[service], expect=401).says("token_stale")


def test_a_suspended_account_reads_its_own_and_nothing_else(env, admin):
    person = Person(env, "COMPANY").register().sign_in()
    old = person.token
    admin.post(f"/v1/users/{person.id}/suspend", {"reason": "A test of it."}, expect=200)
    for name in SERVICES:
        eventually(f"{name} refuses the old token", lambda n=name: daemon(env, n, old).get(
            PATHS[n], expect=(200, 401, 403)).status == 401)
    person.post("/v1/auth/refresh", {"refresh_token": person.refresh_token}, token=None, expect=401)
    person.sign_in()
    person.get("/v1/me", expect=200)
    person.patch("/v1/me", {"display_name": "X"}, expect=403).says("account_restricted")
    for path, body in (("/v1/company-profiles", {"company_name": "X"}), ("/v1/leads", {"title": "X"}),
                       ("/v1/user-roles", {"role_key": "reviewer"})):
        person.post(path, body, expect=403).says("account_restricted")
    admin.post(f"/v1/users/{person.id}/reinstate", {}, expect=200)
    eventually("reinstated", lambda: person.sign_in().patch("/v1/me", {"display_name": "X"}, expect=(200, 401, 403)).status == 200)


def test_refresh_tokens_and_one_time_tokens_are_no_access_tokens(env, cast):
    person = Person(env).register().sign_in()
    for service in SERVICES:
        daemon(env, service, person.refresh_token).get(PATHS[service], expect=401).says("bad_token")
        daemon(env, service, person.session_id).get(PATHS[service], expect=401).says("bad_token")
    person.post("/v1/auth/refresh", {"refresh_token": person.token}, token=None, expect=(401, 422))
    person.post("/v1/auth/refresh", {"refresh_token": base64.b64encode(uuid.uuid4().bytes).decode()}, token=None,
                expect=401).says("token_invalid")
