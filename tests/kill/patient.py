"""Callers who live through outages: each write is repeated with its key until it is acknowledged."""
import time
import uuid

import requests
from client import Person, link_token

PATIENCE = 150  # seconds for one step, the longest outage of a part included
LATER = (502, 503, 504)
ANY = tuple(range(200, 600))


class Patient(Person):
    """A Person whose every call is repeated while its answer is no answer. Keys make repeated writes one."""

    def call(self, method, path, body=None, expect=None, key=None, **more):
        if method == "POST" and not path.startswith("/v1/auth/"):
            key = key or str(uuid.uuid4())
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = super().call(method, path, body, expect=ANY, key=key, **more)
            except requests.RequestException:
                answer = None
            if answer is not None and not self._comes_later(answer, path, more):
                self._judge(answer, expect)
                return answer
            if time.monotonic() > end:
                raise AssertionError(f"{method} {path}: not within {PATIENCE} s; last {answer}")
            time.sleep(0.1)

    def _comes_later(self, answer, path, more):
        if answer.status == 401 and answer["code"] in ("bad_token", "token_stale") and more.get("token", ...) is ...:
            self.sign_in()
            return True
        return answer.status in LATER or (answer.status == 409 and answer["code"] == "idempotency_in_progress")

    def until(self, what, check, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not (value := check()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.1)
        return value

    def mail(self, words):
        """The sink is never killed; its list may be slow when all is slow."""
        def found():
            return [m for m in self.mailbox.all(self.email) if words in f"{m['subject']}\n{m['text']}"]
        return self.until(f"a mail to {self.email} with {words!r}", found, 180)[-1]

    def register(self):
        self.sign_up()
        token = link_token(self.mail("token="))
        # Confirmed, and the answer lost: then the token is used up.
        self.post("/v1/auth/verify-email", {"token": token}, expect=(200, 400))
        return self
