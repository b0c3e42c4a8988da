"""The databases against the target schema, and the guards that PostgreSQL itself keeps.

NXT_DB_<SERVICE>: the owners' connection URLs. NXT_RUNTIME_DB_<SERVICE>: the daemons' own, and
NXT_DB_SUPERUSER for databases to throw away; what needs them is skipped where they are not given.
"""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import errors, sql

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NXT_SHARED") or ROOT.parent / "shared")
SERVICES = ("identity", "profiles", "finance", "marketplace", "notify", "audit")
INSERT_ONLY = {
    "profiles": ["verification_logs", "approval_logs"],
    "finance": ["tracecoin_ledger", "payment_transactions"],
    "audit": ["audit_logs", "audit_log_changes", "audit_seals"],
}
INSERT_ONLY_TABLES = [(s, t) for s, tables in INSERT_ONLY.items() for t in tables]
SPINE = ["outbox_events", "relay_lease", "consumer_offsets", "dead_letters", "idempotency_keys",
         "access_roles", "access_users", "access_sessions", "access_keys", "config_values"]


def url_of(kind, service):
    name = f"NXT_{kind}_{service.upper()}"
    if name not in os.environ:
        pytest.skip(f"{name} is not set")
    return os.environ[name]


@pytest.fixture(scope="module")
def owner():
    """owner(service): a connection of the role that migrates; every test rolls back."""
    connections = {}

    def connect(service):
        if service not in connections:
            connections[service] = psycopg.connect(url_of("DB", service))
        connections[service].rollback()
        return connections[service]
    yield connect
    for connection in connections.values():
        connection.close()


@pytest.fixture
def runtime():
    """runtime(service): a connection of the role the daemon runs as, by itself or by SET ROLE."""
    connections = []

    def connect(service):
        connections.append(psycopg.connect(url_of("RUNTIME_DB", service), autocommit=True))
        return connections[-1]
    yield connect
    for connection in connections:
        connection.close()


def rows(connection, text, *parameters):
    return connection.execute(text, parameters).fetchall()


# ---- the target schema ----

def test_conforms_to_the_target_schema():
    program = SHARED / "spec/check_schema.py"
    if not program.exists():
        pytest.skip(f"{program} is not beside this checkout")
    out = subprocess.run([sys.executable, program, *(f"{s}={url_of('DB', s)}" for s in SERVICES)],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stdout + out.stderr
    assert "66 of 66 tables conform, 626 of 626 columns exist, 0 differences" in out.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_of_the_target_carries_a_version(owner, service):
    text = SHARED / "spec/target_schema.md"
    if not text.exists():
        pytest.skip(f"{text} is not beside this checkout")
    target = set(re.findall(r"^### (\w+)", text.read_text(), re.M))
    have = {t for t, in rows(owner(service), "SELECT table_name FROM information_schema.tables"
                             " WHERE table_schema = 'public'")} & target
    versioned = {t for t, in rows(owner(service), "SELECT table_name FROM information_schema.columns WHERE"
                                  " column_name = 'version' AND data_type = 'bigint' AND is_nullable = 'NO'")}
    assert have - versioned - set(INSERT_ONLY.get(service, [])) == set()


def test_the_spine_is_the_same_everywhere(owner):
    shapes = {}
    for service in SERVICES:
        shapes[service] = rows(owner(service), """
            SELECT table_name, column_name, data_type, is_nullable, column_default, ordinal_position
            FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ANY (%s)
            ORDER BY table_name, ordinal_position""", SPINE)
    assert {t for t, *_ in shapes["identity"]} == set(SPINE)
    for service in SERVICES[1:]:
        assert shapes[service] == shapes["identity"], service


def test_built_in_roles_have_the_same_ids_everywhere(owner):
    found = dict(rows(owner("identity"), "SELECT key, id::text FROM roles WHERE id::text LIKE '019a0000-0000-7000-8000-%%'"))
    assert len(found) == 18
    assert found["administrator"] == "019a0000-0000-7000-8000-000000000001"
    assert found["photographer"] == "019a0000-0000-7000-8000-000000000009"


# ---- rights ----

DDL = ["CREATE TABLE made_up (i integer)", "CREATE SCHEMA made_up", "DROP TABLE outbox_events",
       "ALTER TABLE outbox_events ADD COLUMN made_up integer", "ALTER TABLE outbox_events DISABLE TRIGGER ALL",
       "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
       "DROP FUNCTION status_guard() CASCADE", "TRUNCATE outbox_events", "SET session_replication_role = replica"]


@pytest.mark.parametrize("statement", DDL)
@pytest.mark.parametrize("service", SERVICES)
def test_the_daemon_cannot_do_ddl(runtime, service, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        runtime(service).execute(statement)


def test_the_daemon_owns_nothing_and_nobody_else_has_rights(owner):
    for service in SERVICES:
        stray = rows(owner(service), """
            SELECT c.relname, pg_get_userbyid(a.grantee), a.privilege_type
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = 'public'::regnamespace AND a.grantee <> c.relowner
              AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) <> 'nxt_runtime')""")
        assert stray == [], service
        owners = rows(owner(service), """
            SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) <> current_user""")
        assert owners == [], service


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_reaches_anothers_database(runtime, service):
    mine = urlsplit(url_of("RUNTIME_DB", service))
    for other in SERVICES:
        if other != service:
            theirs = urlsplit(url_of("RUNTIME_DB", other)).path
            with pytest.raises(psycopg.OperationalError, match="permission denied"):
                psycopg.connect(urlunsplit(mine._replace(path=theirs))).close()


@pytest.mark.parametrize("service, table", INSERT_ONLY_TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {t} SET id = id", "DELETE FROM {t}", "TRUNCATE {t} CASCADE"])
def test_insert_only(owner, runtime, service, table, statement):
    statement = sql.SQL(statement).format(t=sql.Identifier(table))
    with pytest.raises(errors.InsufficientPrivilege):
        runtime(service).execute(statement)
    with pytest.raises(psycopg.Error) as refused:  # its owner is stopped too, even where it is empty
        owner(service).execute(statement)
    assert refused.value.sqlstate == "NX002"


@pytest.mark.parametrize("table", INSERT_ONLY["audit"][:2])
def test_partitions_are_insert_only_by_themselves(owner, runtime, table):
    db = owner("audit")
    partitions = rows(db, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", table)
    assert len(partitions) >= 4  #  default, this month and two ahead
    for partition, in partitions:
        with pytest.raises(errors.InsufficientPrivilege):
            runtime("audit").execute(sql.SQL("INSERT INTO {} (id) VALUES (NULL)").format(sql.Identifier(partition)))
        with pytest.raises(psycopg.Error) as refused:
            db.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(partition)))
        db.rollback()
        assert refused.value.sqlstate == "NX002"
        kinds = rows(db, "SELECT tgtype & 25 FROM pg_trigger WHERE tgrelid = %s::regclass"
                     " AND tgfoid = 'refuse_change'::regproc AND tgtype & 1 = 1", partition)
        assert kinds == [(25,)], f"{partition}: a row trigger on UPDATE (16) and DELETE (8)"


def test_an_issued_invoice_stays_as_it_is(runtime):
    with pytest.raises(errors.InsufficientPrivilege):
        runtime("finance").execute("UPDATE invoices SET total_inr = 0")
    with pytest.raises(errors.InsufficientPrivilege):
        runtime("finance").execute("DELETE FROM invoices")


# ---- the status guards ----

GUARDS = """
SELECT c.relname, t.tgargs, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgfoid = 'status_guard'::regproc AND NOT t.tgisinternal ORDER BY 1, 3"""
STATUS_COLUMNS = """
SELECT c.relname, a.attname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND k.conkey = ARRAY[a.attnum]
WHERE k.contype = 'c' AND NOT c.relispartition AND a.attname ~ '(^|_)status$'"""


def guards(connection):
    """[(table, column, {legal pairs}, definition)]"""
    found = []
    for table, arguments, definition in rows(connection, GUARDS):
        column, *pairs = arguments.decode().rstrip("\0").split("\0")
        found.append((table, column, set(pairs), definition))
    return found


def values_of(connection):
    """{(table, column): [values]} of every status column with a closed list, or one that equals another's."""
    found = {(t, c): re.findall(r"'(\w+)'", d) for t, c, d in rows(connection, STATUS_COLUMNS)}
    kinds = [("payment_transactions", "status")] if rows(connection, "SELECT to_regclass('payment_transactions')")[0][0] else []
    return found | {key: ["INITIATED", "COMPLETED", "FAILED"] for key in kinds}


@pytest.mark.parametrize("service", SERVICES)
def test_every_status_column_is_guarded(owner, service):
    guarded = {(table, column) for table, column, _, _ in guards(owner(service))}
    wanted = set(values_of(owner(service))) - {("audit_logs", "status")}  # rows that never change
    assert guarded == wanted


@pytest.mark.parametrize("service", SERVICES)
def test_a_guard_lets_through_what_it_lists_and_nothing_else(owner, service):
    db = owner(service)
    for table, column, legal, definition in guards(db):
        values = values_of(db)[table, column]
        assert legal <= {f"{a}>{b}" for a in ["", *values] for b in values}, f"{table}.{column}: unknown value"
        assert tried(db, table, column, values, definition) == legal, f"{table}.{column}"


def tried(db, table, column, values, definition):
    """The pairs that pass, tried one by one with the trigger itself on a bare copy of the table."""
    probe, name = sql.Identifier("pg_temp", "probe"), sql.Identifier(column)
    insert = sql.SQL("INSERT INTO {} ({}) VALUES (%s)").format(probe, name)
    update = sql.SQL("UPDATE {} SET {} = %s").format(probe, name)
    db.execute(sql.SQL("CREATE TEMP TABLE probe AS SELECT * FROM public.{} WITH NO DATA").format(sql.Identifier(table)))
    trigger = definition.replace(f" ON public.{table} ", " ON pg_temp.probe ")
    assert trigger != definition
    db.execute(trigger)
    passed = set()
    for was in [None, *values]:
        for becomes in [None, *values]:
            if outcome(db, table, [(insert, becomes)]) and was is None and becomes is not None:
                passed.add(f">{becomes}")
            alone = [("ALTER TABLE pg_temp.probe DISABLE TRIGGER USER", None), (insert, was),
                     ("ALTER TABLE pg_temp.probe ENABLE TRIGGER USER", None), (update, becomes)]
            if outcome(db, table, alone) and was != becomes:
                passed.add(f"{was or ''}>{becomes or ''}")
            elif was == becomes:
                assert outcome(db, table, alone), "what stays the same must pass"
    db.rollback()
    return passed


def outcome(db, table, statements):
    """Whether all pass; undone either way."""
    db.execute("SAVEPOINT one")
    try:
        for statement, value in statements:
            db.execute(statement, None if isinstance(statement, str) else (value,))
        return True
    except psycopg.Error as refused:
        assert refused.sqlstate == "NX001", refused
        return False
    finally:
        db.execute("ROLLBACK TO one")


# ---- money ----

def test_the_ledger_continues_from_row_to_row(owner):
    db = owner("finance")
    user, wallet = ("019a0000-0000-7000-8000-00000000f00%d" % n for n in (1, 2))
    db.execute("INSERT INTO user_refs (id) VALUES (%s)", (user,))
    db.execute("INSERT INTO tracecoin_wallets (id, user_id) VALUES (%s, %s)", (wallet, user))
    entry = """INSERT INTO tracecoin_ledger
        (id, wallet_id, transaction_type, amount, balance_after, reference_type, reference_id)
        VALUES (gen_random_uuid(), %s, %s, %s, %s, 'BONUS', gen_random_uuid())"""
    db.execute(entry, (wallet, "CREDIT", 100, 100))
    db.execute(entry, (wallet, "DEBIT", 60, 40))
    for kind, amount, after, code in [("CREDIT", 10, 110, "NX003"), ("DEBIT", 10, 40, "NX003"),
                                      ("DEBIT", 60, -20, "23514"), ("CREDIT", 0, 40, "23514")]:
        db.execute("SAVEPOINT one")
        with pytest.raises(psycopg.Error) as refused:
            db.execute(entry, (wallet, kind, amount, after))
        assert refused.value.sqlstate == code
        db.execute("ROLLBACK TO one")
    assert rows(db, "SELECT sequence, balance_after FROM tracecoin_ledger WHERE wallet_id = %s ORDER BY 1",
                wallet) == [(1, 100), (2, 40)]
    db.rollback()


@pytest.mark.parametrize("number, valid", [
    ("NX/2627/0000001", True), ("NX/26-27/000001", True), ("NX/2026-27/000001", False),
    ("0NX/1", False), ("/NX/1", False), ("nx/1", False), ("NX_1", False), ("NX/1\n", False), ("", False)])
def test_invoice_numbers(owner, number, valid):
    check, = rows(owner("finance"), "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                  " WHERE conname = 'invoices_invoice_number_check'")[0]
    condition = re.fullmatch(r"CHECK \((.*)\)", check, re.S)[1].replace("invoice_number", "%s::text")
    assert rows(owner("finance"), f"SELECT {condition}", number) == [(valid,)]


# ---- audit partitions ----

def test_partitions_are_made_ahead_by_the_daemon(owner, runtime):
    db = owner("audit")
    bounds = dict(rows(db, "SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relispartition"
                       " AND relkind = 'r' AND relname LIKE 'audit_logs_2%%'"))
    assert bounds
    for name, bound in bounds.items():
        low, high = re.findall(r"'([0-9a-f-]{36})'", bound)
        month = rows(db, "SELECT to_char(to_timestamp(('x' || left(replace(%s, '-', ''), 12))::bit(48)::bigint / 1000.0)"
                     " AT TIME ZONE 'UTC', '\"audit_logs_\"YYYYMM DD HH24:MI:SS.MS')", low)[0][0]
        assert month == f"{name} 01 00:00:00.000"
        assert low < high
    assert rows(runtime("audit"), "SELECT audit_make_partitions(2)") == [(0,)]
    with pytest.raises(errors.InsufficientPrivilege):
        runtime("audit").execute("SELECT audit_make_partition('audit_logs', '2040-01-01')")
    with pytest.raises(errors.InvalidParameterValue):
        runtime("audit").execute("SELECT audit_make_partitions(1000)")


# ---- up, down, and both again ----

@pytest.fixture
def scratch():
    """scratch(service): the URL of an empty database owned by the service's owner, dropped afterwards."""
    if "NXT_DB_SUPERUSER" not in os.environ:
        pytest.skip("NXT_DB_SUPERUSER is not set")
    made = []
    with psycopg.connect(os.environ["NXT_DB_SUPERUSER"], autocommit=True) as super_user:
        def make(service):
            url = urlsplit(url_of("DB", service))
            name = url.path.lstrip("/") + "_scratch"
            made.append(name)
            super_user.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            super_user.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(url.username)))
            return urlunsplit(url._replace(path="/" + name))
        yield make
        for name in made:
            super_user.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def left(url):
    """What migrations made and did not take away again."""
    with psycopg.connect(url) as db:
        return rows(db, """
            SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'schema_migrations%%'
            UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typrelid = 0
                AND typname NOT LIKE '\\_schema%%'""")


def shape(url):
    with psycopg.connect(url) as db:
        return rows(db, """
            SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
            WHERE table_schema = 'public' ORDER BY table_name, ordinal_position""")


@pytest.mark.parametrize("service", SERVICES)
def test_up_down_and_up_again(scratch, service):
    migrate = pytest.importorskip("nxt.migrate", reason="the tool's modules are not on PYTHONPATH")
    url = scratch(service)
    files = sum(len(list(folder.glob("*.sql"))) for folder in migrate.folders(service))
    migrate.migrate(service, url)
    first = shape(url)
    assert len(first) > 100
    for _ in range(files):
        migrate.migrate(service, url, "rollback")
    assert left(url) == []
    migrate.migrate(service, url)
    assert shape(url) == first


def test_four_at_once(scratch):
    migrate = pytest.importorskip("nxt.migrate", reason="the tool's modules are not on PYTHONPATH")
    url = scratch("audit")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: migrate.migrate("audit", url), range(4)))
    with psycopg.connect(url) as db:
        applied = rows(db, "SELECT count(*) FROM schema_migrations")
    assert applied == [(sum(len(list(f.glob("*.sql"))) for f in migrate.folders("audit")),)]
