"""Starting, recognising and ending processes. Nothing is signalled that was not started here.

A pid alone proves nothing: it may have been given to another program since. The pid file therefore
holds the start time of the process and the boot it belongs to, and both are compared before any signal.
"""
import hashlib
import json
import os
import select
import signal
import threading
import time
from pathlib import Path

from nxt.home import write_whole
from nxt.ui import NxtError

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid):
    """(whether it lives, session, start time in ticks) of a process, or None. It lives until its last thread has ended: the
    leader may be a zombie before that, while others still hold files and ports."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0] not in "ZX" or int(fields[17]) > 1, int(fields[3]), int(fields[19])


def _session(leader, start):
    """The living members of a session; a number is not given to a new process while it names a session."""
    found = []
    for entry in os.listdir("/proc"):
        stat = _stat(entry) if entry.isdigit() else None
        if stat and stat[0] and stat[1] == leader and stat[2] >= start:
            found.append(int(entry))
    return found


def _fingerprint(argv, env, marks):
    """Changes when the program, its arguments, its environment or a configuration file (marks) change."""
    exe = os.stat(argv[0])
    return hashlib.sha256(json.dumps([argv, env, exe.st_mtime_ns, exe.st_size, marks], sort_keys=True)
                          .encode()).hexdigest()


class Process:
    """One long-running part: `run/<name>.pid`, `log/<name>.log`."""

    def __init__(self, home, name, stop_signal=signal.SIGTERM):
        self.name, self.stop_signal = name, stop_signal
        self.pidfile = home / "run" / f"{name}.pid"
        self.log = home / "log" / f"{name}.log"

    def _record(self):
        try:
            record = json.loads(self.pidfile.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return record if record.get("boot") == BOOT else None

    def pid(self):
        """The pid while the process lives, else None."""
        record = self._record()
        if not record:
            return None
        _reap(record["pid"])
        now = _stat(record["pid"])
        return record["pid"] if now and now[0] and now[2] == record["start"] else None

    def is_current(self, argv, env=None, marks=()):
        """Alive, and started from exactly this program, command and configuration."""
        return bool(self.pid()) and self._record().get("fingerprint") == _fingerprint(argv, env, marks)

    def start(self, argv, env=None, marks=(), cwd=None):
        """Forks, writes the pid file *in the child* and executes: no moment in which it runs unknown."""
        self.sweep()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pidfile.parent.mkdir(parents=True, exist_ok=True)
        print_of = _fingerprint(argv, env, marks)
        with _forking:
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                self._become(argv, env, print_of, cwd)
            os.close(writer)
        # The pipe closes when the child executes (or dies): from then on the pid file is there.
        os.read(reader, 1)
        os.close(reader)
        _children.add(pid)

    def _become(self, argv, env, print_of, cwd):
        try:
            os.setsid()
            me = os.getpid()
            write_whole(self.pidfile, json.dumps({"pid": me, "start": _stat(me)[2], "boot": BOOT,
                                                  "fingerprint": print_of}))
            out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            null = os.open(os.devnull, os.O_RDONLY)
            for have, want in ((null, 0), (out, 1), (out, 2)):
                os.dup2(have, want)
            for name in (signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
                signal.signal(name, signal.SIG_DFL)
            os.chdir(cwd or "/")
            os.execve(argv[0], argv, {**os.environ, **(env or {})})
        except BaseException as error:
            os.write(2, f"cannot start {argv[0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def signal(self, number):
        """Sends a signal to the process if it is still ours."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        try:
            if self.pid() == pid:
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)
        return True

    def wait_gone(self, seconds):
        """Until the last thread has ended. Returns whether it has."""
        record = self._record()
        now = record and _stat(record["pid"])
        if not now or now[2] != record["start"]:
            return True
        try:
            handle = os.pidfd_open(record["pid"])
        except ProcessLookupError:
            return True
        try:
            gone = bool(select.select([handle], [], [], seconds)[0])
        finally:
            os.close(handle)
        _reap(record["pid"])
        return gone

    def stop(self, grace=20):
        """Asks, waits, then insists. Returns whether anything was running."""
        was = self.signal(self.stop_signal)
        if was and not self.wait_gone(grace):
            self.signal(signal.SIGKILL)
            self.wait_gone(10)
        self.sweep()
        self.pidfile.unlink(missing_ok=True)
        return was

    def kill9(self):
        """The bad day: no chance to tidy up. The pid file stays, as it would."""
        if self.signal(signal.SIGKILL):
            self.wait_gone(10)

    def sweep(self):
        """Ends what a killed leader left in its session (nginx workers go on serving without their master)."""
        record = self._record()
        if not record or self.pid():
            return
        end = time.monotonic() + 5
        while (left := _session(record["pid"], record["start"])) and time.monotonic() < end:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)

    def log_tail(self, lines=15):
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def log_since(self, size):
        """What was said since the log had so many bytes."""
        with open(self.log, "rb") as f:
            f.seek(size)
            return f.read().decode(errors="replace")

    def wait_ready(self, check, seconds):
        """Waits for check() while the process lives; its last words are in the error."""
        end = time.monotonic() + seconds
        while True:
            if self.pid() is None:
                raise NxtError(f"{self.name} ended while starting; {self.log} says:\n{self.log_tail()}")
            if check():
                return
            if time.monotonic() > end:
                raise NxtError(f"{self.name} is not ready after {seconds} s; {self.log} says:\n{self.log_tail()}")
            time.sleep(0.02)


_forking = threading.Lock()
_children = set()


def _reap(pid):
    """Collects a dead child of this very nxt; what an earlier nxt started is collected by init."""
    if pid in _children:
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                _children.discard(pid)
        except ChildProcessError:
            _children.discard(pid)
