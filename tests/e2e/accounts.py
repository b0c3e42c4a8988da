"""What the tests of signing up and signing in call again and again."""
import uuid

from client import eventually, link_token

GOOD = "a phrase nobody else has"


def address(name="somebody"):
    return f"{name}.{uuid.uuid4().hex[:12]}@example.com"


def sign_up(api, email, expect=202, **more):
    body = {"email": email, "password": GOOD, "account_type": "INDIVIDUAL", **more}
    return api.post("/v1/auth/register", body, expect=expect)


def sign_in(api, email, password=GOOD, expect=200, **more):
    return api.post("/v1/auth/login", {"email": email, "password": password, **more}, expect=expect, token=None)


def reset_token(mailbox, person, before):
    def fresh():
        mails = [m for m in mailbox.all(person.email) if m["id"] not in before and "token=" in m["text"]]
        return mails[-1] if mails else None
    return link_token(eventually(f"a mail to {person.email}", fresh))
