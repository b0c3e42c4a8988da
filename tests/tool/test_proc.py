"""Only what was started here is ever signalled, and whatever was killed is recognised as gone."""
import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nxt.ports import Ports, is_free
from nxt.proc import BOOT, Process
from nxt.ui import NxtError

SLEEP = [shutil.which("sleep"), "60"]
SHELL = [shutil.which("sh"), "-c"]


@pytest.fixture
def process(home):
    process = Process(home, "part")
    yield process
    process.stop()


def test_start_and_stop(process):
    process.start(SLEEP)
    assert process.pid()
    assert process.stop()
    assert process.pid() is None
    assert not process.stop()


def test_it_lives_until_its_last_thread_has_ended(process):
    """Files and ports are all threads'. Until then the first one, which has ended, looks like a process that has."""
    process.start([sys.executable, "-c", "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(60,)).start();"
                   " ctypes.CDLL(None).pthread_exit(None)"])
    stat = Path(f"/proc/{process.pid()}/stat")
    end = time.monotonic() + 20
    while stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end, "the first thread has not ended"
        time.sleep(0.02)
    assert process.pid()
    assert process.stop() and not process.pid()


def test_a_recycled_pid_is_left_alone(process):
    stranger = subprocess.Popen(SLEEP)
    process.pidfile.parent.mkdir(parents=True)
    process.pidfile.write_text(json.dumps({"pid": stranger.pid, "start": 1, "boot": BOOT, "fingerprint": ""}))
    assert process.pid() is None
    process.stop()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_another_boot_means_another_process(process):
    process.start(SLEEP)
    record = json.loads(process.pidfile.read_text())
    process.pidfile.write_text(json.dumps({**record, "boot": "earlier"}))
    assert process.pid() is None
    process.pidfile.write_text(json.dumps(record))
    assert process.pid() == record["pid"]


def test_kill9_leaves_a_pid_file_that_means_nothing(process):
    process.start(SLEEP)
    process.kill9()
    assert process.pidfile.exists()
    assert process.pid() is None


def test_orphans_of_a_killed_leader_are_ended(process):
    process.start([*SHELL, "sleep 61 & echo $! ; wait"])
    for _ in range(100):
        if process.log_tail().strip():
            break
        subprocess.run(["sleep", "0.02"])
    orphan = int(process.log_tail().strip())
    process.kill9()
    process.sweep()
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(orphan)], capture_output=True, text=True).stdout.strip()
    assert state == "" or state.startswith("Z")


def test_current_until_command_environment_or_configuration_change(process):
    process.start(SLEEP, env={"A": "1"}, marks=["conf"])
    assert process.is_current(SLEEP, {"A": "1"}, ["conf"])
    assert not process.is_current(SLEEP, {"A": "2"}, ["conf"])
    assert not process.is_current(SLEEP, {"A": "1"}, ["other"])
    assert not process.is_current([*SLEEP, "1"], {"A": "1"}, ["conf"])


def test_a_part_that_dies_while_starting_says_why(process):
    process.start([*SHELL, "echo no such device; exit 3"])
    with pytest.raises(NxtError, match="no such device"):
        process.wait_ready(lambda: False, 5)


def test_ports_are_kept_while_they_are_free(home):
    first = Ports(home, preferred=False)
    first.settle(lambda name: False)
    before = dict(first.known)
    again = Ports(home, preferred=False)
    again.settle(lambda name: False)
    assert again.known == before
    assert len(set(before.values())) == len(before)


def test_a_port_taken_by_another_program_is_replaced_unless_it_was_configured(home, monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert not is_free(taken)
        ports = Ports(home, preferred=False)
        ports.known["gateway"] = taken
        ports.settle(lambda name: False)
        assert ports["gateway"] != taken
        monkeypatch.setenv("NXT_GATEWAY_PORT", str(taken))
        with pytest.raises(NxtError, match="in use, so gateway cannot have it"):
            ports.configure({}, lambda name: False)
        assert "gateway" not in home.state.get("fixed_ports", {}), "what cannot be had is not remembered"
    ports.configure({}, lambda name: False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        ports.configure({}, lambda name: name == "gateway")  # it is its own
        with pytest.raises(NxtError, match="configured for gateway"):
            ports.settle(lambda name: False)
