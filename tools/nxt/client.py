"""A caller of the API over HTTP: what the demo is written with. Standard library, one object per signed-in person."""
import http.client
import json
import shlex
import time
from urllib.parse import urlsplit

from nxt.ui import NxtError


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.json = json.loads(body) if body and "json" in headers.get("content-type", "") else None
        self.text = body.decode(errors="replace")

    def __getitem__(self, name):
        return self.json[name]


class Client:
    """Sends JSON, keeps the access token, turns an unexpected status into an error that shows the problem."""

    def __init__(self, url, token=None, shown=None):
        """`shown` is called with what each call looks like from a shell, and with its answer."""
        self.url, self.token, self.shown = urlsplit(url), token, shown

    def call(self, method, path, body=None, expect=(200, 201, 202, 204), **headers):
        data = None if body is None else json.dumps(body).encode()
        send = {"Accept": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if data is not None:
            send["Content-Type"] = "application/json"
        if self.token:
            send["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=35)
        try:
            connection.request(method, path, data, send)
            got = connection.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        except OSError as error:
            raise NxtError(f"{method} {path}: {error}") from None
        finally:
            connection.close()
        if self.shown:
            self.shown(as_curl(method, path, body, headers, self.token), answer)
        if answer.status not in (expect if isinstance(expect, tuple) else (expect,)):
            raise NxtError(f"{method} {path} answered {answer.status}:\n{answer.text}")
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, {} if body is None else body, **more)


def as_curl(method, path, body, headers, token):
    """The call as a person types it; $G is the gateway, $TOKEN the caller's access token."""
    words = [f"curl -X {method} \"$G{path}\""] + [f"-H {shlex.quote(k.replace('_', '-') + ': ' + v)}" for k, v in headers.items()]
    if token:
        words.append('-H "Authorization: Bearer $TOKEN"')
    if body is not None:
        words.append(f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " ".join(words)


def eventually(what, check, seconds=15):
    """The first true value of check(): events take a moment to arrive elsewhere."""
    end = time.monotonic() + seconds
    while not (value := check()):
        if time.monotonic() > end:
            raise NxtError(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return value
