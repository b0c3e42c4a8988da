"""What outsiders know, and whether the tables agree: nothing here looks into the daemons.

A history holds every write that was acknowledged over HTTP. What was published is read from Kafka by a foreign client
and decoded by a foreign decoder. check() compares both with the rows, the ledger and its wallets, the audit log with its
changes, notifications, mails, projections, outboxes and dead letters, and returns what does not fit, by kind.
"""
import collections
import hashlib
import threading

from nxt.home import SERVICES
from topics import everything, messages

SHOWN = 5
# A message of each kind of money, decoded whole; of all others the envelope is enough.
MOVEMENTS = {"wallet.credited": ("WalletCredited", 1), "wallet.debited": ("WalletDebited", -1)}


class Write:
    """One acknowledged write: a movement of coins under its reference, or a row that was made."""

    def __init__(self, kind, service, table, key, **more):
        self.kind, self.service, self.table, self.key, self.more = kind, service, table, key, more


class History:
    def __init__(self):
        self.lock, self.writes, self.refused, self.tries = threading.Lock(), [], 0, 0

    def acknowledged(self, write):
        with self.lock:
            self.writes.append(write)

    def of(self, kind):
        return [w for w in self.writes if w.kind == kind]


def _digest(changes):
    """As the audit log's own rows give it; None where nothing changed."""
    rows = sorted((c.field_name.encode(), c.old_value.encode(), c.new_value.encode()) for c in changes)
    return hashlib.md5(b"\x1e".join(b"\x1f".join(row) for row in rows)).digest() if rows else None


class Published:
    """Everything on the bus: each event once, and how often and in which order it was seen."""

    def __init__(self, env):
        envelope = messages()["AnyEvent"]
        self.events, self.undecodable = {}, 0       # id: (topic, digest of its changes), one pair for all alike
        self.doubles = 0                            # sent again: allowed on the bus, never in a table
        self.disorder, self.movements, self.births = [], collections.defaultdict(set), collections.defaultdict(set)
        last, pairs = {}, {}    # (topic, key): (partition, version)
        for record in everything(env):
            try:
                context = envelope.FromString(record.value()).context
            except Exception:       # the decoder's own kinds: the bytes were broken on purpose
                self.undecodable += 1
                continue
            if not context.event_id:
                self.undecodable += 1
                continue
            if context.event_id in self.events:
                self.doubles += 1
                continue
            pair = record.topic(), _digest(context.changes)
            self.events[context.event_id] = pairs.setdefault(pair, pair)
            self._note(record, context, last)

    def _note(self, record, context, last):
        topic, key, place = record.topic(), record.key().decode(), record.partition()
        partition, version = last.get((topic, key), (place, 0))
        if key != context.aggregate_id:
            self.disorder.append(f"{topic} {key}: the aggregate is {context.aggregate_id}")
        elif place != partition:
            self.disorder.append(f"{topic} {key}: in partition {place} after {partition}")
        # An aggregate may publish several events of one version, each in a topic of its own.
        elif context.aggregate_version < version:
            self.disorder.append(f"{topic} {key}: version {context.aggregate_version} after {version}")
        last[topic, key] = place, context.aggregate_version
        if context.action == "CREATE":
            self.births[context.aggregate_id].add(context.event_id)
        if topic in MOVEMENTS:
            event = messages()[MOVEMENTS[topic][0]].FromString(record.value())
            self.movements[event.reference_id].add(context.event_id)


class Found(dict):
    """{what does not fit: [how often, the first few examples …]}"""

    def note(self, what, example):
        kind = self.setdefault(what, [0])
        kind[0] += 1
        if len(kind) <= SHOWN:
            kind.append(example)


def check(history, env, sql, garbage=0):
    """What does not fit, and what was published; `garbage` events that nobody can decode were sent on purpose."""
    published, found = Published(env), Found()
    for one in (_movements, _rows, _audit, _effects, _mails, _books, _projections, _leftovers):
        for what, example in one(history, published, sql):
            found.note(what, example)
    for example in published.disorder:
        found.note("order of a key broken", example)
    if published.undecodable != garbage:
        found.note("event broken", f"{published.undecodable} cannot be decoded, {garbage} were sent so")
    return found, published


def _movements(history, published, sql):
    """Each acknowledged movement is one entry of the ledger and one event, of the right amount."""
    entries = collections.defaultdict(list)
    for row in sql("finance", "SELECT reference_id::text, transaction_type, amount FROM tracecoin_ledger"
                              " WHERE reference_type = 'BONUS' OR transaction_type = 'DEBIT'"):
        entries[row["reference_id"]].append((row["transaction_type"], row["amount"]))
    for w in history.of("movement"):
        wanted, have = (w.more["type"], w.more["amount"]), entries.get(w.key, [])
        if not have:
            yield "acknowledged write lost", f"movement {w.key}"
        elif len(have) > 1:
            yield "effect doubled", f"movement {w.key}: {have}"
        elif have != [wanted]:
            yield "write changed", f"movement {w.key}: {have}, acknowledged {wanted}"
        events = len(published.movements.get(w.key, ()))
        if events != 1:
            yield "event lost" if events == 0 else "event doubled", f"movement {w.key}: {events} events"
    for reference, have in entries.items():
        if len(have) > 1:
            yield "effect doubled", f"reference {reference}: {have}"


def _rows(history, published, sql):
    """Each acknowledged row is there under its id, once by its name, and was announced by one event."""
    for kind in {w.kind for w in history.writes} - {"movement", "sign-up"}:
        writes = history.of(kind)
        column = writes[0].more["column"]
        rows = sql(writes[0].service, f"SELECT id::text, {column} AS name FROM {writes[0].table} WHERE {column} = ANY (%s)",
                   [w.more["name"] for w in writes])
        names = collections.Counter(r["name"] for r in rows)
        ids = {r["id"] for r in rows}
        for w in writes:
            if w.key not in ids:
                yield "acknowledged write lost", f"{kind} {w.key}"
            if names[w.more["name"]] > 1:
                yield "effect doubled", f"{kind} {w.more['name']}: {names[w.more['name']]} rows"
            born = len(published.births.get(w.key, ()))
            if born != 1:
                yield "event lost" if born == 0 else "event doubled", f"{kind} {w.key}: {born} events of its birth"


def _audit(history, published, sql):
    """Each event is one row of the audit log with the changes that it names; no row is without an event."""
    unseen = set(published.events)
    for row in sql.each("audit", """
        SELECT a.id::text, decode(md5(string_agg(convert_to(concat_ws(E'\x1f', c.field_name, coalesce(c.old_value_text, ''),
            coalesce(c.new_value_text, '')), 'UTF8'), '\\x1e'::bytea
            ORDER BY c.field_name COLLATE "C", c.old_value_text COLLATE "C" NULLS FIRST, c.new_value_text COLLATE "C" NULLS FIRST)
            FILTER (WHERE c.id IS NOT NULL)), 'hex') AS changes
        FROM audit_logs a LEFT JOIN audit_log_changes c ON c.audit_log_id = a.id GROUP BY a.id, a.ctid, a.tableoid"""):
        event = row["id"]
        topic, changes = published.events.get(event, (None, None))
        if topic is None:
            yield "effect without event", f"audit_logs {event}"
        elif event not in unseen:
            yield "effect doubled", f"{topic} {event}: another row in audit_logs"
        elif row["changes"] != changes:
            yield "effect changed", f"{topic} {event}: its changes are not those that were published"
        unseen.discard(event)
    for event in unseen:
        yield "event has no effect", f"{published.events[event][0]} {event} is not in audit_logs"


def _effects(history, published, sql):
    """Each bonus told its owner once; a debit that is for no lead tells nobody."""
    told = collections.Counter()
    for r in sql("notify", "SELECT source_event_id::text AS event, channel, count(*) AS n FROM notifications"
                           " WHERE source_event_id IS NOT NULL GROUP BY source_event_id, user_id, channel"):
        if r["n"] > 1:
            yield "effect doubled", f"notification of {r['event']} by {r['channel']}: {r['n']}"
        told[r["event"]] += r["n"]
    for w in history.of("movement"):
        wanted = int(w.more["type"] == "CREDIT")
        for event in published.movements.get(w.key, ()):
            if told[event] != wanted:
                yield "event has no effect" if told[event] < wanted else "effect doubled", \
                    f"notification of the {w.more['type']} {w.key}: {told[event]}"


def _mails(history, published, sql):
    """Each sign-up is told by one mail, and that was sent."""
    people = [w.key for w in history.of("sign-up")]
    told = collections.defaultdict(list)
    for r in sql("notify", "SELECT to_email, status FROM email_logs WHERE to_email = ANY (%s)", people):
        told[r["to_email"]].append(r["status"])
    for email in people:
        if told[email] != ["SENT"]:
            yield ("effect doubled" if len(told[email]) > 1 else "event has no effect"), f"mails to {email}: {told[email]}"


def _projections(history, published, sql):
    """Everyone is known everywhere, as identity knows them."""
    users = {str(r["id"]): r["status"] for r in sql("identity", "SELECT id, status FROM users")}
    for service in SERVICES:
        if service == "identity":
            continue
        refs = {str(r["id"]): r for r in sql(service, "SELECT * FROM user_refs WHERE known")}
        for user, status in users.items():
            if user not in refs:
                yield "event has no effect", f"{service} does not know user {user}"
            elif refs[user].get("status", status) != status:
                yield "effect changed", f"{service}: user {user} is {refs[user]['status']}, in identity {status}"


def _books(history, published, sql):
    """Wallet = sum of its ledger = last balance written there = sum of what was acknowledged; each link of the chain fits."""
    acknowledged = collections.Counter()
    for w in history.of("movement"):
        acknowledged[w.more["wallet"]] += w.more["amount"] * (1 if w.more["type"] == "CREDIT" else -1)
    for r in sql("finance", """
        SELECT w.id::text, w.current_balance AS balance, coalesce(l.sum, 0)::bigint AS sum, coalesce(l.last, 0) AS last,
               coalesce(l.broken, 0) AS broken
        FROM tracecoin_wallets w LEFT JOIN (
            SELECT wallet_id, sum(moved) AS sum, (array_agg(balance_after ORDER BY sequence DESC))[1] AS last,
                   count(*) FILTER (WHERE balance_after <> moved + before OR sequence <> place) AS broken
            FROM (SELECT *, coalesce(lag(balance_after) OVER w, 0) AS before, row_number() OVER w AS place
                  FROM (SELECT *, CASE transaction_type WHEN 'CREDIT' THEN amount ELSE -amount END AS moved
                        FROM tracecoin_ledger) m WINDOW w AS (PARTITION BY wallet_id ORDER BY sequence)) c
            GROUP BY 1) l ON l.wallet_id = w.id"""):
        if not r["balance"] == r["sum"] == r["last"] or r["broken"]:
            yield "books differ", (f"wallet {r['id']}: balance {r['balance']}, ledger {r['sum']}, last {r['last']},"
                                   f" {r['broken']} links of the chain broken")
        if r["id"] in acknowledged and acknowledged[r["id"]] != r["balance"]:
            yield "books differ", f"wallet {r['id']}: balance {r['balance']}, acknowledged {acknowledged[r['id']]}"


def _leftovers(history, published, sql):
    for service in SERVICES:
        for table, what in (("outbox_events", "event not published"), ("dead_letters", "dead letters")):
            if n := sql(service, f"SELECT count(*) AS n FROM {table}")[0]["n"]:
                yield what, f"{n} rows in {table} of {service}"
