"""Every pair (from, to) of every status machine over HTTP, made from what the daemons print of themselves.

What is listed passes; all else is refused, leaves the row as it was and publishes nothing. A row is put into
each state past the guards, as no caller could. The half of PostgreSQL's triggers is tests/drift/test_schema.py.
"""
import uuid
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from client import eventually
from declared import document, printed, resource
from nxt.home import SERVICES
from stories import submission
from test_identity_access import hire
from topics import bounds

SYSTEM = {"system", "clock"}
refused, passed = set(), set()      # request ids of the whole run


class Machine:
    """One status column of one table, and its printed lines."""

    def __init__(self, service, table, column, lines):
        self.service, self.table, self.column = service, table, column
        self.lines = [line for line in lines if line["verb"]]
        self.resource = resource(table)
        self.values = self.resource.columns[column]["values"].split(",")
        births = {line["to"] for line in lines if not line["verb"]}
        self.states = self.values if births else [None, *self.values]
        self.calls = {line["verb"]: line["who"] for line in self.lines
                      if not by_itself(line) and self.resource.may("POST", f"/{{id}}/{line['verb']}")}
        self.silent = {line["verb"] for line in self.lines} - {
            line["verb"] for line in self.lines if self.resource.may("POST", f"/{{id}}/{line['verb']}")}

    def __repr__(self):
        return f"{self.table}.{self.column}"

    def to(self, verb, state):
        return next((line["to"] for line in self.lines if line["verb"] == verb and line["from"] == (state or "")), None)


def by_itself(line):
    return set(line["who"].split(" or ")) <= SYSTEM


def machines():
    for service in SERVICES:
        lines = printed(service, "transitions")
        for table, column in dict.fromkeys((line["table"], line["column"]) for line in lines):
            yield Machine(service, table, column, [x for x in lines if (x["table"], x["column"]) == (table, column)])


MACHINES = list(machines())


# ---- rows ----

def account(bodies):
    who = bodies.person("account")
    return who, who.get(f"/v1/users/{who.id}", expect=200).json


def asked_role(bodies):
    who = bodies.person("asker")
    return who, who.post("/v1/user-roles", {"role_key": "reviewer"}, expect=201).json


def proven(bodies):
    """A request for verification with a document that was found good."""
    who, admin = bodies.professional(), bodies.cast.admin
    made = who.post("/v1/verification-requests", {
        "user_role_profile_id": who.profiles["photographer"], "verification_type": "IDENTITY"}, expect=201).json
    document = who.post("/v1/verification-documents", bodies.simple(
        "verification_documents", verification_request_id=made["id"], mime_type="image/png"), expect=201)
    admin.post(f"/v1/verification-documents/{document['id']}/approve", expect=200)
    return who, made


def ticket(bodies):
    who, made = bodies.ticket()
    return who, {"id": made}


def mail(bodies):
    """Somebody's own: whoever it bounces for gets none any more."""
    who = bodies.person("addressee")
    sent = f"/v1/email-logs?user_id={who.id}&status=SENT"
    return who, eventually("a mail is sent", lambda: bodies.cast.admin.get(sent, expect=200).items)[0]


# Where bodies.row() gives none that every listed verb could be tried with by the one who may.
ROWS = {
    "users": account,
    "user_roles": asked_role,
    "employees": lambda b: hire(b.env, b.cast.admin),
    "verification_requests": proven,
    "approval_requests": submission,
    "jobs": lambda b: (b.cast.company, b.cast.company.draft().json),
    "email_logs": mail,
    "support_tickets": ticket,
    "kb_articles": lambda b: (b.agent(), b.agent().post("/v1/kb-articles", b.for_table("kb_articles")[1], expect=201).json),
}
# What the rules want to find beside the status, for all states of it.
BESIDE = {
    "user_role_profiles": ", display_name = 'Asha', bio = 'Patient.'",
    "user_roles": ", decided_at = NULL",                        # nobody has to wait before asking again
    "reviews": ", moderated_by_user_id = NULL",                 # who hid it may not show it again
    "kb_articles": ", reviewed_by_user_id = gen_random_uuid()",  # of what is published
    "email_logs": ", next_attempt_at = 'infinity'",             # what is PENDING waits for the mailer
}
# An IN_APP one is born SENT, and others are nobody's to see; a word of a payment gateway stays what it was.
NEVER = {("notifications", "PENDING"), ("payment_transactions", "COMPLETED"), ("payment_transactions", "FAILED")}


def row_of(machine, bodies):
    """(who made it, its id)"""
    make = ROWS.get(machine.table, lambda b: b.row(machine.resource))
    who, item = bodies.once(f"machine {machine.table}", lambda: make(bodies))
    return who, item["id"]


class Past:
    """The database past its guards: triggers rest in a session of the superuser's."""

    def __init__(self, env):
        self.env, self.open = env, {}

    def db(self, service):
        if service not in self.open:
            path = urlsplit(self.env[f"NXT_DB_{service.upper()}"]).path
            url = urlunsplit(urlsplit(self.env["NXT_DB_SUPERUSER"])._replace(path=path))
            self.open[service] = psycopg.connect(url, autocommit=True)
            self.open[service].execute("SET session_replication_role = replica")
        return self.open[service]

    def put(self, machine, row_id, state):
        self.db(machine.service).execute(f"UPDATE {machine.table} SET {machine.column} = %s {BESIDE.get(machine.table, '')}"
                                         " WHERE id = %s", (state, row_id))

    def row(self, machine, row_id):
        return self.db(machine.service).execute(
            f"SELECT to_jsonb(t) FROM {machine.table} t WHERE id = %s", (row_id,)).fetchone()[0]


@pytest.fixture(scope="module")
def past(env):
    past = Past(env)
    yield past
    for db in past.open.values():
        db.close()


# ---- calls ----

# Who is the owner where it is another than who made the row.
OWNERS = {("job_applications", verb): lambda b: b.cast.company for verb in ("shortlist", "interview", "offer", "reject")} | {
    ("lead_requests", verb): lambda b: b.made["customer"] for verb in ("accept", "reject")}


def caller(machine, verb, maker, bodies):
    if "owner" not in machine.calls[verb].split(" or ") and "signed in" not in machine.calls[verb]:
        return bodies.cast.admin
    return OWNERS.get((machine.table, verb), lambda b: maker)(bodies)


def body_of(machine, verb, row):
    """The fields that the document asks for."""
    operation = document(machine.service)["paths"][f"{machine.resource.path}/{{id}}/{verb}"]["post"]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {name: row.get(name) or "A test of it." for name in schema.get("required", [])}


def etag(row):
    return f'"{row.get("version", 1)}"'


def send(who, call):
    """The answer of call(); what was done to rows may have ended the caller's session, or made the token stale."""
    answer = call()
    if answer.status == 401:
        who.sign_in()
        answer = call()
    (passed if answer.status < 300 else refused).add(answer.headers["X-Request-Id"])
    return answer


def ask(machine, verb, maker, bodies, row):
    who = caller(machine, verb, maker, bodies)
    path = f"{machine.resource.path}/{row['id']}/{verb}"
    return send(who, lambda: who.post(path, body_of(machine, verb, row), key=str(uuid.uuid4()),
                                      etag=etag(row)))


# ---- refused ----

def legal_now(machine, row):
    """The verbs that a refusal names: of all machines of this table, for this very row."""
    return {line["verb"] for other in MACHINES if other.table == machine.table for line in other.lines
            if line["from"] == (row[other.column] or "") and not by_itself(line)}


def refuse_verbs(machine, state, maker, bodies, row):
    for verb in machine.calls:
        if machine.to(verb, state) is None:
            answer = ask(machine, verb, maker, bodies, row)
            assert answer.status == 409, f"{state}: {answer}"
            answer.says("illegal_transition")
            assert set(answer["legal"]) == legal_now(machine, row), f"{state}: {answer}"


def refuse_words_of_no_caller(machine, maker, bodies, row):
    for verb in machine.silent:
        answer = send(maker, lambda v=verb: bodies.cast.admin.post(f"{machine.resource.path}/{row['id']}/{v}"))
        assert answer.status in (404, 405), answer


def refuse_values(machine, maker, bodies, row):
    rule = machine.resource.may("PATCH", "/{id}")
    who = maker if rule and "owner" in rule else bodies.cast.admin
    for value in machine.values:
        answer = send(who, lambda v=value: who.patch(f"{machine.resource.path}/{row['id']}", {machine.column: v},
                                                     etag=etag(row)))
        if rule is None:
            assert answer.status in (404, 405), answer
        elif answer.status != 409 or answer["code"] != "under_review":
            assert answer.status == 422, answer
            answer.says("validation_failed", f"/{machine.column}")


each = pytest.mark.parametrize("machine", MACHINES, ids=repr)


@each
def test_what_is_not_listed_is_refused(machine, bodies, past):
    maker, row_id = row_of(machine, bodies)
    for state in machine.states:
        if (machine.table, state) in NEVER:
            continue
        past.put(machine, row_id, state)
        row = past.row(machine, row_id)
        refuse_verbs(machine, state, maker, bodies, row)
        refuse_words_of_no_caller(machine, maker, bodies, row)
        refuse_values(machine, maker, bodies, row)
        assert past.row(machine, row_id) == row, f"{state}: a refusal leaves the row as it was"


# ---- passed ----

@each
def test_what_is_listed_passes(machine, bodies, past):
    maker, row_id = row_of(machine, bodies)
    for line in machine.lines:
        if line["verb"] not in machine.calls or by_itself(line):
            continue
        past.put(machine, row_id, line["from"] or None)
        row = past.row(machine, row_id)
        answer = ask(machine, line["verb"], maker, bodies, row)
        assert answer.status == 200 and answer[machine.column] == line["to"], f"{line['from']}: {answer}"
        assert answer["version"] > row["version"]


# ---- and told to nobody ----

def caught_up(env, sql, service):
    """Whether this service's consumer has applied everything that Kafka holds by now of the topics it reads."""
    ends = {place: end for place, (_, end) in bounds(env).items()}
    at = {(r["topic"], r["partition"]): r["next_offset"] for r in sql(service, "SELECT * FROM consumer_offsets")}
    return all(offset >= ends.get(place, 0) for place, offset in at.items())


def test_what_was_refused_was_no_event(env, sql):
    if not refused or not passed:
        pytest.skip("only after the tests above")
    told = "SELECT DISTINCT request_id::text FROM audit_logs WHERE request_id = ANY (%s::uuid[]) AND status = 'SUCCESS'"
    eventually("all that passed is in audit_logs",
               lambda: {r["request_id"] for r in sql("audit", told, list(passed))} == passed)
    for service in SERVICES:
        eventually(f"the outbox of {service} is empty", lambda s=service: not sql(s, "SELECT FROM outbox_events LIMIT 1"))
    eventually("audit has read everything", lambda: caught_up(env, sql, "audit"))
    assert sql("audit", told, list(refused)) == []
