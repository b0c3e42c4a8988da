"""A caller of the API, as the end-to-end tests see it. One `Api` per signed-in person.

Every answer is judged where it arrives: a refusal must be problem+json with a code of the catalogue
and say nothing of SQL, paths or stacks; a 5xx is a failure unless the test expects exactly that one; a 2xx
must be what the OpenAPI document says.

    owner = Person(env, "COMPANY").register().sign_in()
    job = owner.post("/v1/jobs", {...}, expect=201)
    owner.patch(f"/v1/jobs/{job['id']}", {...}, etag=job.etag, expect=409).says("under_review")
"""
import base64
import functools
import json
import math
import os
import re
import secrets
import subprocess
import time
import uuid
from pathlib import Path

import requests
from declared import check_answer

PATIENCE = int(os.environ.get("NXT_PATIENCE", 30))  # seconds: a busy machine stalls for some; more where all is under attack
NOWHERE = "01890000-0000-7000-8000-000000000000"    # an id that nothing has
LEAKS = re.compile(r"\bSELECT\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|\bDELETE FROM\b|pg_\w+|SQLSTATE|libpq|psql"
                   r"|_fkey\b|_pkey\b|violates|relation \"|/usr/|/home/|/tmp/|\w\.c:\d+|0x[0-9a-f]{8}")


def eventually(what, check, seconds=PATIENCE, pause=0.03):
    """The first true value of check(); `what` names in the failure what did not happen."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


def when_refusals_are_told():
    """Up to twenty a second are, of all callers; this waits for a second of the daemons' clock, which is also ours,
    that has seen none. Tests before may have used up the one that runs."""
    second = int(time.monotonic())
    eventually("a second begins", lambda: int(time.monotonic()) > second)


@functools.cache
def catalogue(folder):
    """{(code, status)} of every refusal there is, as the daemon prints it."""
    out = subprocess.run([str(Path(folder) / "nxt-identity"), "--errors"], capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in out.stdout.splitlines() if not line.startswith("#")]
    return frozenset((code, int(status)) for code, status, *_ in lines)


class Answer:
    """What came back. Indexing reads the JSON body."""

    def __init__(self, response, asked):
        self.asked, self.status, self.headers = asked, response.status_code, response.headers
        self.content = response.content
        self.json = None
        if self.headers.get("Content-Type", "").split(";")[0].endswith("json") and self.content:
            self.json = json.loads(self.content.decode("utf-8"))

    @property
    def etag(self):
        return self.headers.get("ETag")

    @property
    def items(self):
        return self.json["items"]

    def __getitem__(self, name):
        return self.json[name]

    def __contains__(self, name):
        return name in self.json

    def get(self, name, default=None):
        return self.json.get(name, default)

    def says(self, code, pointer=None):
        """The refusal's code, and a wrong field where one is named."""
        assert self.json is not None and self.json.get("code") == code, f"{self}: wanted the code {code}"
        if pointer is not None:
            named = [e["pointer"] for e in self.json.get("errors", [])]
            assert pointer in named, f"{self}: wanted {pointer} among the errors"
        return self

    def __repr__(self):
        return f"{self.asked} -> {self.status} {self.content[:1500].decode('utf-8', 'replace')}"


def check_problem(answer, codes):
    """RFC 9457 with this project's members, and nothing that tells of the inside."""
    kind, body = answer.headers.get("Content-Type", ""), answer.json
    assert kind == "application/problem+json", f"{answer}: Content-Type {kind}"
    assert body["status"] == answer.status, answer
    for member in ("type", "title", "detail", "code", "request_id"):
        assert isinstance(body.get(member), str) and body[member], f"{answer}: no {member}"
    if "instance" in body:
        assert body["instance"].startswith("/"), answer
    for error in body.get("errors", []):
        assert set(error) >= {"pointer", "code", "detail"}, answer
    assert (body["code"], answer.status) in codes, f"{answer}: not in the catalogue"
    # The caller's own words may stand in instance and detail; only what we add is searched, and of
    # that no drawn lots: among many challenges one spells "pg_" by chance.
    ours = json.dumps({k: v for k, v in body.items() if k not in ("instance", "challenge")})
    leak = LEAKS.search(ours)
    assert not leak, f"{answer}: tells {leak.group(0)!r}"
    if answer.status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1, answer
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), answer


@functools.cache
def attached(address):
    """Whether a path is one that the daemon at NXT_ATTACH serves: a function of the path."""
    paths = requests.get(f"http://{address}/openapi.json", timeout=35).json()["paths"]
    patterns = [re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(p))) for p in paths]
    return lambda path: any(p.fullmatch(path.split("?")[0]) for p in patterns)


def statuses(expect):
    return expect if isinstance(expect, (tuple, set, list)) else (expect,)


class Api:
    """Sends JSON and judges what comes back. `expect` is one status, several, or None for any but 5xx."""

    def __init__(self, env, token=None, url=None):
        self.env, self.token = env, token
        self.url = (url or env["NXT_GATEWAY_URL"]).rstrip("/")
        self.http = requests.Session()
        self.http.trust_env = False

    def call(self, method, path, body=None, expect=None, headers=None, etag=None, key=None, raw=None, token=...):
        send = {"Accept": "application/json"}
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            send["Content-Type"] = "application/json"
        if token is ... or (token is not None and token == self.token):
            self._renew_expired()
            token = self.token
        if token:
            send["Authorization"] = f"Bearer {token}"
        if etag is not None:
            send["If-Match"] = etag
        if key is not None:
            send["Idempotency-Key"] = key
        send.update(headers or {})
        answer = self._send(method, path, data, send)
        if token == self.token and self._renew(answer, expect):
            answer = self._send(method, path, data, {**send, "Authorization": f"Bearer {self.token}"})
        self._judge(answer, expect)
        if answer.status < 300:
            check_answer(method, path, answer.status, answer.json, answer.content)
        return answer

    def _url(self, path):
        address = self.env.get("NXT_ATTACH")
        return f"http://{address}{path}" if address and attached(address)(path) else self.url + path

    def _renew(self, answer, expect):
        """Whether there is a new token to try again with."""
        return False

    def _renew_expired(self):
        """Somebody who can, renews a token whose time is over."""

    def _send(self, method, path, data, headers):
        # A kept connection that the server has just closed is no answer: once more on a fresh one.
        headers = {k: v for k, v in headers.items() if v is not None}
        for last in (False, True):
            try:
                return Answer(self.http.request(method, self._url(path), data=data, headers=headers, timeout=35,
                                                allow_redirects=False), f"{method} {path}")
            except requests.ConnectionError:
                if last or method != "GET":
                    raise

    def _judge(self, answer, expect):
        if answer.status >= 400:
            check_problem(answer, catalogue(self.env["NXT_BIN"]))
        if expect is None:
            assert answer.status < 500, answer
        else:
            assert answer.status in statuses(expect), f"{answer}\nwanted {expect}"

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None and "raw" not in more else body, **more)

    def patch(self, path, body=None, **more):
        return self.call("PATCH", path, body, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)

    def everything(self, path):
        """All items of a list, page by page."""
        items, cursor = [], None
        mark = "&" if "?" in path else "?"
        while True:
            page = self.get(path + (f"{mark}cursor={cursor}" if cursor else ""), expect=200)
            items += page.items
            cursor = page["next_cursor"]
            if not cursor:
                return items


class Mailbox:
    """The mail sink's own interface."""

    def __init__(self, env):
        self.url = env["NXT_MAIL_URL"]

    def all(self, to=None):
        return requests.get(f"{self.url}/messages", params={"to": to} if to else None, timeout=10).json()

    def wait(self, to, words="", seconds=PATIENCE):
        """The newest mail to an address whose subject or text holds the words."""
        def found():
            return [m for m in self.all(to) if words.lower() in f"{m['subject']}\n{m['text']}".lower()]
        return eventually(f"a mail to {to} with {words!r}", found, seconds, pause=0.05)[-1]

    def behave(self, **behaviour):
        """What the sink demands and refuses; without words it is its friendly self again."""
        requests.put(f"{self.url}/behaviour", json=behaviour, timeout=10).raise_for_status()


def link_token(mail):
    """The one-time token of the mail's link, which ends in `?token=…`."""
    tokens = re.findall(r"https?://\S+?[?&]token=([A-Za-z0-9._~%-]+)", mail["text"])
    assert len(set(tokens)) == 1, mail["text"]
    return tokens[0]


class Person(Api):
    """Somebody with an address and a password, from sign-up on."""

    def __init__(self, env, account_type="INDIVIDUAL", name="person", email=None, password=None, phone=None):
        super().__init__(env)
        self.email = email or f"{name}.{uuid.uuid4().hex[:12]}@example.com"
        self.password = password or secrets.token_urlsafe(12)
        self.account_type, self.phone = account_type, phone
        self.refresh_token = self.session_id = self._id = None
        self.renew_at = math.inf
        self.mailbox = Mailbox(env)

    @property
    def id(self):
        """As the token names it: asking for it would need a token that is not stale."""
        if self._id is None:
            claims = self.token.split(".")[1]
            self._id = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
        return self._id

    def sign_up(self):
        body = {"email": self.email, "password": self.password, "account_type": self.account_type}
        if self.phone:
            body["phone"] = self.phone
        return self.post("/v1/auth/register", body, expect=202)

    def register(self):
        """Signed up, mail read, address confirmed."""
        self.sign_up()
        token = link_token(self.mailbox.wait(self.email, "token="))
        self.post("/v1/auth/verify-email", {"token": token}, expect=200)
        return self

    def sign_in(self, client="UI"):
        answer = self.post("/v1/auth/login", {"email": self.email, "password": self.password, "client": client},
                           expect=200, token=None)
        return self._take(answer)

    def _take(self, answer):
        self.token, self.refresh_token = answer["access_token"], answer["refresh_token"]
        self.session_id = answer["session_id"]
        self.renew_at = time.monotonic() + max(answer["expires_in"] - 10, answer["expires_in"] / 2)
        return self

    def _renew_expired(self):
        """As clients do: who is shared by a whole run outlives its tokens."""
        if time.monotonic() > self.renew_at:
            self.refresh()

    def _renew(self, answer, expect):
        """As a client does when somebody's rights have changed; not where the test wants to see that refused."""
        if not self.refresh_token or expect is None or answer.status != 401 or 401 in statuses(expect) \
                or (answer.json or {}).get("code") != "token_stale":
            return False
        self.refresh()
        return True

    def refresh(self):
        return self._take(self.post("/v1/auth/refresh", {"refresh_token": self.refresh_token}, expect=200, token=None))

    def at(self, service):
        """The same person, calling one daemon without the gateway."""
        return Api(self.env, self.token, self.env[f"NXT_{service.upper()}_URL"])

    def may(self, path):
        """Refreshes until a GET is allowed: a new right reaches all services within seconds."""
        def allowed():
            self.refresh()
            return self.get(path, expect=(200, 401, 403)).status == 200
        eventually(f"{self.email} may GET {path}", allowed)
        return self
