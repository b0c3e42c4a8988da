"""Where things lie. One folder per running copy (NXT_HOME, default .nxt in the checkout), tools shared by all."""
import fcntl
import json
import os
import secrets
from contextlib import contextmanager
from pathlib import Path

from nxt.ui import NxtError, say

ROOT = Path(__file__).resolve().parents[2]
# Jars, node modules and Python environments are the same for every copy, so a test run does not fetch them again.
TOOLS = ROOT / ".nxt" / "tools"
SERVICES = ("identity", "profiles", "finance", "marketplace", "notify", "audit")


def write_whole(path, text, mode=0o644):
    """Replaces a file in one step, so that a kill leaves the old or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
        f.write(text)
    os.replace(new, path)


@contextmanager
def alone(path):
    """Holds a lock file that other programs of this checkout wait for; the kernel drops the lock of a killed one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


class Home:
    """The folder of one running copy: its state (ports, bus, what was done), secrets, logs and data."""

    def __init__(self, path=None):
        self.path = Path(path or os.environ.get("NXT_HOME") or ROOT / ".nxt").resolve()
        self.state = self._load("state.json")

    def __truediv__(self, name):
        return self.path / name

    def _load(self, name):
        try:
            return json.loads((self.path / name).read_text())
        except FileNotFoundError:
            return {}
        except ValueError:
            raise NxtError(f"{self.path / name} is not JSON; remove it or run ./nxt down --wipe") from None

    def save(self):
        write_whole(self / "state.json", json.dumps(self.state, indent=1, sort_keys=True) + "\n")

    def secret(self, name, make=lambda: secrets.token_urlsafe(24)):
        """A secret made once and kept in a file only its owner can read."""
        have = self._load("secrets.json")
        if name not in have:
            have[name] = make()
            write_whole(self / "secrets.json", json.dumps(have, indent=1, sort_keys=True) + "\n", 0o600)
        return have[name]

    def done(self, what, mark):
        """Whether `what` was already done for exactly this mark (a hash of its inputs)."""
        return self.state.get("done", {}).get(what) == mark

    def set_done(self, what, mark):
        self.state.setdefault("done", {})[what] = mark
        self.save()

    def forget(self, *what):
        """Each must be done again: what it was done to is gone."""
        for one in what:
            self.state.get("done", {}).pop(one, None)
        self.save()

    @contextmanager
    def locked(self):
        """One nxt at a time changes what runs in this folder; the kernel drops the lock of a killed one."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self / "lock", "w") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("  another nxt is at work here; waiting for it")
                fcntl.flock(f, fcntl.LOCK_EX)
            self.state = self._load("state.json")
            yield
