"""Events in bulk, written straight into an outbox: packed by Python's own protobuf from proto/."""
import random
import sys
import time
import uuid

import packages
from nxt.home import ROOT

sys.path.insert(0, str(ROOT / "tests/golden"))
import contract  # noqa: E402
from ids import new_uuid7  # noqa: E402

AGGREGATES = 10_000
ACTORS = 100
TYPE = "pricing.changed"


class PriceChanges:
    """pricing.changed as a member of staff causes it: two fields changed, all of a Context filled."""

    def __init__(self):
        self.message = contract.load_messages(contract.descriptor_set())["PricingChanged"]
        self.actors = [str(uuid.UUID(int=n + (7 << 76) + (2 << 62))) for n in range(1, ACTORS + 1)]
        self.versions = {}

    def _context(self, context, event_id, aggregate_id, now):
        self.versions[aggregate_id] = version = self.versions.get(aggregate_id, 0) + 1
        context.event_id, context.aggregate_id, context.aggregate_version = event_id, aggregate_id, version
        context.aggregate_type = context.entity_type = "pricing"
        context.entity_id = aggregate_id
        context.occurred_at.FromNanoseconds(int(now * 1e9))
        context.correlation_id = context.request_id = str(uuid.uuid4())
        context.actor.user_id, context.actor.type = random.choice(self.actors), "USER"
        context.source.type, context.source.id = "UI", context.actor.user_id
        context.ip_address, context.user_agent = "192.0.2.17", "Mozilla/5.0 (X11; Linux x86_64)"
        context.action, context.module_key, context.status = "UPDATE", "finance", "SUCCESS"
        context.entity_label = "Starter of the bench"

    def one(self):
        """A row of outbox_events: id, aggregatetype, aggregateid, type, payload, headers."""
        now = time.time()
        event_id = str(new_uuid7(int(now * 1000)))
        aggregate_id = packages.item_id(random.randrange(AGGREGATES))
        event = self.message(id=aggregate_id, name="Starter of the bench", package_type="TRACECOIN_BUNDLE",
                             price_inr=99900, tracecoins_included=50, validity_days=365, is_active=True,
                             tax_point="SALE")
        self._context(event.context, event_id, aggregate_id, now)
        event.context.changes.add(field_name="price_inr", old_value="89900", new_value="99900")
        event.context.changes.add(field_name="validity_days", old_value="180", new_value="365")
        return event_id, "pricing", aggregate_id, TYPE, event.SerializeToString(), "{}"


def fill(world, count):
    """`count` events waiting in finance's outbox, which no relay reads meanwhile."""
    make = PriceChanges()
    with world.superuser("finance") as db, db.cursor() as cursor:
        with cursor.copy("COPY outbox_events (id, aggregatetype, aggregateid, type, payload, headers) FROM STDIN") as copy:
            for _ in range(count):
                copy.write_row(make.one())
        db.execute("VACUUM ANALYZE outbox_events")
