"""The write that is measured: a debit of a wallet by staff, with Idempotency-Key.

What pgbench does beside it is the same work written by hand: the wallet, the ledger entry, the lot and its use,
the event and the kept answer, under the same keys, checks and triggers.
"""
import random
import secrets

from load import request_text

PATH = "/v1/tracecoin-wallets"
TABLES = ("outbox_events", "idempotency_keys", "coin_lot_uses", "coin_lots", "tracecoin_ledger", "tracecoin_wallets")
WALLETS = 10_000
FIRST = 300_000_000_000
COINS = 1_000_000_000


def uuid_sql(group, number):
    return f"('01920000-0000-7000-{group}-' || {number})::uuid"


def wallet_id(number):
    return f"01920000-0000-7000-8001-{FIRST + number}"


def seed(world):
    """Empty tables but for wallets 0 to WALLETS - 1, each with one lot of COINS, as a gift would leave them."""
    world.empty("finance", *TABLES)
    with world.superuser("finance") as db:
        numbers = f"generate_series({FIRST}::bigint, {FIRST + WALLETS - 1}) n"
        user, wallet, entry, lot = (uuid_sql(group, "n") for group in ("8000", "8001", "8002", "8003"))
        db.execute(f"INSERT INTO user_refs (id) SELECT {user} FROM {numbers} ON CONFLICT DO NOTHING")
        db.execute(f"INSERT INTO tracecoin_wallets (id, user_id, current_balance) SELECT {wallet}, {user}, {COINS}"
                   f" FROM {numbers}")
        db.execute("INSERT INTO tracecoin_ledger (id, wallet_id, transaction_type, amount, balance_after,"
                   f" reference_type, reference_id) SELECT {entry}, {wallet}, 'CREDIT', {COINS}, {COINS}, 'BONUS',"
                   f" {entry} FROM {numbers}")
        db.execute(f"INSERT INTO coin_lots (id, wallet_id, ledger_id, amount, remaining) SELECT {lot}, {wallet},"
                   f" {entry}, {COINS}, {COINS} FROM {numbers}")
        db.execute(f"VACUUM ANALYZE user_refs, {', '.join(TABLES)}")


def debits(url, token, wallets=WALLETS):
    """Debits of random ones of so many wallets; each sending has a key of its own, also against other lists."""
    batch = secrets.token_hex(4)
    body = {"amount": 1, "reference_type": "LEAD", "remarks": "a charge of the bench"}
    return [request_text("POST", url, f"{PATH}/{wallet_id(random.randrange(wallets))}/debit", token, body,
                         f"Idempotency-Key: bench-{batch}-############") for _ in range(5000)]


# ---- what pgbench does ----

# The number of the wallet, and twelve digits that never come twice, ascending per client as UUIDv7 would be.
NUMBERS = f"""\\set n :n + 1
\\set i (:run % 90 + 10) * 10000000000 + :client_id * 100000000 + :n
\\set w random({FIRST}, {FIRST + WALLETS - 1})
"""
HASH = "sha256(convert_to('bench-' || :i, 'UTF8'))"
KEY = f"""INSERT INTO idempotency_keys (key_hash, request_hash, status, headers, body, expires_at)
 SELECT {HASH}, {HASH}, 200, '{{"etag": "\\"2\\""}}', convert_to('%s', 'UTF8'), now() + interval '24 hours'"""
TAKE = """UPDATE tracecoin_wallets SET current_balance = current_balance - 1, version = version + 1, updated_at = now()
 WHERE id = {wallet} AND current_balance >= 1"""
ENTRY = """INSERT INTO tracecoin_ledger (id, wallet_id, transaction_type, amount, balance_after, reference_type,
 reference_id, remarks) SELECT {entry}, {wallet}, 'DEBIT', 1, {balance}, 'LEAD', {entry}, 'a charge of the bench'"""
FIND_LOT = "SELECT id FROM coin_lots WHERE wallet_id = {wallet} AND is_open ORDER BY expires_at, id LIMIT 1"
USE = "INSERT INTO coin_lot_uses (ledger_id, coin_lot_id, amount) SELECT {entry}, {lot}, 1"
SPEND = """UPDATE coin_lots SET remaining = remaining - 1, version = version + 1, updated_at = now()
 WHERE id = {lot}"""
EVENT = """INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers, created_at)
 SELECT {entry}, 'wallet', {wallet}, 'wallet.debited', '\\x%s',
 '{{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}', now()"""


def _answer_and_payload(world):
    """What the daemon itself kept and published for such a debit."""
    with world.connect("finance") as db:
        body = db.execute("SELECT convert_from(body, 'UTF8') FROM idempotency_keys LIMIT 1").fetchone()[0]
        payload = db.execute("SELECT payload FROM outbox_events WHERE type = 'wallet.debited' LIMIT 1").fetchone()[0]
    return body, payload.hex()


def _text(part, **names):
    ids = {"wallet": uuid_sql("8001", ":w"), "entry": uuid_sql("8004", ":i")}
    return part.format(**ids, **names)


def one_statement(world, event=True):
    """The debit in its fastest form: all of it as one data-modifying statement."""
    body, payload = _answer_and_payload(world)
    return NUMBERS + "WITH w AS (" + _text(TAKE) + " RETURNING current_balance AS left_over), e AS (" \
        + _text(ENTRY, balance="left_over") + " FROM w RETURNING id), lot AS (" + _text(FIND_LOT) + "), u AS (" \
        + _text(USE, lot="lot.id") + " FROM e, lot), s AS (" \
        + _text(SPEND, lot="(SELECT id FROM lot)") + "), k AS (" + KEY % body + " FROM w) " \
        + (_text(EVENT) % payload if event else "SELECT 1") + " FROM w;\n"


def transaction(world):
    """The same as most programs do it: BEGIN, statement by statement, COMMIT."""
    body, payload = _answer_and_payload(world)
    return NUMBERS + "BEGIN;\n" + KEY % body + ";\n" + _text(TAKE) + " RETURNING current_balance AS left_over \\gset\n" \
        + _text(ENTRY, balance=":left_over") + ";\n" + _text(FIND_LOT) + " \\gset lot_\n" \
        + _text(USE, lot="(:lot_id)::uuid") + ";\n" + _text(SPEND, lot="(:lot_id)::uuid") + ";\n" \
        + _text(EVENT) % payload + ";\nCOMMIT;\n"
