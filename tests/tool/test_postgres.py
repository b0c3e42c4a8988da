"""The private PostgreSQL: roles that cannot do more than they may, and a start after any end."""
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from nxt import migrate
from nxt.postgres import Postgres
from nxt.ui import NxtError


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    from nxt.home import Home
    from nxt.ports import Ports
    home = Home(tmp_path_factory.mktemp("pg"))
    ports = Ports(home, preferred=False)
    ports.settle(lambda name: False)
    postgres = Postgres(home, ports)
    postgres.start()
    postgres.make_databases()
    yield postgres
    postgres.stop()
    postgres.wipe()


def test_the_runtime_role_has_no_ddl_and_no_other_database(postgres):
    with pytest.raises(NxtError, match="permission denied for schema public"):
        postgres.psql("CREATE TABLE x ()", postgres.runtime_url("finance"))
    other = postgres.runtime_url("finance").replace("@/nxt_finance", "@/nxt_audit")
    with pytest.raises(NxtError, match="permission denied for database"):
        postgres.psql("SELECT 1", other)


def test_making_databases_again_changes_nothing(postgres):
    postgres.make_databases()
    assert postgres.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'nxt_%'") == "6"


def test_the_log_holds_no_values(postgres):
    """Slow and failed statements are logged, with neither their parameters nor the row they met."""
    address = "asha.private@example.org"
    with psycopg.connect(postgres.owner_url("audit"), autocommit=True) as db:
        db.execute("CREATE TABLE people (email text UNIQUE)")
        db.execute("INSERT INTO people VALUES (%s)", [address])
        with pytest.raises(psycopg.errors.UniqueViolation):
            db.execute("INSERT INTO people VALUES (%s)", [address])
        db.execute("SELECT pg_sleep(0.6), %s::text", [address])
        db.execute("DROP TABLE people")
    log = postgres.process.log.read_text()
    assert "pg_sleep(0.6)" in log and "people_email_key" in log and address not in log


def test_acknowledged_commits_survive_kill9_and_a_stale_lock(postgres):
    owner = postgres.owner_url("audit")
    postgres.psql("CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 1000)", owner)
    postgres.process.kill9()
    lock = postgres.folder.resolve() / "data/postmaster.pid"
    assert lock.exists()
    # The pid in it may belong to anybody by now.
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    try:
        assert postgres.start()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    assert postgres.psql("SELECT count(*) FROM kept; DROP TABLE kept", owner) == "1000"
    assert not postgres.start()


def test_migrations_at_the_same_time(postgres, tmp_path, monkeypatch):
    for n in range(5):
        (tmp_path / f"2026010100000{n}_t.sql").write_text(
            f"-- migrate:up\nCREATE TABLE t{n} (); SELECT pg_sleep(0.05);\n-- migrate:down\nDROP TABLE t{n};\n")
    monkeypatch.setattr(migrate, "folders", lambda service: [tmp_path])
    url = postgres.owner_url("finance")
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: migrate.migrate("finance", url), range(4)))
    assert sum(s.count("Applied:") for s in said) == 5
    for _ in range(5):
        migrate.migrate("finance", url, "rollback")
    assert postgres.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 't_'", url) == "0"
