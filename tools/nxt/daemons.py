"""The six daemons: their options, their printed tables, their processes."""
import hashlib
import http.client
import json
import os
import secrets
import subprocess

from nxt import build
from nxt.home import write_whole
from nxt.proc import Process
from nxt.ui import NxtError


class Daemon:
    """One nxt-<service>: options go in by environment, as they would in a container."""

    def __init__(self, stack, service):
        self.stack, self.service, self.name = stack, service, service
        self.home, self.ports = stack.home, stack.ports
        self.process = Process(self.home, service)

    @property
    def binary(self):
        return build.binaries(self.stack.preset) / f"nxt-{self.service}"

    @property
    def argv(self):
        return [str(self.binary)]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports[self.service]}"

    @property
    def ops_url(self):
        return f"http://127.0.0.1:{self.ports[f'{self.service}-ops']}"

    @property
    def folder(self):
        return self.home / "daemons" / self.service

    def environment(self):
        env = {
            "NXT_LISTEN": f"127.0.0.1:{self.ports[self.service]}",
            "NXT_OPS_LISTEN": f"127.0.0.1:{self.ports[f'{self.service}-ops']}",
            "NXT_DATABASE_URL": self.stack.postgres.runtime_url(self.service),
            "NXT_KAFKA_BROKERS": self.stack.bus.brokers,
            "NXT_STATE_DIR": str(self.folder),
            "NXT_CURSOR_KEY": self.home.secret(f"cursor_key_{self.service}", lambda: secrets.token_hex(32)),
            "NXT_PUBLIC_URL": self.stack.gateway.url,
            "NXT_SECRETS_DIR": str(self.home / "secrets"),
            "NXT_BUS": self.stack.bus_name,
            "NXT_TRUSTED_PROXIES": "127.0.0.1",
        }
        if self.service == "identity":
            env["NXT_SIGNING_KEYS_DIR"] = str(self.folder / "keys")
            env["NXT_TOTP_KEY"] = self.home.secret("totp_key", lambda: secrets.token_hex(32))
        else:
            env["NXT_JWKS_URL"] = f"http://127.0.0.1:{self.ports['identity']}/.well-known/jwks.json"
        if self.service in ("identity", "notify"):
            env["NXT_TOKEN_KEY"] = self.home.secret("token_key", lambda: secrets.token_hex(32))
        if self.service == "notify":
            env["NXT_SMTP_CA_FILE"] = str(self.stack.mail.ca)
            env["NXT_SINK_DIR"] = str(self.folder)
        # What a person sets for one run (NXT_LOG_LEVEL=debug ./nxt up) goes before what is made up here.
        for name in ("NXT_LOG_LEVEL", "NXT_ROLES", "NXT_TOPIC_PREFIX"):
            if name in os.environ:
                env[name] = os.environ[name]
        return {**env, **self.stack.daemon_env.get(self.service, {}), **self.stack.daemon_env.get("*", {})}

    def start(self):
        """Starts it where it is not running from this very binary and environment; does not wait."""
        self._make_folders()
        argv, env = self.argv, self.environment()
        if self.process.is_current(argv, env):
            return False
        self.process.stop()
        self.process.start(argv, env)
        return True

    def _make_folders(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.home / "secrets").mkdir(mode=0o700, exist_ok=True)
        if self.service == "identity":
            (self.folder / "keys").mkdir(mode=0o700, exist_ok=True)

    def ready(self):
        return self._get("/readyz") == 200

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[f"{self.service}-ops"], timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wait_ready(self, seconds=90):
        self.process.wait_ready(self.ready, seconds)

    def consumes(self):
        """Whether it has its part of the topics: a fresh broker makes that wait for a moment."""
        if "consumer" not in self.environment().get("NXT_ROLES", "consumer"):
            return True
        text = self.metrics()
        return "nxt_consumer_partitions " in text and "nxt_consumer_partitions 0\n" not in text

    def wait_consumes(self, seconds=90):
        self.process.wait_ready(self.consumes, seconds)

    def metrics(self):
        return self._text("/metrics")

    def _text(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[f"{self.service}-ops"], timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()

    def stop(self):
        return self.process.stop()

    def printed(self, table):
        """What the binary prints about itself (`--routes`, `--topics`, …), without the header line."""
        return "".join(line for line in self.run([f"--{table}"]).splitlines(True) if not line.startswith("#"))

    def run(self, words, stdin=None):
        """A one-time command of the daemon, with the daemon's own options. What it leaks at its end is no leak."""
        out = subprocess.run([str(self.binary), *words], input=stdin or "", capture_output=True, text=True,
                             env={**os.environ, **self.environment(), "ASAN_OPTIONS": "detect_leaks=0"})
        if out.returncode:
            raise NxtError(f"nxt-{self.service} {' '.join(words)}: {(out.stderr or out.stdout).strip()}")
        return out.stdout


def built(stack):
    """The daemons whose binaries exist, in start order."""
    return [d for d in stack.daemons.values() if d.binary.exists()]


# What is filled once and is lost with the tables of a service; see Stack.migrate.
IMPORTS = {"identity": ("permissions", "settings"), "notify": ("smtp",)}


def once(home, what, text, do):
    """Runs do() unless it was already done for exactly this text."""
    mark = hashlib.sha256(text.encode()).hexdigest()
    if home.done(what, mark):
        return False
    do()
    home.set_done(what, mark)
    return True


def import_permissions(stack):
    """identity knows the permission keys of all six, so that roles can be given them."""
    identity = stack.daemons["identity"]
    lines = "".join(d.printed("permissions") for d in built(stack))
    return once(stack.home, "permissions", lines, lambda: identity.run(["permissions", "import"], lines))


def import_settings(stack):
    """identity knows which settings the six read, so that it refuses what none of them could use."""
    lines = "".join(d.printed("settings") for d in built(stack))
    return once(stack.home, "settings", lines, lambda: stack.daemons["identity"].run(["settings", "import"], lines))


def configure_smtp(stack):
    """Without a mail server in its table notify would keep all mail waiting."""
    words = ["smtp", "set", "--host", "localhost", "--port", str(stack.ports["smtp"]), "--encryption", "TLS",
             "--from-name", "Nxtgauge", "--from-email", "no-reply@nxtgauge.localhost"]
    return once(stack.home, "smtp", " ".join(words), lambda: stack.daemons["notify"].run(words))


def make_signing_keys(stack):
    """The first signing key; a start without one would only wait."""
    identity = stack.daemons["identity"]
    identity._make_folders()
    if not any((identity.folder / "keys").iterdir()):
        identity.run(["keys", "rotate"])


def merged_openapi(stack):
    """One document of all daemons, as the gateway serves it."""
    from nxt.openapi import merge
    text = json.dumps(merge([json.loads(d.run(["--openapi"])) for d in built(stack)]), indent=1)
    path = stack.home / "gateway/openapi.json"
    if not path.exists() or path.read_text() != text:
        write_whole(path, text)
    return path
