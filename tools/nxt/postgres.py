"""A private PostgreSQL 15: data folder, unix socket and a TCP port on 127.0.0.1; one database per service."""
import base64
import hashlib
import hmac
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from nxt.home import SERVICES
from nxt.packages import run
from nxt.proc import Process
from nxt.ui import NxtError

BIN = Path("/usr/lib/postgresql/15/bin")

# Durable as in production (fsync and synchronous_commit stay on); sized for a developer's machine. The log holds
# statements without their values, and errors without their DETAIL ("Key (email)=(…) already exists").
SETTINGS = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{socket}'
max_connections = 200
shared_buffers = 128MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] %u@%d %a '
log_min_duration_statement = 500
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = terse
log_lock_waits = on
password_encryption = 'scram-sha-256'
"""
HBA = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"

# The runtime role may do what migrations grant to the group nxt_runtime and no DDL; nobody else may even connect.
ROLES = """\
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'nxt_runtime') THEN CREATE ROLE nxt_runtime NOLOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{db}_owner') THEN CREATE ROLE {db}_owner LOGIN; END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{db}') THEN CREATE ROLE {db} LOGIN; END IF;
END $$;
ALTER ROLE {db}_owner PASSWORD '{owner_password}';
ALTER ROLE {db} PASSWORD '{password}';
GRANT nxt_runtime TO {db};
SELECT 'CREATE DATABASE {db} OWNER {db}_owner' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{db}')
\\gexec
REVOKE ALL ON DATABASE {db} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {db} TO {db};
"""


def scram(password):
    """What PostgreSQL stores for a password (RFC 5803), made with one round instead of 4,096.

    The rounds slow down who guesses; 24 random bytes cannot be guessed. They also cost each new
    connection some milliseconds, in which a daemon's only thread does nothing else."""
    salt, rounds = secrets.token_bytes(16), 1
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client, server = (hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key"))
    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${rounds}:{_base64(salt)}${_base64(stored)}:{_base64(server)}"


def _base64(data):
    return base64.b64encode(data).decode()


def database(service):
    return f"nxt_{service}"


class Postgres:
    name = "postgres"

    def __init__(self, home, ports):
        self.home, self.ports = home, ports
        # A fast shutdown: sessions are ended, nothing waits for clients.
        self.process = Process(home, self.name, stop_signal=signal.SIGINT)

    @property
    def port(self):
        return self.ports["postgres"]

    @property
    def folder(self):
        return self.home / "postgres"

    @property
    def socket(self):
        """The socket's folder; a path above about 100 bytes does not fit into a socket address."""
        inside = self.folder.resolve()
        if len(str(inside)) < 85:
            return inside
        return Path(f"/tmp/nxt-{self._hash()}")

    def _hash(self):
        return hashlib.sha256(str(self.home.path).encode()).hexdigest()[:12]

    def _as_postgres(self, argv):
        """PostgreSQL refuses to run as root."""
        if os.geteuid() != 0:
            return [str(a) for a in argv]
        return [shutil.which("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups", "--",
                *map(str, argv)]

    def _make_folder(self):
        """Below /root user postgres cannot enter: the data then lies in /var/lib and our folder is a link to it."""
        if self.folder.exists():
            return
        self.home.path.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            self.folder.mkdir(mode=0o755)
            return
        postgres = pwd.getpwnam("postgres")
        enters = subprocess.run(self._as_postgres(["/usr/bin/test", "-x", self.home.path])).returncode == 0
        place = self.folder if enters else Path(f"/var/lib/nxt-{self._hash()}")
        place.mkdir(mode=0o755, exist_ok=True)
        os.chown(place, postgres.pw_uid, postgres.pw_gid)
        if not enters:
            self.folder.unlink(missing_ok=True)
            self.folder.symlink_to(place)

    def _init(self):
        data = self.folder.resolve() / "data"
        if (data / "PG_VERSION").exists() and (self.folder / "initialised").exists():
            return data
        shutil.rmtree(data, ignore_errors=True)
        password_file = self.folder.resolve() / "superuser"
        password_file.write_text(self.home.secret("postgres"))
        if os.geteuid() == 0:
            shutil.chown(password_file, "postgres")
        password_file.chmod(0o600)
        run(self._as_postgres([BIN / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
                               "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]), cwd="/")
        password_file.unlink()
        (self.folder / "initialised").touch()
        return data

    def _configure(self, data):
        socket = self.socket
        if not socket.exists():
            socket.mkdir(mode=0o755)
            if os.geteuid() == 0:
                shutil.chown(socket, "postgres")
        settings = SETTINGS.format(port=self.port, socket=socket)
        for name, text in (("postgresql.conf", settings), ("pg_hba.conf", HBA)):
            if not (data / name).exists() or (data / name).read_text() != text:
                (data / name).write_text(text)
        return settings + HBA

    def start(self):
        """Returns whether it had to be started."""
        self._make_folder()
        data = self._init()
        marks = [self._configure(data)]
        argv = self._as_postgres([BIN / "postgres", "-D", data])
        if self.process.is_current(argv, marks=marks):
            return False
        self.process.stop()
        self._clear_lock(data)
        self.process.start(argv, marks=marks)
        self.process.wait_ready(self.answers, 120)
        return True

    def _clear_lock(self, data):
        """After kill -9 postmaster.pid stays behind, and the backends need a moment to notice.

        PostgreSQL itself refuses to start where the pid in it belongs to any living process; a pid
        that is not a server working in this very folder is a leftover and the file may go. The same
        holds for the lock beside the socket."""
        for _ in range(200):
            if not self._servers(data):
                for lock in (data / "postmaster.pid", *self.socket.glob(".s.PGSQL.*")):
                    lock.unlink(missing_ok=True)
                return
            time.sleep(0.05)
        raise NxtError(f"processes of an earlier PostgreSQL still work in {data}: {self._servers(data)}")

    @staticmethod
    def _servers(data):
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    if os.readlink(f"/proc/{entry}/cwd") == str(data):
                        found.append(int(entry))
                except OSError:
                    pass
        return found

    def answers(self):
        return subprocess.run([str(BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def stop(self):
        return self.process.stop(grace=30)

    def wipe(self):
        """The data, also where our folder is only a link to it."""
        real = self.folder.resolve()
        if self.folder.is_symlink():
            shutil.rmtree(real, ignore_errors=True)
            self.folder.unlink()
        if self.socket != real:
            shutil.rmtree(self.socket, ignore_errors=True)

    def psql(self, sql, url=None):
        """Runs a script, as superuser unless a URL is given; its rows as text."""
        out = subprocess.run([str(BIN / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                              "-d", url or self.super_url()], input=sql, capture_output=True, text=True)
        if out.returncode:
            raise NxtError(f"psql: {out.stderr.strip()}")
        return out.stdout.strip()

    def make_databases(self):
        for service in SERVICES:
            db = database(service)
            self.psql(ROLES.format(db=db, owner_password=self.home.secret(f"{db}_owner"),
                                   password=scram(self.home.secret(db))))

    def super_url(self):
        return self._tcp("postgres", self.home.secret("postgres"), "postgres")

    def owner_url(self, service):
        """For people, tests and migrations: over TCP, which every client can do."""
        db = database(service)
        return self._tcp(f"{db}_owner", self.home.secret(f"{db}_owner"), db)

    def runtime_url(self, service):
        """For the daemons: over the unix socket, a third cheaper than TCP."""
        db = database(service)
        return (f"postgresql://{db}:{quote(self.home.secret(db))}@/{db}"
                f"?host={quote(str(self.socket), safe='')}&port={self.port}")

    def _tcp(self, role, password, db):
        return f"postgresql://{role}:{quote(password)}@127.0.0.1:{self.port}/{db}"
