"""The event contract from outside: catalogue, table, messages and golden bytes say the same."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/golden"))
import contract  # noqa: E402

SPEC = Path(os.environ.get("NXT_SHARED", ROOT.parent / "shared")) / "spec"
GOLDEN = ROOT / "tests/golden/events"
TABLE = contract.event_table()
SERVICES = ("identity", "profiles", "finance", "marketplace", "notify", "audit")
# Never in an event, whatever the table. The one-time token travels encrypted under another name.
SECRET_COLUMNS = {"password_hash", "token_hash", "session_token", "token", "secret", "password"}
# Columns that are public in no event: the recipient's alone, or too large for a message.
KEPT_AT_HOME = {("email_logs", "body_snapshot"), ("notifications", "title"), ("notifications", "body"),
                ("verification_documents", "file_url"), ("kb_articles", "content_markdown"),
                ("support_ticket_messages", "message_body"), ("support_ticket_messages", "attachment_url")}
# Whose table is not the plural of the noun before ".changed", and who stands in for it.
CARRIED_BY = {
    "users": "UserChanged", "user_sessions": "SessionOpened", "user_settings": "UserSettingsChanged",
    "user_roles": "RoleDecided", "user_role_profiles": "ProfileChanged", "company_profiles": "CompanyChanged",
    "customer_profiles": "CustomerChanged", "candidate_profiles": "CandidateChanged",
    "portfolio_items": "PortfolioChanged", "verification_requests": "VerificationDecided",
    "approval_requests": "ApprovalDecided", "pricing_packages": "PricingChanged", "invoices": "InvoiceIssued",
    "payments": "PaymentSucceeded", "order_items": "OrderItem", "portfolio_images": "PortfolioImage",
    "coupon_redemptions": "CouponRedeemed", "kb_categories": "KbCategoryChanged",
    "kb_article_feedback": "ArticleRated", "notifications": "NotificationSent", "email_logs": "EmailSent",
    "dashboard_configs": "DashboardChanged", "runtime_configs": "ConfigChanged"}
# Insert-only logs: the event whose row they keep is named elsewhere; role_permissions travel as a
# list in role.permissions_changed.
WITHOUT_EVENT = {"tracecoin_ledger", "payment_transactions", "approval_logs", "verification_logs", "audit_logs",
                 "audit_log_changes", "role_permissions"}
# Columns the schema adds for the service's own use, or that travel under the catalogue's word.
INTERNAL = {
    "users": {"suspended_reason", "suspended_until", "erased_at"},  # reason, until; user.erased
    "user_sessions": {"revoked_cause"},  # cause
    "refresh_tokens": {"successor_box"},
    "user_role_profiles": {"suspended_cause"},  # cause
    "company_profiles": {"suspended_cause"},  # cause
    "verification_requests": {"held_by_user_id", "held_at"},
    "approval_requests": {"held_by_user_id", "held_at", "entity_label", "source_event_id"},  # Context
    "jobs": {"debited_at", "close_reason"},  # reason
    "leads": {"close_reason"},  # reason
    "lead_requests": {"rejected_cause", "contact_revealed_at"},  # reason; contact.revealed
    "reviews": {"moderated_by_user_id", "moderated_at"},
    "payments": {"next_poll_at", "poll_attempts"},
    "notifications": {"attempts", "next_attempt_at", "leased_until", "deadline_at", "correlation_id", "causation_id"},
    "email_logs": {"html_snapshot", "next_attempt_at", "lease_owner", "leased_until", "token_ciphertext",
                   "token_expires_at", "correlation_id", "causation_id", "traceparent"},
    "smtp_configs": {"password_secret"},
    "support_tickets": {"source_event_id", "overdue_at"},
}
# A child row inside its parent's message does not repeat the parent's id.
PARENT_KEY = {("portfolio_images", "portfolio_item_id")}


# About a person wherever it stands.
ALWAYS_PERSONAL = {"email", "phone", "old_email", "old_phone", "to_email", "ip_address", "user_agent", "device",
                   "avatar_url", "resume_file_url", "contact_person_name", "buyer_name", "buyer_address",
                   "cover_note", "review_text", "feedback_text", "expected_salary_inr", "settings_json"}


@pytest.fixture(scope="module")
def descriptors():
    return contract.descriptor_set()


@pytest.fixture(scope="module")
def messages(descriptors):
    return contract.load_messages(descriptors)


@pytest.fixture(scope="module")
def specification():
    if not SPEC.is_dir():
        pytest.skip(f"no specification at {SPEC}; set NXT_SHARED")
    return SPEC


def catalogue_types(text):
    """Every event type of the catalogue; "user.activated / user.reinstated" and
    "employee.hired / moved" name two each."""
    types = set()
    for row in re.findall(r"^\| (.+?) \| .+ \| .+ \| .+ \| .+ \|$", text, re.M):
        noun = None
        for word in re.split(r"\s*[/,]\s*", row.replace("*", "")):
            if re.fullmatch(r"[a-z_]+\.[a-z_]+", word):
                noun = word.split(".")[0]
                types.add(word)
            elif noun:
                types.add(f"{noun}.{word}")
    return types


def as_published(event):
    """"Where the catalogue says created, updated for profile, company, customer and candidate, that
    is <noun>.changed too." """
    noun, verb = event.split(".")
    if noun in ("profile", "company", "customer", "candidate") and verb in ("created", "updated"):
        return f"{noun}.changed"
    return event


def test_catalogue_is_in_the_table(specification):
    types = catalogue_types((specification / "events.md").read_text())
    assert len(types) > 90, "the catalogue was not understood"
    assert {as_published(event) for event in types} - set(TABLE) == set()


def event_messages(messages):
    return {name for name, cls in messages.items()
            if "context" in cls.DESCRIPTOR.fields_by_name and name != "AnyEvent"}


def test_table_and_messages_name_the_same_types(messages):
    assert {contract.message_name(event) for event in TABLE} == event_messages(messages)


def test_message_stands_in_its_publishers_file(messages):
    for event, entry in TABLE.items():
        service = "identity" if entry["service"] == "all" else entry["service"]
        file = messages[contract.message_name(event)].DESCRIPTOR.file.name
        assert file == f"nxtgauge/events/v1/{service}.proto", event


def test_table_entries_agree_with_themselves():
    assert list(TABLE) == sorted(TABLE)
    for event, entry in TABLE.items():
        assert entry["message"] == event.replace(".", "_")
        assert entry["symbol"] == entry["message"].upper()
        assert entry["service"] in (*SERVICES, "all")


def test_key_is_a_field(messages):
    for event, entry in TABLE.items():
        if entry["key"] != "NULL":
            fields = messages[contract.message_name(event)].DESCRIPTOR.fields_by_name
            assert entry["key"].strip('"') in fields, event


def test_context_is_field_one(messages):
    for name in event_messages(messages):
        field = messages[name].DESCRIPTOR.fields_by_number[1]
        assert field.name == "context" and field.message_type.full_name == "nxtgauge.events.v1.Context", name


def test_nothing_that_protobuf_c_handles_poorly(messages):
    """No proto3 optional, no oneof (the former is one inside) and no map."""
    for name, cls in messages.items():
        assert not cls.DESCRIPTOR.oneofs, name
        assert not any(nested.GetOptions().map_entry for nested in cls.DESCRIPTOR.nested_types), name


def test_no_secret_in_any_event(messages):
    for name, cls in messages.items():
        assert SECRET_COLUMNS.isdisjoint(cls.DESCRIPTOR.fields_by_name), name


def test_personal_fields_are_marked(descriptors):
    comments = contract.field_comments(descriptors)
    assert len(comments) > 1000, "the comments were not understood"
    assert [place for place, text in comments.items()
            if place[1] in ALWAYS_PERSONAL and not text.strip().startswith("PERSONAL.")] == []


def target_tables(text):
    """{table: [(column, type)]} of the target schema."""
    tables, table = {}, None
    for line in text.splitlines():
        if heading := re.match(r"### (\w+)", line):
            table = tables.setdefault(heading[1], [])
        elif line.startswith("## "):
            table = None
        elif table is not None and (row := re.match(r"\| (\w+) +\| ([A-Z\[\]]+) +\|", line)):
            table.append(row.groups())
    return tables


def carrier(table):
    """The message that carries a row of the table."""
    return CARRIED_BY.get(table, contract.message_name(re.sub(r"s$", "", table) + ".changed"))


def test_state_carrying_events_have_every_public_column(messages, specification):
    tables = target_tables((specification / "target_schema.md").read_text())
    assert len(tables) == 66
    for table, columns in tables.items():
        if table in WITHOUT_EVENT:
            continue
        fields = messages[carrier(table)].DESCRIPTOR.fields_by_name
        public = {column for column, _ in columns
                  if column not in SECRET_COLUMNS and (table, column) not in KEPT_AT_HOME | PARENT_KEY}
        assert public - set(fields) == set(), table


def field_kind(field):
    if field.message_type:
        return field.message_type.full_name
    kind = {field.TYPE_STRING: "string", field.TYPE_INT64: "int64", field.TYPE_BOOL: "bool"}[field.type]
    return f"repeated {kind}" if contract.is_repeated(field) else kind


KINDS = {"UUID": "string", "TEXT": "string", "JSONB": "string", "DATE": "string", "DECIMAL": "string",
         "TIMESTAMP": "google.protobuf.Timestamp", "BOOLEAN": "bool", "INTEGER": "int64", "SMALLINT": "int64",
         "TEXT[]": "repeated string"}


def test_columns_have_their_field_type(messages, specification):
    tables = target_tables((specification / "target_schema.md").read_text())
    for table in tables.keys() - WITHOUT_EVENT:
        fields = messages[carrier(table)].DESCRIPTOR.fields_by_name
        for column, kind in tables[table]:
            if column in fields:
                assert field_kind(fields[column]) == KINDS[kind], f"{table}.{column}"


def live_columns(service):
    """{table: its columns} of the service's running database."""
    url = os.environ.get(f"NXT_DB_{service.upper()}")
    if not url:
        pytest.skip(f"NXT_DB_{service.upper()} is not set: no database to compare with")
    rows = subprocess.run(
        ["psql", url, "-XAtc", "SELECT table_name, column_name FROM information_schema.columns"
         " WHERE table_schema = 'public'"], check=True, capture_output=True, text=True).stdout.split()
    tables = {}
    for table, column in (row.split("|") for row in rows):
        tables.setdefault(table, set()).add(column)
    return tables


@pytest.mark.parametrize("service", SERVICES)
def test_added_columns_travel_too(messages, specification, service):
    """A column added to the schema stands in the table's events, or is named here as internal."""
    wanted = target_tables((specification / "target_schema.md").read_text()).keys() - WITHOUT_EVENT
    live = live_columns(service)
    for table in wanted & live.keys():
        public = {column for column in live[table] - SECRET_COLUMNS - INTERNAL.get(table, set()) - {"version"}
                  if (table, column) not in KEPT_AT_HOME | PARENT_KEY}
        assert public - set(messages[carrier(table)].DESCRIPTOR.fields_by_name) == set(), table


@pytest.mark.parametrize("event", TABLE)
def test_golden_bytes(messages, event):
    """What a release has written, a foreign decoder reads, to the last byte."""
    message = messages[contract.message_name(event)].FromString((GOLDEN / f"{event}.bin").read_bytes())
    assert json.loads(contract.to_json(message)) == json.loads((GOLDEN / f"{event}.json").read_text())


def test_golden_folder_has_no_stranger():
    assert {path.stem for path in GOLDEN.iterdir()} == set(TABLE)
