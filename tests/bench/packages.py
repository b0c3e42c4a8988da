"""The resource that is measured: pricing_packages of finance, a row of usual width with checks and events.

What pgbench runs is written out here: the daemon's own statements, in their plain form.
"""
import random

from load import request_text

PATH = "/v1/pricing-packages"
COLUMNS = ("id", "name", "description", "package_type", "price_inr", "tracecoins_included", "validity_days",
           "is_active", "created_at", "updated_at", "version", "tax_point", "sac", "effective_from", "effective_to")
ROWS = 10_000
FIRST = 100_000_000_000

# Ids that a pgbench script can make from a number: text put together and read as uuid costs 0.1 µs.
ID = "('01920000-0000-7000-8000-' || :{})::uuid"

SELECT = f"""\\set i random({FIRST}, {FIRST + ROWS - 1})
SELECT {', '.join(COLUMNS)} FROM pricing_packages WHERE id = {ID.format('i')};
"""

# The list that the daemon makes of LIST_QUERY for a visitor who is not signed in: the first fifty by a filter of what
# is on sale, newest first, one more to see the next page.
LIST_QUERY = "?package_type=TRACECOIN_BUNDLE&limit=50"
LIST = f"""SELECT {', '.join(COLUMNS)} FROM pricing_packages WHERE package_type = 'TRACECOIN_BUNDLE'
 AND is_active AND effective_from <= now() AND (effective_to IS NULL OR effective_to > now())
 ORDER BY created_at DESC, id DESC LIMIT 51;
"""

# As staff get it, who see all rows, with a bound that each request draws anew; all rows are within it.
LIST_APART = f"""\\set p random(1, 99900)
SELECT {', '.join(COLUMNS)} FROM pricing_packages WHERE package_type = 'TRACECOIN_BUNDLE' AND price_inr >= :p
 ORDER BY created_at DESC, id DESC LIMIT 51;
"""

INSERT_ROW = f"""INSERT INTO pricing_packages (id, name, description, package_type, price_inr,
 tracecoins_included, validity_days, is_active, created_at, updated_at, version, tax_point, effective_from)
 VALUES ({ID.format('i')}, 'Starter of the bench', 'Fifty tracecoins for a year', 'TRACECOIN_BUNDLE', 99900,
 50, 365, true, now(), now(), 1, 'SALE', now());
"""
INSERT_EVENT = f"""INSERT INTO outbox_events (id, aggregatetype, aggregateid, type, payload, headers, created_at)
 VALUES ({ID.format('i')}, 'pricing', {ID.format('i')}, 'pricing.changed', '\\x%s',
 '{{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}', now());
"""
# Twelve digits: the run, the client, its transactions. Ascending per client, as UUIDv7 would be.
UNIQUE = """\\set n :n + 1
\\set i (:run % 90 + 10) * 10000000000 + :client_id * 100000000 + :n
"""


def item_id(number):
    return f"01920000-0000-7000-8000-{FIRST + number}"


def seed(world):
    """Rows 0 to ROWS - 1, as the owner of the table would load them."""
    with world.superuser("finance") as db:
        db.execute(
            """INSERT INTO pricing_packages (id, name, description, package_type, price_inr, tracecoins_included,
                   validity_days, is_active, version, tax_point)
               SELECT ('01920000-0000-7000-8000-' || (%s + n))::uuid, 'Package ' || n, 'Fifty tracecoins for a year',
                   'TRACECOIN_BUNDLE', 99900 + n, 50, 365, true, 1, 'SALE'
               FROM generate_series(0::bigint, %s) n ON CONFLICT DO NOTHING""", (FIRST, ROWS - 1))
        db.execute("VACUUM ANALYZE pricing_packages")


def body(number):
    """A creation as a member of staff sends it."""
    return {"name": f"Starter {number}", "description": "Fifty tracecoins for a year",
            "package_type": "TRACECOIN_BUNDLE", "price_inr": 99900 + number, "tracecoins_included": 50,
            "validity_days": 365, "is_active": True}


def gets(url, token):
    """Random items; more requests than this only cost wrk memory."""
    return [request_text("GET", url, f"{PATH}/{item_id(n)}", token) for n in random.sample(range(ROWS), 5000)]


def lists(url, token=None):
    return [request_text("GET", url, PATH + LIST_QUERY, token)]


def lists_apart(url, token):
    return [request_text("GET", url, f"{PATH}{LIST_QUERY}&min_price_inr={n}", token) for n in random.sample(range(1, 99901), 5000)]


def posts(url, token):
    return [request_text("POST", url, PATH, token, body(n)) for n in range(500)]


def payload(world):
    """The event that the daemon itself wrote for such a creation."""
    with world.connect("finance") as db:
        row = db.execute("SELECT payload FROM outbox_events WHERE type = 'pricing.changed' LIMIT 1").fetchone()
    return row[0]


def insert_script(world):
    """The daemon's transaction of a creation: BEGIN, the row, its event, COMMIT."""
    return UNIQUE + "BEGIN;\n" + INSERT_ROW + INSERT_EVENT % payload(world).hex() + "COMMIT;\n"
