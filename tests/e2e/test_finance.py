"""Finance: catalogue, coupons, orders without payment, invoices, tracecoins; each with its refusals."""
import re
import threading
import uuid

import jsonschema
import psycopg
import pytest

import declared
from client import Api, Person, eventually
from topics import published


@pytest.fixture
def buyer(env):
    person = Person(env).register().sign_in()
    person.wallet = eventually("a wallet", lambda: person.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]
    return person


@pytest.fixture(scope="module")
def stranger(env):
    return Person(env).register().sign_in()


def key():
    return str(uuid.uuid4())


def package(admin, price=99900, coins=50, **more):
    body = {"name": f"Package {uuid.uuid4().hex[:6]}", "package_type": "TRACECOIN_BUNDLE", "price_inr": price,
            "tracecoins_included": coins, **more}
    return admin.post("/v1/pricing-packages", body, expect=201)


def coupon(admin, **more):
    body = {"code": f"C{uuid.uuid4().hex[:10]}", "discount_type": "FLAT", "discount_value": 10000, **more}
    return admin.post("/v1/coupons", body, expect=201)


def order_body(*items, code=None, **more):
    lines = [{"item_type": "PACKAGE", "item_id": item["id"], "quantity": quantity} for item, quantity in items]
    return {"order_type": "PACKAGE", "items": lines, **({"coupon_code": code} if code else {}), **more}


def order(person, *items, expect=201, code=None, **more):
    return person.post("/v1/orders", order_body(*items, code=code, **more), key=key(), expect=expect)


def balance(person):
    return person.get(f"/v1/tracecoin-wallets/{person.wallet['id']}", expect=200)["current_balance"]


def ledger(person):
    entries = person.everything(f"/v1/tracecoin-ledger?wallet_id={person.wallet['id']}")
    return sorted(entries, key=lambda entry: entry["sequence"])


def move(admin, verb, person, amount, reference_type="BONUS", reference_id=None, expect=200, **more):
    body = {"amount": amount, "reference_type": reference_type, "remarks": "A test of it.", **more}
    if reference_id:
        body["reference_id"] = reference_id
    return admin.post(f"/v1/tracecoin-wallets/{person.wallet['id']}/{verb}", body, key=key(), expect=expect)


def together(*calls):
    """Runs the calls at once; their answers in order."""
    answers = [None] * len(calls)

    def run(i, call):
        answers[i] = call()
    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def copy_of(person):
    """The same person on a connection of its own."""
    return Api(person.env, person.token)


# ---- packages ----

def test_packages_are_made_by_staff_and_read_by_anyone(admin, buyer, anyone):
    made = package(admin, description="Fifty coins", validity_days=30)
    assert made["is_active"] is True and made["version"] == 1 and made["effective_from"]
    assert anyone.get(f"/v1/pricing-packages/{made['id']}", expect=200)["price_inr"] == 99900
    assert made["id"] in [p["id"] for p in anyone.everything("/v1/pricing-packages")]
    buyer.post("/v1/pricing-packages", {"name": "x", "package_type": "TRACECOIN_BUNDLE", "price_inr": 1},
               expect=403).says("forbidden")
    anyone.post("/v1/pricing-packages", {}, expect=401)


def test_a_package_off_sale_is_seen_by_staff_alone(admin, anyone, buyer):
    made = package(admin)
    path = f"/v1/pricing-packages/{made['id']}"
    admin.patch(path, {"is_active": False}, expect=428).says("if_match_required")
    admin.patch(path, {"is_active": False}, etag='"7"', expect=412).says("stale_etag")
    assert admin.patch(path, {"is_active": False}, etag=made.etag, expect=200)["version"] == 2
    anyone.get(path, expect=404)
    buyer.get(path, expect=404)
    admin.get(path, expect=200)
    assert made["id"] not in [p["id"] for p in anyone.everything("/v1/pricing-packages")]
    order(buyer, (made, 1), expect=422).says("validation_failed", "/items/0/item_id")


def test_package_fields_are_checked_all_at_once(admin):
    answer = admin.post("/v1/pricing-packages", {"name": "", "package_type": "GOLD", "price_inr": -1, "colour": "red",
                                                 "tracecoins_included": "5", "validity_days": 0}, expect=422)
    pointers = {e["pointer"] for e in answer["errors"]}
    assert pointers == {"/name", "/package_type", "/price_inr", "/colour", "/tracecoins_included", "/validity_days"}
    admin.post("/v1/pricing-packages", {"name": "x", "package_type": "CONTACT_VIEWS", "price_inr": 1,
                                        "effective_from": "2026-01-02T00:00:00Z",
                                        "effective_to": "2026-01-01T00:00:00Z"}, expect=422).says(
        "validation_failed", "/effective_to")


def test_an_ordered_package_cannot_be_deleted(admin, buyer):
    ordered, idle = package(admin, price=0), package(admin)
    order(buyer, (ordered, 1))
    admin.delete(f"/v1/pricing-packages/{ordered['id']}", etag=ordered.etag, expect=409).says("in_use")
    admin.delete(f"/v1/pricing-packages/{idle['id']}", expect=428)
    admin.delete(f"/v1/pricing-packages/{idle['id']}", etag=idle.etag, expect=204)
    admin.get(f"/v1/pricing-packages/{idle['id']}", expect=404)


# ---- coupons, discount rules, tax rules ----

def test_coupon_codes_are_compared_trimmed_and_in_upper_case(admin, buyer):
    code = uuid.uuid4().hex[:10]
    made = coupon(admin, code=f"  c{code} ", discount_type="PERCENT", discount_value=100)
    assert made["code"] == f"C{code}".upper()
    admin.post("/v1/coupons", {"code": f"C{code}", "discount_type": "FLAT", "discount_value": 1},
               expect=409).says("already_exists")
    assert order(buyer, (package(admin), 1), code=f" c{code}  ")["coupon_id"] == made["id"]


def test_coupon_fields(admin, buyer):
    body = {"code": "X", "discount_type": "PERCENT", "discount_value": 101}
    admin.post("/v1/coupons", body, expect=422).says("validation_failed", "/discount_value")
    admin.post("/v1/coupons", {**body, "discount_value": 0}, expect=422).says("validation_failed", "/discount_value")
    admin.post("/v1/coupons", {**body, "discount_value": 1, "code": "A B"}, expect=422).says("validation_failed", "/code")
    admin.post("/v1/coupons", {**body, "discount_value": 1, "valid_to": "2020-01-01T00:00:00Z"},
               expect=422).says("validation_failed", "/valid_to")
    buyer.get("/v1/coupons", expect=403)
    buyer.post("/v1/coupons", {**body, "discount_value": 1}, expect=403)


@pytest.mark.parametrize("fields, error", [
    ({"is_active": False}, "inactive"),
    ({"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2020-02-01T00:00:00Z"}, "expired"),
    ({"valid_from": "2120-01-01T00:00:00Z"}, "not_yet_valid"),
    ({"min_order_value_inr": 99901}, "below_minimum"),
])
def test_coupons_that_cannot_be_used(admin, buyer, fields, error):
    answer = order(buyer, (package(admin), 1), code=coupon(admin, **fields)["code"], expect=422)
    assert [(e["pointer"], e["code"]) for e in answer["errors"]] == [("/coupon_code", error)]
    order(buyer, (package(admin), 1), code="NO-SUCH-CODE", expect=422).says("validation_failed", "/coupon_code")


def test_t12_the_last_slot_goes_to_one_and_comes_back(admin, buyer, stranger):
    one = coupon(admin, usage_limit=1)
    item = package(admin)
    answers = together(*(lambda who=who: order(who, (item, 1), code=one["code"], place_of_supply="29",
                                               expect=(201, 409)) for who in (buyer, stranger)))
    assert sorted(a.status for a in answers) == [201, 409]
    winner = buyer if answers[0].status == 201 else stranger
    won = next(a for a in answers if a.status == 201)
    assert winner.post(f"/v1/orders/{won['id']}/cancel", {"reason": "changed my mind"},
                       expect=200)["status"] == "CANCELLED"
    order(buyer, (item, 1), code=one["code"], place_of_supply="29")
    slots = admin.everything(f"/v1/coupons/{one['id']}/redemptions")
    assert len(slots) == 2 and sum(s["released_at"] is None for s in slots) == 1
    assert admin.get(f"/v1/coupons/{one['id']}", expect=200)["version"] == 4


def test_discount_rules_need_their_scope(admin):
    body = {"name": "Diwali", "scope_type": "GLOBAL", "discount_type": "PERCENT", "discount_value": 10}
    admin.post("/v1/discount-rules", {**body, "scope_id": str(uuid.uuid4())}, expect=422).says(
        "validation_failed", "/scope_id")
    admin.post("/v1/discount-rules", {**body, "scope_type": "SERVICE"}, expect=422).says("validation_failed", "/scope_id")
    admin.post("/v1/discount-rules", {**body, "discount_value": 101}, expect=422).says(
        "validation_failed", "/discount_value")


def test_tax_rules(admin, buyer):
    assert any(r["tax_rate"] == "18.000" and r["applies_to"] == "PACKAGE" for r in buyer.everything("/v1/tax-rules"))
    body = {"name": "GST 5 %", "tax_type": "GST", "tax_rate": "5", "applies_to": "CONTACT_VIEWS", "is_active": False}
    made = admin.post("/v1/tax-rules", body, expect=201)
    assert made["tax_rate"] == "5.000" == admin.get(f"/v1/tax-rules/{made['id']}", expect=200)["tax_rate"]
    admin.post("/v1/tax-rules", {**body, "tax_rate": "100.001"}, expect=422).says("validation_failed", "/tax_rate")
    buyer.post("/v1/tax-rules", body, expect=403)


# ---- previews ----

def test_preview_explains_every_line(admin, buyer):
    item = package(admin)
    seen = buyer.post("/v1/orders/preview", order_body((item, 1), place_of_supply="29"), expect=200)
    assert (seen["subtotal_inr"], seen["tax_inr"], seen["total_inr"]) == (99900, 17982, 117882)
    assert (seen["cgst_inr"], seen["sgst_inr"], seen["igst_inr"], seen["supply"]) == (8991, 8991, 0, "INTRA_STATE")
    assert "CGST 8991" in seen["items"][0]["explanation"] and seen["tracecoins"] == 50
    seen = buyer.post("/v1/orders/preview", order_body((item, 1), place_of_supply="33"), expect=200)
    assert (seen["cgst_inr"], seen["igst_inr"], seen["supply"]) == (0, 17982, "INTER_STATE")
    seen = buyer.post("/v1/orders/preview", order_body((item, 1)), expect=200)
    assert seen["place_of_supply"] is None and seen["place_of_supply_needed"] is True


def test_t10_rule_before_coupon(admin, buyer):
    item = package(admin, price=200000)
    rule = admin.post("/v1/discount-rules", {"name": "Ten", "scope_type": "SERVICE", "scope_id": item["id"],
                                             "discount_type": "PERCENT", "discount_value": 10}, expect=201)
    code = coupon(admin, discount_type="PERCENT", discount_value=15, max_discount_inr=25000,
                  min_order_value_inr=180000)["code"]
    seen = buyer.post("/v1/orders/preview", order_body((item, 1), code=code, place_of_supply="29"), expect=200)
    assert [(d["kind"], d["amount_inr"]) for d in seen["discounts"]] == [("RULE", 20000), ("COUPON", 25000)]
    assert (seen["taxable_inr"], seen["cgst_inr"], seen["sgst_inr"], seen["total_inr"]) == (155000, 13950, 13950, 182900)
    placed = order(buyer, (item, 1), code=code, place_of_supply="29")
    assert (placed["discount_inr"], placed["total_inr"]) == (45000, 182900)
    redeemed = buyer.get(f"/v1/coupon-redemptions?order_id={placed['id']}", expect=200).items
    assert [r["discount_amount_inr"] for r in redeemed] == [25000]
    admin.delete(f"/v1/discount-rules/{rule['id']}", expect=204)


# ---- orders ----

def test_a_free_order_completes_at_once(env, admin, buyer):
    item = package(admin, price=0, coins=50, validity_days=30)
    placed = order(buyer, (item, 2))
    assert (placed["status"], placed["total_inr"], placed["user_id"]) == ("COMPLETED", 0, buyer.id)
    assert placed["completed_at"] and placed["place_of_supply"] is None and placed["version"] == 2
    invoice, = buyer.get(f"/v1/invoices?order_id={placed['id']}", expect=200).items
    assert (invoice["status"], invoice["total_inr"], invoice["version"]) == ("PAID", 0, 2) and invoice["paid_at"]
    line, = buyer.get(f"/v1/invoices/{invoice['id']}/lines", expect=200).items
    assert (line["quantity"], line["total_inr"], line["description"]) == (2, 0, item["name"])
    bought, = buyer.get(f"/v1/orders/{placed['id']}/items", expect=200).items
    entry, = ledger(buyer)
    assert (entry["transaction_type"], entry["amount"], entry["reference_type"], entry["reference_id"]) == (
        "CREDIT", 100, "PURCHASE", bought["id"])
    assert balance(buyer) == 100 == entry["balance_after"]
    lot, = buyer.get(f"/v1/tracecoin-wallets/{buyer.wallet['id']}/lots", expect=200).items
    assert lot["remaining"] == 100 and lot["expires_at"]

    told, = published(env, "order.completed", placed["id"])
    assert (told.invoice_number, told.tracecoins_credited, told.balance_after) == (invoice["invoice_number"], 100, 100)
    assert [(i.item_name, i.quantity, i.tracecoins, i.package_type) for i in told.items] == [
        (item["name"], 2, 100, "TRACECOIN_BUNDLE")]
    assert list(told.context.recipient_user_ids) == [buyer.id] and told.context.entity_label == told.invoice_number
    created, = published(env, "order.created", placed["id"])
    assert created.context.correlation_id == told.context.correlation_id
    assert (created.status, created.context.aggregate_version, told.context.aggregate_version) == ("PENDING", 1, 2)
    issued, = published(env, "invoice.issued", invoice["id"])
    paid, = published(env, "invoice.paid", invoice["id"])
    assert (issued.status, paid.status, len(issued.lines), len(paid.lines)) == ("ISSUED", "PAID", 1, 1)
    credited, = published(env, "wallet.credited", buyer.wallet["id"])
    assert (credited.amount, credited.balance_after, [lot.amount for lot in credited.lots]) == (100, 100, [100])
    assert "100" in buyer.mailbox.wait(buyer.email, invoice["invoice_number"])["text"]


def test_t8_a_coupon_may_pay_for_all(env, admin, buyer):
    code = coupon(admin, discount_value=10000)
    placed = order(buyer, (package(admin, price=5000), 1), code=code["code"])
    assert [placed[c] for c in ("subtotal_inr", "discount_inr", "tax_inr", "total_inr")] == [5000, 5000, 0, 0]
    assert placed["status"] == "COMPLETED"
    redeemed, = buyer.get(f"/v1/coupon-redemptions?order_id={placed['id']}", expect=200).items
    assert redeemed["discount_amount_inr"] == 5000
    assert buyer.get(f"/v1/orders/{placed['id']}/payments", expect=200).items == []
    told, = published(env, "coupon.redeemed", code["id"])
    assert (told.id, told.order_id, told.used_count, told.discount_amount_inr) == (redeemed["id"], placed["id"], 1, 5000)
    buyer.post(f"/v1/orders/{placed['id']}/cancel", expect=409).says("illegal_transition")


def test_a_priced_order_waits_for_its_payment(admin, buyer, stranger):
    item = package(admin)
    order(buyer, (item, 1), expect=422).says("validation_failed", "/place_of_supply")
    order(buyer, (item, 1), place_of_supply="00", expect=422).says("validation_failed", "/place_of_supply")
    placed = order(buyer, (item, 1), place_of_supply="29")
    assert (placed["status"], placed["total_inr"], placed["tax_inr"]) == ("PENDING", 117882, 17982)
    assert placed["expires_at"] > placed["created_at"] and balance(buyer) == 0
    assert buyer.get(f"/v1/invoices?order_id={placed['id']}", expect=200).items == []
    path = f"/v1/orders/{placed['id']}"
    stranger.get(path, expect=404)
    stranger.post(f"{path}/cancel", expect=404)
    admin.get(path, expect=200)
    buyer.patch(path, {"buyer_name": "Asha Rao"}, expect=428)
    assert buyer.patch(path, {"buyer_name": "Asha Rao"}, etag=placed.etag, expect=200)["buyer_name"] == "Asha Rao"
    buyer.patch(path, {"total_inr": 1}, etag='"2"', expect=422).says("validation_failed", "/total_inr")
    gone = buyer.post(f"{path}/cancel", {"reason": "too dear"}, expect=200)
    assert (gone["status"], gone["cancel_reason"]) == ("CANCELLED", "too dear") and gone["cancelled_at"]
    assert buyer.post(f"{path}/cancel", expect=409).says("illegal_transition")["legal"] == []
    buyer.patch(path, {"buyer_name": "x"}, etag=gone.etag, expect=409).says("conflict")
    buyer.delete(path, expect=405)


def test_staff_may_cancel(env, admin, buyer):
    placed = order(buyer, (package(admin), 1), place_of_supply="33")
    assert (placed["total_inr"], placed["place_of_supply"]) == (117882, "33")
    admin.post(f"/v1/orders/{placed['id']}/cancel", expect=200)
    told, = published(env, "order.cancelled", placed["id"])
    assert told.cause == "STAFF" and len(told.items) == 1 and list(told.context.recipient_user_ids) == [buyer.id]


def test_the_document_says_what_is_taken(admin, buyer):
    """Form that is refused is not documented, and what is documented is taken."""
    rule = {"name": "GST", "tax_type": "GST", "applies_to": "CONTACT_VIEWS", "is_active": False}
    described = declared.resource("tax_rules").body("create")["properties"]["tax_rate"]["pattern"]
    for rate in ("0", "5", "99.999", "018.000", "100", "100.00", "100.001", "101", "999", "1000", "5.", "5.0000", "-1"):
        taken = admin.post("/v1/tax-rules", {**rule, "tax_rate": rate}, expect=(201, 422)).status == 201
        assert taken == (re.search(described, rate) is not None), rate
    body = declared.document("finance")["paths"]["/v1/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    line = {"item_type": "PACKAGE", "item_id": package(admin)["id"], "quantity": 1}
    for items in ([line], [line] * 50, [{**line, "quantity": 2.0}], [], {}, [7], [line] * 51, [{**line, "quantity": 0}], [{**line, "quantity": 1001}],
                  [{**line, "price": 1}], [{"item_id": line["item_id"], "quantity": 1}]):
        taken = buyer.post("/v1/orders/preview", order_body() | {"items": items}, expect=(200, 422)).status == 200
        assert taken == jsonschema.Draft202012Validator(body["properties"]["items"]).is_valid(items), items


def test_order_bodies_are_checked(admin, buyer, anyone):
    item = package(admin)
    line = {"item_type": "PACKAGE", "item_id": item["id"], "quantity": 1}
    wrong = {"order_type": "PACKAGE", "items": [{**line, "quantity": 0}, {**line, "item_id": "x", "price": 1},
                                                {**line, "item_type": "GIFT"}, 7]}
    answer = buyer.post("/v1/orders", wrong, key=key(), expect=422)
    assert {e["pointer"] for e in answer["errors"]} == {"/items/0/quantity", "/items/1/item_id", "/items/1/price",
                                                        "/items/2/item_type", "/items/3"}
    for body, pointer in ((dict(order_body(), items=[]), "/items"), (dict(order_body(), items={}), "/items"),
                          (dict(order_body((item, 1)), items=[line] * 51), "/items"),
                          (dict(order_body((item, 1)), total_inr=0), "/total_inr"),
                          (dict(order_body((item, 1)), order_type="GIFT"), "/order_type"),
                          (order_body((item, 1001)), "/items/0/quantity"),
                          (order_body((item, 1.5)), "/items/0/quantity"),
                          (dict(order_body(), items=[{**line, "item_type": "SERVICE"}]), "/items/0/item_type"),
                          (order_body(({"id": str(uuid.uuid4())}, 1)), "/items/0/item_id")):
        buyer.post("/v1/orders", body, key=key(), expect=422).says("validation_failed", pointer)
    dear, rich = package(admin, price=10 ** 15), package(admin, price=1, coins=1000000)
    for body in (order_body((dear, 1), place_of_supply="29"), order_body(*[(rich, 1000)] * 3, place_of_supply="29")):
        buyer.post("/v1/orders", body, key=key(), expect=422).says("validation_failed", "/items")
    buyer.post("/v1/orders", order_body((item, 1)), expect=400).says("idempotency_key_required")
    anyone.post("/v1/orders", order_body((item, 1)), key=key(), expect=401)


def test_t28_an_order_is_placed_once_per_key(admin, buyer):
    item, mine = package(admin, price=0, coins=1), key()
    first = buyer.post("/v1/orders", order_body((item, 1)), key=mine, expect=201)
    again = buyer.post("/v1/orders", order_body((item, 1)), key=mine, expect=201)
    assert (again.content, again.etag, again.headers["Location"]) == (first.content, first.etag, first.headers["Location"])
    buyer.post("/v1/orders", order_body((item, 2)), key=mine, expect=422).says("idempotency_key_reused")
    answers = together(*(lambda: copy_of(buyer).post("/v1/orders", order_body((item, 1)), key=mine, expect=(201, 409))
                         for _ in range(4)))
    assert {a.content for a in answers if a.status == 201} <= {first.content}
    assert balance(buyer) == 1


def test_invoice_numbers_have_no_gap(admin, buyer, stranger, sql):
    item = package(admin, price=0, coins=0)
    together(*(lambda who=who: [order(copy_of(who), (item, 1)) for _ in range(5)] for who in (buyer, stranger) * 3))
    rows = sql("finance", "SELECT financial_year, array_agg(sequence ORDER BY sequence) AS numbers FROM invoices"
                          " GROUP BY 1")
    for row in rows:
        assert row["numbers"] == list(range(1, len(row["numbers"]) + 1))


# ---- wallets and the ledger ----

def test_a_wallet_is_its_owners(env, buyer, stranger, admin, anyone):
    assert buyer.wallet["current_balance"] == 0 and buyer.wallet["user_id"] == buyer.id
    assert len(buyer.get("/v1/tracecoin-wallets", expect=200).items) == 1
    stranger.get(f"/v1/tracecoin-wallets/{buyer.wallet['id']}", expect=404)
    stranger.get(f"/v1/tracecoin-wallets/{buyer.wallet['id']}/ledger", expect=404)
    assert stranger.get(f"/v1/tracecoin-ledger?wallet_id={buyer.wallet['id']}", expect=200).items == []
    anyone.get("/v1/tracecoin-wallets", expect=401)
    buyer.post("/v1/tracecoin-wallets", {"user_id": buyer.id}, expect=405)
    move(buyer, "credit", buyer, 5, expect=403).says("forbidden")
    move(buyer, "debit", buyer, 5, expect=403).says("forbidden")


def test_staff_moves_coins(env, admin, buyer):
    move(admin, "credit", buyer, 100, remarks="Welcome")
    assert move(admin, "debit", buyer, 30, "LEAD", remarks="by hand")["current_balance"] == 70
    assert [(e["transaction_type"], e["amount"], e["balance_after"], e["sequence"]) for e in ledger(buyer)] == [
        ("CREDIT", 100, 100, 1), ("DEBIT", 30, 70, 2)]
    told, = published(env, "wallet.debited", buyer.wallet["id"])
    assert (told.amount, told.balance_after, told.reference_type, told.remarks) == (30, 70, "LEAD", "by hand")
    assert [lot.amount for lot in told.lots] == [30] and list(told.context.recipient_user_ids) == [buyer.id]


def test_coin_movements_are_checked(admin, buyer):
    path = f"/v1/tracecoin-wallets/{buyer.wallet['id']}"
    admin.post(f"{path}/credit", {"amount": 1, "reference_type": "BONUS"}, expect=400).says("idempotency_key_required")
    move(admin, "credit", buyer, 0, expect=422).says("validation_failed", "/amount")
    move(admin, "credit", buyer, 1, "GIFT", expect=422).says("validation_failed", "/reference_type")
    move(admin, "credit", buyer, 1, "PURCHASE", str(uuid.uuid4()), expect=422).says(
        "validation_failed", "/reference_type")
    move(admin, "credit", buyer, 1, "LEAD", expect=422).says("validation_failed", "/reference_id")
    move(admin, "credit", buyer, 1, "LEAD", str(uuid.uuid4()), expect=409).says("conflict")
    move(admin, "debit", buyer, 1, "PURCHASE", expect=422).says("validation_failed", "/reference_id")
    for remarks in (None, "", " "):
        move(admin, "credit", buyer, 1, remarks=remarks, expect=422).says("validation_failed", "/remarks")
    move(admin, "credit", buyer, 2**31 - 1)
    move(admin, "credit", buyer, 1, expect=409).says("conflict")
    admin.post(f"/v1/tracecoin-wallets/{uuid.uuid4()}/credit", {"amount": 1, "reference_type": "BONUS", "remarks": "x"},
               key=key(), expect=404)


def test_a_large_bonus_needs_a_role_that_approves(env, admin, buyer):
    """finance.bonus_limit_coins: who may only give coins has to ask a second person above it."""
    role = admin.post("/v1/roles", {"key": f"giver_{uuid.uuid4().hex[:8]}", "name": "Giver", "audience": "EXTERNAL"},
                      expect=201)
    admin.post("/v1/role-permissions", {"role_id": role["id"], "permission_key": "tracecoin-wallets.credit"}, expect=201)
    giver = Person(env).register().sign_in()
    giver.post("/v1/user-roles", {"role_key": role["key"]}, expect=201)
    eventually("the giver may give", lambda: move(giver.refresh(), "credit", buyer, 1000, expect=(200, 401, 403)).status == 200)
    refused = move(giver, "credit", buyer, 1001, expect=403).says("forbidden")
    assert "1000 tracecoins" in refused["detail"]
    assert balance(buyer) == 1000
    assert move(admin, "credit", buyer, 1001, remarks="Ticket 12, asked for by the giver")["current_balance"] == 2001


def test_nobody_gives_coins_to_himself(admin):
    admin.wallet = eventually("a wallet", lambda: admin.get("/v1/tracecoin-wallets?user_id=me", expect=200).items)[0]
    move(admin, "credit", admin, 5, expect=403).says("own_submission")


def test_t25_a_balance_is_never_negative(env, admin, buyer):
    move(admin, "credit", buyer, 100)
    body = {"amount": 60, "reference_type": "LEAD"}
    answers = together(*(lambda: copy_of(admin).post(f"/v1/tracecoin-wallets/{buyer.wallet['id']}/debit", body,
                                                     key=key(), expect=(200, 409)) for _ in range(2)))
    assert sorted(a.status for a in answers) == [200, 409]
    assert balance(buyer) == 40
    refused, = published(env, "wallet.debit_refused", buyer.wallet["id"])
    assert (refused.needed, refused.balance) == (60, 40)


def test_a_key_counts_for_a_wallet_however_its_id_is_spelled(admin, buyer):
    """RFC 9562: the letters of an id mean the same in upper and lower case."""
    move(admin, "credit", buyer, 100, remarks="A test")
    body, mine, plain = {"amount": 10, "reference_type": "LEAD"}, key(), buyer.wallet["id"]
    for spelled in (plain, plain.upper(), plain.capitalize(), f"%{ord(plain[0]):02x}{plain[1:]}"):
        admin.post(f"/v1/tracecoin-wallets/{spelled}/debit", body, key=mine, expect=200)
        assert balance(buyer) == 90


def test_a_reference_is_used_once_each_way(admin, buyer):
    lead = str(uuid.uuid4())
    move(admin, "credit", buyer, 100)
    move(admin, "debit", buyer, 10, "LEAD", lead)
    move(admin, "debit", buyer, 10, "LEAD", lead, expect=409).says("already_exists", "/reference_id")
    move(admin, "credit", buyer, 9, "LEAD", lead, expect=422).says("validation_failed", "/amount")
    assert move(admin, "credit", buyer, 10, "LEAD", lead)["current_balance"] == 100
    move(admin, "credit", buyer, 10, "LEAD", lead, expect=409).says("conflict")
    assert balance(buyer) == 100


def test_the_ledger_refuses_every_change(admin, buyer, sql):
    move(admin, "credit", buyer, 1)
    for statement in ("UPDATE tracecoin_ledger SET amount = 2", "DELETE FROM tracecoin_ledger",
                      "TRUNCATE tracecoin_ledger CASCADE"):
        with pytest.raises(Exception, match="insert-only"):
            sql("finance", statement)
    buyer.patch(f"/v1/tracecoin-ledger/{ledger(buyer)[0]['id']}", {"amount": 2}, expect=405)


def lots(person):
    rows = person.everything(f"/v1/tracecoin-wallets/{person.wallet['id']}/lots")
    return sorted(rows, key=lambda lot: (lot["expires_at"] is None, lot["expires_at"]))


def bundle(admin, buyer, coins, days):
    order(buyer, (package(admin, price=0, coins=coins, **({"validity_days": days} if days else {})), 1))


def test_l3_the_soonest_to_expire_is_spent_first(admin, buyer):
    for coins, days in ((10, None), (20, 60), (30, 5)):
        bundle(admin, buyer, coins, days)
    move(admin, "debit", buyer, 35, "LEAD")
    assert [lot["remaining"] for lot in lots(buyer)] == [0, 15, 10]
    move(admin, "debit", buyer, 20, "LEAD")
    assert [lot["remaining"] for lot in lots(buyer)] == [0, 0, 5]


def test_l3_what_is_past_is_gone_before_anything_moves(env, admin, buyer, sql):
    bundle(admin, buyer, 30, 5)
    bundle(admin, buyer, 20, 60)
    lead = str(uuid.uuid4())
    move(admin, "debit", buyer, 10, "LEAD", lead)
    sql("finance", "UPDATE coin_lots SET expires_at = now() - interval '1 minute' WHERE wallet_id = %s AND amount = 30",
        buyer.wallet["id"])
    move(admin, "debit", buyer, 25, "LEAD", expect=409).says("conflict")
    assert balance(buyer) == 20
    expired = [e for e in ledger(buyer) if e["remarks"] == "expired"]
    assert [(e["transaction_type"], e["amount"], e["reference_type"]) for e in expired] == [("DEBIT", 20, "PURCHASE")]
    # ten come back to the lot that is past: they live 72 hours more, and expire under a reference of their own
    assert move(admin, "credit", buyer, 10, "LEAD", lead)["current_balance"] == 30
    revived = lots(buyer)[0]
    assert (revived["amount"], revived["remaining"], revived["expirations"]) == (30, 10, 1)
    sql("finance", "UPDATE coin_lots SET expires_at = now() - interval '1 minute' WHERE id = %s", revived["id"])
    move(admin, "debit", buyer, 1, "LEAD")
    references = [e["reference_id"] for e in ledger(buyer) if e["remarks"] == "expired"]
    assert references[0] == expired[0]["reference_id"] and len(set(references)) == 2
    assert balance(buyer) == 19
    assert len(published(env, "wallet.debited", buyer.wallet["id"], 4)) == 4


def test_wallet_low_is_told_when_crossed(env, admin, buyer):
    move(admin, "credit", buyer, 20)
    for _ in range(3):
        move(admin, "debit", buyer, 6, "LEAD")
    low = published(env, "wallet.low", buyer.wallet["id"])
    assert [(e.balance, e.threshold) for e in low] == [(8, 10)]


# ---- gateways and payments ----

def test_gateways_hold_names_of_secrets_alone(admin, buyer):
    body = {"gateway_key": "RAZORPAY", "display_name": "Razorpay", "is_active": False,
            "config_json": {"key_id": "rzp_test_1", "key_secret_name": "razorpay-key-secret"}}
    made = admin.post("/v1/payment-gateway-configs", body, expect=201)
    assert made["config_json"]["key_secret_name"] == "razorpay-key-secret"
    for config, pointer in (({"key_secret": "abc"}, "/config_json/key_secret"),
                            ({"key_secret_name": "S3cretValue+/="}, "/config_json/key_secret_name"),
                            ([], "/config_json")):
        admin.post("/v1/payment-gateway-configs", {**body, "config_json": config}, expect=422).says(
            "validation_failed", pointer)
    buyer.get("/v1/payment-gateway-configs", expect=403)
    buyer.post("/v1/payment-gateway-configs", body, expect=403)
    admin.delete(f"/v1/payment-gateway-configs/{made['id']}", expect=204)


def test_payments_come_from_gateways_alone(buyer):
    assert buyer.get("/v1/payments", expect=200).items == []
    assert buyer.get("/v1/payment-transactions", expect=200).items == []
    buyer.post("/v1/payments", {}, expect=405)


def test_t30_the_books_agree(admin, buyer):
    found = admin.get("/v1/finance-checks", expect=200)
    assert found["all_hold"], [c for c in found["checks"] if not c["holds"]]
    buyer.get("/v1/finance-checks", expect=403)


def test_the_books_are_checked_in_time_however_many_wallets_there_are(env, admin):
    """60,000, each with a spent lot: where each of them looked at all lots, the check ran into its time limit."""
    with psycopg.connect(env["NXT_DB_SUPERUSER"].rsplit("/", 1)[0] + "/nxt_finance", autocommit=True) as db:
        db.execute("SET session_replication_role = replica")    # neither users nor entries of the ledger are needed
        try:
            db.execute("INSERT INTO tracecoin_wallets (id, user_id) SELECT id, id"
                       " FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 60000)) w")
            db.execute("INSERT INTO coin_lots (id, wallet_id, ledger_id, amount, remaining)"
                       " SELECT id, id, id, 1, 0 FROM tracecoin_wallets WHERE id = user_id")
            db.execute("ANALYZE tracecoin_wallets, coin_lots")
            admin.get("/v1/finance-checks", expect=200)
        finally:
            db.execute("DELETE FROM coin_lots WHERE id = wallet_id")
            db.execute("DELETE FROM tracecoin_wallets WHERE id = user_id")
            db.execute("VACUUM ANALYZE tracecoin_wallets, coin_lots")
