"""Migrations: dbmate, one runner at a time per database."""
import os
import subprocess
import time

from nxt import packages
from nxt.home import ROOT
from nxt.postgres import BIN
from nxt.ui import NxtError

# dbmate takes no lock: of four concurrent runs three failed. The number is arbitrary but everybody's
# (Kubernetes jobs use it too). It is polled, never waited for: a session that waits in
# pg_advisory_lock() holds a snapshot, and CREATE INDEX CONCURRENTLY waits for that for ever.
LOCK = 4_711_066_001
# A table that is not there yet would be an error in the server's log.
VERSIONS = """\
SELECT to_regclass('schema_migrations') IS NOT NULL AS is_there \\gset
\\if :is_there
SELECT version FROM schema_migrations;
\\endif
"""


def folders(service):
    return [d for d in (ROOT / "libcommon/migrations", ROOT / "services" / service / "migrations") if d.is_dir()]


def is_behind(service, postgres):
    """Whether the database lacks a migration, by its own word: what was done here once may have been rolled back."""
    wanted = {file.name.partition("_")[0] for folder in folders(service) for file in folder.glob("*.sql")}
    try:
        have = postgres.psql(VERSIONS, postgres.owner_url(service)).split()
    except NxtError:
        return True  # what is wrong dbmate will say
    return not wanted <= set(have)


class _Lock:
    """A psql session that holds the advisory lock while dbmate works."""

    def __init__(self, url, seconds):
        self.url, self.seconds = url, seconds

    def _ask(self):
        self.session.stdin.write(f"SELECT pg_try_advisory_lock({LOCK});\n")
        self.session.stdin.flush()
        return self.session.stdout.readline().strip()

    def __enter__(self):
        self.session = subprocess.Popen([str(BIN / "psql"), "-X", "-q", "-A", "-t", "-d", self.url],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        end = time.monotonic() + self.seconds
        while (answer := self._ask()) != "t":
            if answer != "f":
                raise NxtError(f"cannot take the migration lock: {self.session.stderr.read().strip()}")
            if time.monotonic() > end:
                raise NxtError(f"another migration has held the lock for {self.seconds} s")
            time.sleep(0.1)

    def __exit__(self, *_):
        self.session.stdin.close()
        self.session.wait()
        self.session.stdout.close()
        self.session.stderr.close()


def migrate(service, url, command="migrate", lock_seconds=300):
    """Brings one database up to date (or `command`: status, rollback); returns dbmate's last lines."""
    where = folders(service)
    if not where:
        return "no migrations"
    argv = [str(packages.dbmate())]
    for folder in where:
        argv += ["--migrations-dir", str(folder)]
    argv += ["--no-dump-schema", command]
    env = {**os.environ, "DATABASE_URL": url + "?sslmode=disable"}
    with _Lock(url, lock_seconds):
        out = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
    if out.returncode:
        raise NxtError(f"migration of {service} failed:\n{out.stdout[-3000:]}")
    return out.stdout
