"""What goes to PostgreSQL together must not show: debits and reads asked for at one moment, good and bad ones mixed.

The requests go straight to the daemon, on connections that are open already, so that they meet in a turn of its loop;
its metrics tell whether they did.
"""
import contextlib
import http.client
import json
import re
import signal
import time
import uuid
from urllib.parse import urlsplit

import psycopg
import pytest
import requests

from client import Person, eventually
from topics import published


@pytest.fixture
def holder(env, admin):
    person = Person(env).register().sign_in()
    person.wallet = eventually("a wallet", lambda: person.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]
    path = f"/v1/tracecoin-wallets/{person.wallet['id']}"
    admin.post(f"{path}/credit", {"amount": 100, "reference_type": "BONUS", "remarks": "x"}, key=str(uuid.uuid4()),
               expect=200)
    return person


def ask(env, token, *asked):
    """(method, path, body or None, key or None) each; the connections that await an answer, in the same order."""
    at = urlsplit(env["NXT_FINANCE_URL"])
    connections = [http.client.HTTPConnection(at.hostname, at.port, timeout=35) for _ in asked]
    for connection in connections:
        connection.connect()
    for connection, (method, path, body, key) in zip(connections, asked):
        fields = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": key} if key else {})}
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, fields | ({"Content-Type": "application/json"} if data else {}))
    return connections


def answers_of(connections):
    """[(status, headers, body)]"""
    found = []
    for connection in connections:
        answer = connection.getresponse()
        found.append((answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()))
        connection.close()
    return found


def at_once(env, token, *asked):
    return answers_of(ask(env, token, *asked))


@contextlib.contextmanager
def held_up(stack):
    """What comes meanwhile meets in one turn of finance's loop."""
    finance = stack.daemons["finance"].process
    finance.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        finance.signal(signal.SIGCONT)


def debit(person, amount, key=None, **more):
    return ("POST", f"/v1/tracecoin-wallets/{person.wallet['id']}/debit",
            {"amount": amount, "reference_type": "LEAD", **more}, key or str(uuid.uuid4()))


def counters(env):
    text = requests.get(env["NXT_FINANCE_OPS_URL"] + "/metrics", timeout=5).text
    return {name: int(float(value)) for name, value in re.findall(r"^(nxt_\w+_total) (\S+)$", text, re.M)}


def together_so_far(env):
    found = counters(env)
    return found["nxt_batch_items_total"] - found["nxt_batches_total"]


def entries_of(person):
    rows = person.everything(f"/v1/tracecoin-ledger?wallet_id={person.wallet['id']}")
    return sorted(rows, key=lambda row: row["sequence"])


def codes(answers):
    return [json.loads(body).get("code", status) for status, _, body in answers]


def test_debits_at_one_moment(env, stack, admin, holder):
    """Good ones, one too large, one twice under its key and one under a reference that is taken."""
    before = together_so_far(env)
    twin, taken = str(uuid.uuid4()), str(uuid.uuid4())
    asked = [debit(holder, 3) for _ in range(8)] + [debit(holder, 1000)] + [debit(holder, 5, twin)] * 2 \
        + [debit(holder, 2, reference_id=taken)] * 2
    with held_up(stack):
        waiting = ask(env, admin.token, *(x if i < 11 else (*x[:3], str(uuid.uuid4())) for i, x in enumerate(asked)))
    answers = answers_of(waiting)
    assert together_so_far(env) > before
    statuses = [status for status, *_ in answers]
    assert statuses[:8] == [200] * 8 and codes(answers)[8] == "conflict"
    # one of the twins ran beside the other, or came after it and was told the same
    assert sorted(map(str, codes(answers[9:11]))) == ["200", "idempotency_in_progress"] or answers[9][2] == answers[10][2]
    assert sorted(map(str, codes(answers[11:]))) == ["200", "already_exists"]
    rows = entries_of(holder)
    assert [row["sequence"] for row in rows] == list(range(1, 12))
    for last, row in zip(rows, rows[1:]):
        assert row["balance_after"] == last["balance_after"] - row["amount"]
    left = 100 - 8 * 3 - 5 - 2
    assert rows[-1]["balance_after"] == left
    assert holder.get(f"/v1/tracecoin-wallets/{holder.wallet['id']}", expect=200)["current_balance"] == left
    lot, = holder.get(f"/v1/tracecoin-wallets/{holder.wallet['id']}/lots", expect=200).items
    assert lot["remaining"] == left
    refused, = published(env, "wallet.debit_refused", holder.wallet["id"])
    assert refused.needed == 1000


def test_each_debit_has_its_own_answer_and_event(env, admin, holder):
    asked = [debit(holder, n + 1, remarks=f"number {n}") for n in range(10)]
    answers = at_once(env, admin.token, *asked)
    bodies = [json.loads(body) for status, _, body in answers if status == 200]
    assert len(bodies) == 10
    for (_, fields, _), body in zip(answers, bodies):
        assert fields["etag"] == f'"{body["version"]}"'
    told = published(env, "wallet.debited", holder.wallet["id"], 10)
    assert [event.context.aggregate_version for event in told] == sorted(body["version"] for body in bodies)
    rows = {row["id"]: row for row in entries_of(holder)}
    for event in told:
        row = rows[event.ledger_id]
        assert (event.amount, event.balance_after, event.remarks) == (row["amount"], row["balance_after"], row["remarks"])
        assert [lot.amount for lot in event.lots] == [event.amount]
        changed = {change.field_name: (change.old_value, change.new_value) for change in event.context.changes}
        assert changed["current_balance"] == (str(event.balance_after + event.amount), str(event.balance_after))
    assert len({event.context.request_id for event in told}) == 10
    # and once more, one by one: the answers that were kept
    for n, (status, fields, body) in enumerate(answers):
        again, = at_once(env, admin.token, asked[n])
        assert (again[0], again[1]["etag"], again[2]) == (status, fields["etag"], body)
    assert len(entries_of(holder)) == 11
    other, = at_once(env, admin.token, debit(holder, 99, asked[0][3]))
    assert codes([other]) == ["idempotency_key_reused"]


def test_debits_spend_several_lots_in_order(env, admin, holder, sql):
    wallet = holder.wallet["id"]
    for amount in (10, 20):
        admin.post(f"/v1/tracecoin-wallets/{wallet}/credit", {"amount": amount, "reference_type": "BONUS", "remarks": "x"},
                   key=str(uuid.uuid4()), expect=200)
        sql("finance", "UPDATE coin_lots SET expires_at = now() + make_interval(days => %s) WHERE wallet_id = %s AND"
            " amount = %s", amount, wallet, amount)
    answers = at_once(env, admin.token, *(debit(holder, 8) for _ in range(5)))
    assert [status for status, *_ in answers] == [200] * 5
    lots = holder.get(f"/v1/tracecoin-wallets/{wallet}/lots", expect=200).items
    assert {lot["amount"]: lot["remaining"] for lot in lots} == {10: 0, 20: 0, 100: 90}
    told = published(env, "wallet.debited", wallet, 5)
    assert [[lot.amount for lot in event.lots] for event in told] == [[8], [2, 6], [8], [6, 2], [8]]


def test_a_wallet_that_is_held_delays_nobody_else(env, admin, holder):
    """The held one waits for its turn; another wallet's debit of the same moment is answered meanwhile."""
    other = Person(env).register().sign_in()
    other.wallet = eventually("a wallet", lambda: other.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]
    admin.post(f"/v1/tracecoin-wallets/{other.wallet['id']}/credit", {"amount": 9, "reference_type": "BONUS", "remarks": "x"},
               key=str(uuid.uuid4()), expect=200)
    with psycopg.connect(env["NXT_DB_FINANCE"]) as db:
        db.execute("SELECT FROM tracecoin_wallets WHERE id = %s FOR UPDATE", [holder.wallet["id"]])
        held = debit(holder, 1)
        at = urlsplit(env["NXT_FINANCE_URL"])
        waiting = http.client.HTTPConnection(at.hostname, at.port, timeout=35)
        waiting.request(held[0], held[1], json.dumps(held[2]), {"Authorization": f"Bearer {admin.token}",
                        "Idempotency-Key": held[3], "Content-Type": "application/json"})
        answers = at_once(env, admin.token, *(debit(other, 1) for _ in range(4)))
        assert [status for status, *_ in answers] == [200] * 4
        db.rollback()
    assert waiting.getresponse().status == 200


def test_reads_at_one_moment_are_each_caller_s_own(env, stack, admin, holder):
    """Owner and stranger ask for the same wallet, a missing one and a malformed one between them."""
    path = f"/v1/tracecoin-wallets/{holder.wallet['id']}"
    before = together_so_far(env)
    asked = [("GET", path, None, None), ("GET", f"/v1/tracecoin-wallets/{uuid.uuid4()}", None, None),
             ("GET", "/v1/tracecoin-wallets/nonsense", None, None)] * 4
    with held_up(stack):
        waiting = ask(env, holder.token, *asked)
    answers = answers_of(waiting)
    assert [status for status, *_ in answers] == [200, 404, 404] * 4
    assert all(json.loads(body)["id"] == holder.wallet["id"] for status, _, body in answers if status == 200)
    stranger = Person(env).register().sign_in()
    assert [status for status, *_ in at_once(env, stranger.token, *asked)] == [404] * 12
    assert [status for status, *_ in at_once(env, admin.token, *asked)] == [200, 404, 404] * 4
    assert together_so_far(env) > before


def test_lists_of_one_moment_are_read_once(env, stack, admin, holder):
    """What comes while the daemon is held up meets in one turn: alike ones share an answer, others never."""
    stranger = Person(env).register().sign_in()
    eventually("a wallet", lambda: stranger.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)
    mine = "/v1/tracecoin-wallets?limit=7"
    filters = ["user_id=me", "created_after=2020-01-01T00:00:00Z", "created_before=2100-01-01T00:00:00Z"]
    paths = (mine, mine, mine, mine + "&fields=id", "/v1/tracecoin-wallets?limit=6", "/v1/tracecoin-wallets?limit=0",
             "/v1/tracecoin-wallets?" + "&".join(filters), "/v1/tracecoin-wallets?" + "&".join(reversed(filters)))
    asked = {who.token: [("GET", path, None, None) for path in paths] for who in (holder, stranger)}
    before = counters(env)
    with held_up(stack):
        waiting = [ask(env, token, *requests_of) for token, requests_of in asked.items()]
    for who, connections in zip((holder, stranger), waiting):
        answers = answers_of(connections)
        assert [status for status, *_ in answers] == [200] * 5 + [400] + [200] * 2, answers
        assert answers[6][2] == answers[7][2]
        pages = [json.loads(body) for _, _, body in answers[:5]]
        assert pages[0] == pages[1] == pages[2] == pages[4]
        assert [item["user_id"] for item in pages[0]["items"]] == [who.id]
        assert pages[3]["items"] == [{"id": pages[0]["items"][0]["id"]}]
    # of each caller's first five all have the same rows to read: limit and fields are cut out of them; and so have the
    # last two: filters are taken in the order of the columns
    assert counters(env)["nxt_db_coalesced_reads_total"] == before["nxt_db_coalesced_reads_total"] + 10


@contextlib.contextmanager
def lists_behind_a_lock(env, stack, admin, ends):
    """Four lists of one moment, read by one statement that waits for a lock until `ends`, a function of PostgreSQL, is done to it."""
    path = "/v1/coupons?limit=9"
    admin.get(path, expect=200)
    superuser = env["NXT_DB_SUPERUSER"].rsplit("/", 1)[0] + "/nxt_finance"
    with psycopg.connect(env["NXT_DB_FINANCE"]) as db, psycopg.connect(superuser, autocommit=True) as root:
        db.execute("LOCK TABLE coupons IN ACCESS EXCLUSIVE MODE")
        with held_up(stack):
            waiting = ask(env, admin.token, *[("GET", path, None, None)] * 4)
        reading = eventually("the read is cut off", lambda: root.execute(
            f"SELECT {ends}(pid) FROM pg_locks WHERE NOT granted AND relation = 'coupons'::regclass").fetchall())
        assert len(reading) == 1, "one statement reads for all"
        yield db, waiting
    eventually("lists are read again", lambda: codes(at_once(env, admin.token, *[("GET", path, None, None)] * 4)) == [200] * 4)


def test_a_coalesced_read_whose_session_ends_is_asked_again_by_each(env, stack, admin):
    with lists_behind_a_lock(env, stack, admin, "pg_terminate_backend") as (db, waiting):
        db.rollback()
        assert sorted(map(str, codes(answers_of(waiting)))) == ["200"] * 3 + ["unavailable"]


def test_a_coalesced_read_that_is_cancelled_fails_for_all_at_once(env, stack, admin):
    """As at the timeout of a statement: asked again by each it would wait as long once more, and the readers with it."""
    with lists_behind_a_lock(env, stack, admin, "pg_cancel_backend") as (_, waiting):
        cancelled = time.monotonic()
        assert codes(answers_of(waiting)) == ["unavailable"] * 4
        assert time.monotonic() - cancelled < 10, "a statement's timeout is 15 s"
