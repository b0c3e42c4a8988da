"""Passkeys with a real Chromium and its virtual authenticator: what it makes of our options, we take."""
import urllib.parse

import pytest
from authenticator import EDDSA, ES256
from browser import browser, missing
from client import Person

CALL = """
const call = async (path, body, token) => {
	const headers = {"Content-Type": "application/json", ...(token && {Authorization: `Bearer ${token}`})};
	const answer = await fetch(path, {method: "POST", headers, body: JSON.stringify(body)});
	const text = await answer.text();
	if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
	return text && JSON.parse(text);
};
"""
CREATE = CALL + """
const [token, algorithms] = args;
const options = await call("/v1/me/passkeys/options", {}, token);
options.pubKeyCredParams = options.pubKeyCredParams.filter(p => algorithms.includes(p.alg));
const made = await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)});
return [made.response.getPublicKeyAlgorithm(), await call("/v1/me/passkeys", {...made.toJSON(), name: "Chromium"}, token)];
"""
SIGN_IN = CALL + """
const options = await call("/v1/auth/passkey/options", {...(args[0] && {challenge: args[0]})});
const got = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
return await call("/v1/auth/passkey", {...got.toJSON(), client: "UI", device: "browser"});
"""
STEP_UP = CALL + """
const options = await call("/v1/auth/step-up/options", {}, args[0]);
const got = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
return await call("/v1/auth/step-up", {passkey: got.toJSON()}, args[0]);
"""


@pytest.fixture(scope="module")
def page():
    """A browser; skipped where there is none."""
    if missing():
        pytest.skip(f"not installed: {', '.join(missing())} (Debian: chromium, chromium-driver)")
    with browser() as opened:
        yield opened


def test_a_browser_makes_and_uses_passkeys(env, page, sql):
    # any page of the gateway is a page of the right origin, and localhost a secure one
    origin = f"http://localhost:{urllib.parse.urlsplit(env['NXT_GATEWAY_URL']).port}"
    for algorithm in (ES256, EDDSA):
        person = Person(env).register().sign_in()
        page.open(f"{origin}/errors")
        authenticator = page.authenticator()
        used, row = page.run(CREATE, person.token, [algorithm])
        assert (used, row["name"], row["user_id"]) == (algorithm, "Chromium", person.id)
        first = page.run(SIGN_IN)
        assert person.get("/v1/me", token=first["access_token"], expect=200)["id"] == person.id
        after_password = person.post("/v1/auth/login", {"email": person.email, "password": person.password}, expect=401)
        assert page.run(SIGN_IN, after_password["challenge"])["session_id"]
        counts = [r["sign_count"] for r in person.get("/v1/me/passkeys", expect=200).items if r["id"] == row["id"]]
        assert page.run(SIGN_IN)["session_id"] != first["session_id"]
        [again] = [r for r in person.get("/v1/me/passkeys", expect=200).items if r["id"] == row["id"]]
        assert again["sign_count"] > counts[0] > 0
        sql("identity", "UPDATE user_sessions SET authenticated_at = now() - interval '1 day' WHERE id = %s", person.session_id)
        page.run(STEP_UP, person.token)
        # it knows that there is one already
        with pytest.raises(AssertionError, match="InvalidStateError"):
            page.run(CREATE, person.token, [algorithm])
        # and asks its user, who is somebody else now
        page.call("POST", f"/webauthn/authenticator/{authenticator}/uv", {"isUserVerified": False})
        with pytest.raises(AssertionError, match="NotAllowedError"):
            page.run(SIGN_IN)
        page.call("DELETE", f"/webauthn/authenticator/{authenticator}")
