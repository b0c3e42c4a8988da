"""Audit: every event once, with its changes; searches; the file; nothing can be changed."""
import csv
import io
import json
import uuid

import psycopg
import pytest

from client import Person, eventually
from confluent_kafka import Producer
from topics import other_id, published, records


@pytest.fixture(scope="module")
def story(cast, admin):
    """A job that was drafted, edited and closed by its owner's hand; its rows of the log."""
    company = cast.company
    job = company.draft(title=f"Auditor {uuid.uuid4().hex[:8]}")
    company.patch(f"/v1/jobs/{job['id']}", {"location": "Pune"}, etag=job.etag, expect=200)
    rows = eventually("two rows", lambda: (lambda r: r if len(r) >= 2 else None)(
        admin.get(f"/v1/audit-logs?entity_type=job&entity_id={job['id']}", expect=200).items))
    return {"job": job, "owner": company, "rows": rows}


def test_a_row_says_who_did_what(story):
    updated, created = story["rows"][:2]
    assert (created["action"], updated["action"]) == ("CREATE", "UPDATE")
    for row in (created, updated):
        assert row["actor_user_id"] == story["owner"].id and row["actor_type"] == "USER"
        assert (row["source_type"], row["source_id"]) == ("UI", story["owner"].session_id)
        assert row["entity_label"].startswith("Auditor") and row["module_key"] == "jobs" and row["status"] == "SUCCESS"
        assert row["request_id"] and row["correlation_id"] and row["ip_address"]
        meta = row["metadata_json"]
        assert (meta["event_type"], meta["service"], meta["aggregate_id"]) == ("job.changed", "marketplace", story["job"]["id"])
    assert [row["metadata_json"]["aggregate_version"] for row in (created, updated)] == [1, 2]


def test_changes_stand_in_order_with_old_and_new(story, admin):
    changes = admin.get(f"/v1/audit-logs/{story['rows'][0]['id']}/changes", expect=200).items
    assert [(c["field_name"], c["old_value_text"], c["new_value_text"]) for c in changes] == [("location", "Bengaluru", "Pune")]
    assert changes[0]["field_class"] == "INTERNAL"
    born = admin.get(f"/v1/audit-logs/{story['rows'][1]['id']}/changes?sort=id", expect=200).items
    assert {c["old_value_text"] for c in born} == {None} and "title" in [c["field_name"] for c in born]


@pytest.mark.parametrize("query", ["actor_user_id={actor}", "request_id={request_id}", "correlation_id={correlation_id}",
                                   "action=CREATE", "module_key=jobs", "source_type=UI", "created_after=2020-01-01T00:00:00Z"])
def test_searches(story, admin, query):
    row = story["rows"][1]
    words = query.format(actor=row["actor_user_id"], **{k: row[k] for k in ("request_id", "correlation_id")})
    found = admin.get(f"/v1/audit-logs?{words}&entity_id={row['entity_id']}", expect=200).items
    assert row["id"] in [r["id"] for r in found]
    assert not admin.get(f"/v1/audit-logs?entity_id={row['entity_id']}&created_before=2020-01-01T00:00:00Z", expect=200).items


def test_pages_hold_every_row_once_newest_first(admin):
    rows, cursor = [], ""
    for _ in range(4):
        page = admin.get(f"/v1/audit-logs?limit=7{cursor}", expect=200)
        rows += page.items
        cursor = f"&cursor={page['next_cursor']}"
    ids = [r["id"] for r in rows]
    assert len(set(ids)) == 28 and ids == sorted(ids, reverse=True)
    admin.get("/v1/audit-logs?nonsense=1", expect=400).says("unknown_parameter")


def test_nobody_writes(story, admin, sql, env):
    path = f"/v1/audit-logs/{story['rows'][0]['id']}"
    for method in ("POST", "PATCH", "DELETE"):
        admin.call(method, path, {"summary": "x"}, expect=405)
    for statement in ("UPDATE audit_logs SET summary = 'x'", "DELETE FROM audit_logs", "TRUNCATE audit_log_changes",
                      "UPDATE audit_log_changes SET new_value_text = 'x'"):
        with pytest.raises(psycopg.Error, match="insert-only"):
            sql("audit", statement)


def test_the_file_as_csv_and_json_lines(story, admin, cast):
    query = f"entity_id={story['job']['id']}"
    answer = admin.get(f"/v1/audit-logs/export?{query}", expect=200)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [line["id"] for line in lines][-2:] == [r["id"] for r in story["rows"]][-2:]
    assert json.loads(lines[-1]["metadata_json"])["event_type"] == "job.changed"
    turned = admin.get(f"/v1/audit-logs/export?{query}&fields=action,id", expect=200).content.decode()
    assert {line["id"] for line in csv.DictReader(io.StringIO(turned, newline=""))} >= {r["id"] for r in story["rows"]}
    many = admin.get("/v1/audit-logs/export?format=jsonl&fields=id,action", expect=200)
    parsed = [json.loads(line) for line in many.content.decode().splitlines()]
    assert len(parsed) > 250 and set(parsed[0]) == {"id", "action"} and len({p["id"] for p in parsed}) == len(parsed)

    exported = eventually("the export is audited", lambda: [r for r in admin.get(
        f"/v1/audit-logs?actor_user_id={admin.id}&entity_type=audit", expect=200).items
        if r["metadata_json"]["event_type"] == "audit.exported"])
    assert any("rows taken out" in row["summary"] for row in exported)
    admin.get("/v1/audit-logs/export?format=xml", expect=400)
    admin.get("/v1/audit-logs/export?limit=3", expect=400)
    admin.get("/v1/audit-logs/export?nonsense=3", expect=400)
    cast.person.get("/v1/audit-logs/export", expect=403)


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "later again"])
def test_an_event_that_comes_twice_is_written_once(story, env, sql, together):
    published(env, "job.changed", story["job"]["id"], 2)
    record, event = records(env, "job.changed", story["job"]["id"])[0]
    event.context.event_id = other_id(event)
    producer = Producer({"bootstrap.servers": env["NXT_KAFKA_BROKERS"], "linger.ms": 100})
    ends = []
    for _ in range(3):
        producer.produce(record.topic(), event.SerializeToString(), record.key(), partition=record.partition(),
                         headers=record.headers(), on_delivery=lambda error, sent: ends.append(sent.offset() + 1))
        if not together:
            producer.flush(10)
    producer.flush(10)
    eventually("audit has read them", lambda: sql(
        "audit", "SELECT FROM consumer_offsets WHERE topic = %s AND partition = %s AND next_offset >= %s",
        record.topic(), record.partition(), max(ends)))
    changes = sql("audit", "SELECT field_name FROM audit_log_changes WHERE audit_log_id = %s ORDER BY id", event.context.event_id)
    assert [c["field_name"] for c in changes] == [c.field_name for c in event.context.changes]
    assert not sql("audit", "SELECT FROM dead_letters WHERE topic = %s AND partition = %s AND \"offset\" >= %s",
                   record.topic(), record.partition(), min(ends) - 1)


def test_no_secret_is_in_the_log(env, sql):
    person = Person(env).register().sign_in()
    eventually("the sign-in is audited", lambda: sql(
        "audit", "SELECT FROM audit_logs WHERE actor_user_id = %s", person.id))
    for secret in (person.password, person.token, person.refresh_token):
        assert not sql("audit", "SELECT FROM audit_logs l WHERE strpos(l::text, %s) > 0", secret)
        assert not sql("audit", "SELECT FROM audit_log_changes c WHERE strpos(c::text, %s) > 0", secret)
    assert not sql("audit", "SELECT FROM audit_log_changes WHERE field_name IN ('password_hash', 'token_hash', 'session_token')")


def test_ids_lie_in_their_month(sql):
    assert not sql("audit", "SELECT FROM audit_logs_default LIMIT 1")
    assert not sql("audit", "SELECT FROM audit_log_changes_default LIMIT 1")
    ahead = sql("audit", "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass")[0]["n"]
    assert ahead >= 4  # this month, two ahead, the default


# ---- who is erased ----

def test_the_log_names_nobody_who_is_erased(env, admin, sql):
    person = Person(env, name="hidden").register().sign_in()
    person.patch("/v1/me", {"display_name": "Asha Hidden"}, expect=200)
    person.post("/v1/me/phone", {"phone": "+919811122233"}, expect=200)
    personal = (person.email, "Asha Hidden", "+919811122233")
    neighbour = Person(env, name="shown").register().sign_in()
    about = {p: f"/v1/audit-logs?limit=200&entity_type=user&entity_id={p.id}" for p in (person, neighbour)}

    def rows_of(who, wanted):
        rows = admin.get(about[who], expect=200).items
        return rows if wanted <= {r["metadata_json"]["event_type"] for r in rows} else None

    def changes_of(row):
        return admin.get(f"/v1/audit-logs/{row['id']}/changes?limit=200", expect=200).items

    def everything():
        """All that any request of the log gives of the person."""
        rows = admin.everything(about[person]) + admin.everything(f"/v1/audit-logs?limit=200&actor_user_id={person.id}")
        told = [rows]
        for row in rows:
            told.append(admin.get(f"/v1/audit-logs/{row['id']}", expect=200).json)
            changes = changes_of(row)
            told += [changes] + [admin.get(f"/v1/audit-log-changes/{c['id']}", expect=200).json for c in changes[:3]]
        told += [admin.get(f"/v1/audit-logs/export?format={f}&actor_user_id={person.id}", expect=200).content.decode()
                 for f in ("csv", "jsonl")]
        return json.dumps(told)
    eventually("it is in the log", lambda: rows_of(person, {"user.registered", "user.changed", "user.contact_changed"}))
    assert all(word in everything() for word in personal), "what is personal is shown as long as the person is there"
    person.post("/v1/me/erase", {"confirm": "ERASE"}, expect=204)
    rows = eventually("the erasure is in the log", lambda: rows_of(person, {"user.erased"}))
    told = everything()
    assert not [word for word in personal if word in told]
    assert {(r["entity_label"], r["ip_address"], r["user_agent"]) for r in rows} == {(None, None, None)}
    [born] = [r for r in rows if r["metadata_json"]["event_type"] == "user.registered"]
    fields = {c["field_name"]: c for c in changes_of(born)}
    assert (fields["email"]["new_value_text"], fields["email"]["field_class"]) == (None, "PERSONAL")
    assert fields["account_type"]["new_value_text"] == "INDIVIDUAL", "what is not personal stays"
    assert all(r["entity_label"] for r in rows_of(neighbour, {"user.registered"}))
    assert sql("audit", "SELECT FROM audit_logs WHERE id = %s AND entity_label = %s", born["id"], person.email), \
        "the row itself is as it was written"
