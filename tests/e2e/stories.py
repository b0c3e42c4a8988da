"""Rows that no POST of their own makes: each comes about as it does in life, or is written as the migrations' owner would."""
import uuid

import psycopg

from client import eventually
from people import queued
from test_finance import coupon, order, package
from test_profiles import open_profile


def submission(bodies):
    """(who submitted, the request that waits for a reviewer)"""
    person = bodies.person("submitter")
    profile = open_profile(person, "tutor")
    person.post(f"/v1/user-role-profiles/{profile['id']}/submit", expect=200)
    return person, queued(bodies.cast.admin, profile["id"])


def approval_request(bodies):
    return bodies.cast.admin, submission(bodies)[1]


def placed_order(bodies):
    buyer = bodies.once("buyer", lambda: bodies.person("buyer"))
    return buyer, order(buyer, (package(bodies.cast.admin), 1), place_of_supply="29").json


def payment(bodies):
    """(owner, id of a PENDING payment and of its first word): no gateway is here that could make one."""
    def make():
        buyer, placed = placed_order(bodies)
        gateway = bodies.cast.admin.post(*_gateway(bodies), expect=201)["id"]
        made, word = str(uuid.uuid4()), str(uuid.uuid4())
        with psycopg.connect(bodies.env["NXT_DB_FINANCE"]) as db:
            db.execute("INSERT INTO payments (id, order_id, user_id, payment_gateway_config_id, amount_inr, payment_method,"
                       " provider_order_ref) VALUES (%s, %s, %s, %s, %s, 'UPI', %s)",
                       (made, placed["id"], buyer.id, gateway, placed["total_inr"], f"order_{uuid.uuid4().hex}"))
            db.execute("INSERT INTO payment_transactions (id, payment_id, transaction_type, status, provider_reference)"
                       " VALUES (%s, %s, 'INITIATED', 'INITIATED', %s)", (word, made, f"pay_{uuid.uuid4().hex}"))
        return buyer, made, word
    return bodies.once("payment", make)


def _gateway(bodies):
    who, body = bodies.for_table("payment_gateway_configs")
    return "/v1/payment-gateway-configs", body


def paid(bodies):
    buyer, made, _ = payment(bodies)
    return buyer, buyer.get(f"/v1/payments/{made}", expect=200).json


def told(bodies):
    buyer, _, word = payment(bodies)
    return buyer, buyer.get(f"/v1/payment-transactions/{word}", expect=200).json


def free_order(bodies):
    """(buyer, order): a coupon has paid for all of it, so it is completed: coins, invoice and redemption are there."""
    def make():
        buyer, admin = bodies.person("guest"), bodies.cast.admin
        eventually("a wallet", lambda: buyer.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)
        return buyer, order(buyer, (package(admin, price=5000, validity_days=30), 1), code=coupon(admin)["code"]).json
    return bodies.once("free order", make)


def of_free_order(path):
    """The first row that its buyer finds there."""
    def make(bodies):
        buyer, placed = free_order(bodies)
        return buyer, buyer.get(path.format(order=placed["id"]), expect=200).items[0]
    return make


def invoice_line(bodies):
    buyer, invoice = of_free_order("/v1/invoices?order_id={order}")(bodies)
    return buyer, buyer.get(f"/v1/invoices/{invoice['id']}/lines", expect=200).items[0]


STORIES = {
    "approval_requests": approval_request, "orders": placed_order, "payments": paid, "payment_transactions": told,
    "coupon_redemptions": of_free_order("/v1/coupon-redemptions?order_id={order}"),
    "tracecoin_ledger": of_free_order("/v1/tracecoin-ledger"), "coin_lots": of_free_order("/v1/coin-lots"),
    "invoices": of_free_order("/v1/invoices?order_id={order}"), "invoice_lines": invoice_line,
}
