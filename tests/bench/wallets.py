"""The write that is measured: a debit of a wallet by staff, with Idempotency-Key.

What pgbench does beside it is the same work written by hand: the wallet, the ledger entry, the lot and its use,
the event and the kept answer, under the same keys, checks and triggers.
"""
import random

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
    """Debits of random ones of so many wallets; each sending has a key of its own."""
    body = {"amount": 1, "reference_type": "LEAD", "remarks": "a charge of the bench"}
    return [request_text("POST", url, f"{PATH}/{wallet_id(random.randrange(wallets))}/debit", token, body,
                         "Idempotency-Key: bench-############") for _ in range(5000)]
