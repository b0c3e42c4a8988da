"""What schemathesis is told beyond the document: who calls, what a rule may refuse, and what to count.

NXT_CALLER is `admin` (all permissions) or `person` (no role at all). Either may end its own session, change its own
rights or erase itself by what is tried: the caller signs in again, a person that is gone is followed by another.
"""
import atexit
import collections
import json
import os
import sys
import threading
from pathlib import Path

import schemathesis

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/e2e")]
from client import Person  # noqa: E402
from people import administrator  # noqa: E402

ENV = {name: value for name, value in os.environ.items() if name.startswith("NXT_")}
# Complaints about the form of a value: what the document describes. Any other refusal of a well-formed request is a rule.
OF_FORM = {"wrong_type", "too_long", "too_short", "out_of_range", "not_allowed", "unknown", "unknown_field", "required",
           "read_only", "create_only", "bad_uuid", "bad_time", "bad_date", "bad_email", "bad_phone", "bad_decimal"}
# Rules between fields that are told with a word of form, because for the person who calls it is one.
RULES = {"POST /v1/auth/step-up /password": "a password or a code, not both",
         "POST /v1/auth/totp /code": "a code or a recovery code, not both",
         "POST /v1/user-roles /role_key": "a role by its key or by its id, not both",
         "POST /v1/me/phone /phone": "has to be there, and may be null",
         "POST /v1/approval-requests /approval_type": "what is submitted itself is not asked for here",
         "POST /v1/user-role-profiles /role_key": "a profession, or a role of the caller",
         "POST /v1/runtime-configs /config_value_json": "must fit the schema of its key",
         "PATCH /v1/runtime-configs/{id} /config_value_json": "must fit the schema of its key",
         "POST /v1/discount-rules /scope_id": "none for GLOBAL, one for every other scope",
         "PATCH /v1/discount-rules/{id} /scope_id": "none for GLOBAL, one for every other scope",
         "POST /v1/user-role-profiles/{id}/submit /display_name": "a name or a bio before review",
         "POST /v1/orders /order_type": "services cannot be ordered yet",
         "POST /v1/orders/preview /order_type": "services cannot be ordered yet",
         "POST /v1/tracecoin-wallets/{id}/credit /reference_type": "bought coins come by an order",
         "POST /v1/tracecoin-wallets/{id}/credit /remarks": "a BONUS says why",
         "POST /v1/support-tickets /related_entity_type": "only together with its id",
         "POST /v1/support-tickets /related_entity_id": "only together with its type",
         **{f"{verb} /v1/{table} /{to}": "later than the beginning"
            for table, to in (("pricing-packages", "effective_to"), ("tax-rules", "effective_to"), ("coupons", "valid_to"),
                              ("discount-rules", "ends_at"))
            for verb, table in (("POST", table), ("PATCH", table + "/{id}"))},
         **{f"{verb} /v1/{table} /discount_value": "of a PERCENT at most 100"
            for table in ("coupons", "discount-rules")
            for verb, table in (("POST", table), ("PATCH", table + "/{id}"))}}
TOKEN_IS_OVER = {"bad_token", "token_stale", "unauthenticated"}
counted = collections.Counter()


class Caller:
    """Somebody signed in, with a proof of the password, for as long as the run takes."""

    def __init__(self, who):
        self.who, self.person, self.over, self.lock = who, None, True, threading.Lock()

    def token(self):
        with self.lock:
            if self.over:
                self._renew()
            return self.person.token

    def refused(self, token):
        """An answer to a token before the present one says nothing of that."""
        with self.lock:
            self.over = self.over or self.person.token == token

    def _renew(self):
        if self.who == "admin":
            self.person = administrator(ENV)
        elif self.person is None or not self._signs_in():
            self.person = Person(ENV, name="stranger").register().sign_in()
        self.person.post("/v1/auth/step-up", {"password": self.person.password}, expect=204)
        self.over = False

    def _signs_in(self):
        answer = self.person.post("/v1/auth/login", {"email": self.person.email, "password": self.person.password},
                                  expect=(200, 401), token=None)
        if answer.status == 200:
            self.person._take(answer)
        return answer.status == 200


caller = Caller(os.environ["NXT_CALLER"])


@schemathesis.hook
def before_call(context, case, kwargs):
    case.headers = {**(case.headers or {}), "Authorization": f"Bearer {caller.token()}"}


@schemathesis.hook
def after_call(context, case, response):
    counted[f"{case.method} {case.path} {response.status_code}"] += 1
    if response.status_code == 401 and problem(response).get("code") in TOKEN_IS_OVER:
        caller.refused(case.headers["Authorization"].removeprefix("Bearer "))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A rule may refuse a request that has the documented form; a complaint about the form is a finding."""
    if type(failure).__name__ != "RejectedPositiveData":
        return True
    refusal = problem(response)
    operation = f"{case.method} {case.path}"
    return any(e["code"] in OF_FORM and f"{operation} {e['pointer']}" not in RULES and not is_inside(e["pointer"])
               for e in refusal.get("errors", []))


def is_inside(pointer):
    """What stands inside a field that is JSON of any names is for the handler to judge; the document says no more of it."""
    return pointer.count("/") > 1


def problem(response):
    try:
        return json.loads(response.content)
    except ValueError:
        return {}


@atexit.register
def write_counts():
    Path(os.environ["NXT_COUNTS"]).write_text(json.dumps(counted))
