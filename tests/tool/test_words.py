"""What ./nxt says where nothing runs and where its words are wrong: one line that tells what to do, no traceback."""
import os
import subprocess

import pytest

from nxt import build, daemons, migrate, testing
from nxt.home import ROOT, SERVICES
from nxt.stack import Stack


def nxt(home, *words, **more):
    return subprocess.run([str(ROOT / "nxt"), *words], env={**os.environ, "NXT_HOME": str(home)}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **more)


STOPPED = (["mail"], ["mail", "1"], ["events"], ["events", "job.submitted"], ["psql", "audit"], ["env"], ["demo"],
           ["logs"], ["logs", "nonsense"], ["run", "audit"], ["run", "audit", "--version"], ["run", "audit", "no-such-program"],
           ["command", "identity", "keys", "list"], ["migrate"], ["migrate", "status"], ["migrate", "rollback"],
           ["migrate", "rollback", "audit"], ["migrate", "rollback", "--all"], ["up", "--port", "gateway"],
           ["up", "--port", "gateway=x"], ["up", "--port", "nonsense=1"], ["test", "nonsense"])


@pytest.mark.parametrize("words", STOPPED, ids=" ".join)
def test_on_a_copy_that_was_never_started(home, words):
    out = nxt(home.path, *words)
    assert out.returncode == 1, out
    assert out.stderr.startswith("nxt: ") and len(out.stderr.splitlines()) == 1, out.stderr


@pytest.mark.parametrize("words", (["mail"], ["psql", "audit"], ["events"], ["demo"], ["migrate"]), ids=" ".join)
def test_on_a_copy_that_was_stopped(home, ports, words):
    out = nxt(home.path, *words)
    assert out.returncode == 1 and "not running" in out.stderr and "./nxt up" in out.stderr, out
    assert len(out.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", (["nonsense"], ["psql"], ["psql", "nonsense"], ["run", "nonsense"], ["migrate", "down"],
                                   ["build", "nonsense"], ["command", "nonsense"]), ids=" ".join)
def test_wrong_words_are_usage(home, words):
    out = nxt(home.path, *words)
    assert out.returncode == 2 and out.stderr.startswith("usage: ./nxt"), out


def test_status_and_down_of_nothing(home):
    assert nxt(home.path, "status").returncode == 1
    assert nxt(home.path, "down").stdout == "  nothing was running\n"


@pytest.mark.parametrize("word", ("bench", "chaos"))
def test_help_needs_no_package(home, word):
    out = nxt(home.path, word, "--help")
    assert out.returncode == 0 and out.stdout.startswith(f"usage: ./nxt {word}") and not out.stderr


def test_events_takes_the_options_of_its_program(home, ports):
    out = nxt(home.path, "events", "--from-beginning", "--exit", "job.published")
    assert out.returncode == 1 and "not running" in out.stderr, out


# ---- migrations ----

@pytest.fixture
def database(home):
    """A copy of which PostgreSQL alone runs, with its databases."""
    stack = Stack(home.path, preferred_ports=False)
    stack.settle_ports()
    stack.postgres.start()
    stack.postgres.make_databases()
    yield stack
    stack.postgres.stop()
    stack.postgres.wipe()


def test_up_migrates_again_what_was_rolled_back(database):
    """What was done is asked of the database; what hung on lost tables is done anew."""
    database.migrate(always=False)
    assert not any(migrate.is_behind(s, database.postgres) for s in SERVICES)
    for service, names in daemons.IMPORTS.items():
        for name in names:
            database.home.set_done(name, "mark")
    out = nxt(database.home.path, "migrate", "rollback")
    assert out.returncode == 1 and "--all" in out.stderr and not migrate.is_behind("audit", database.postgres)
    assert nxt(database.home.path, "migrate", "rollback", "notify").returncode == 0
    assert [s for s in SERVICES if migrate.is_behind(s, database.postgres)] == ["notify"]
    database.migrate(always=False)
    assert not migrate.is_behind("notify", database.postgres)
    assert database.home.done("permissions", "mark") and not database.home.done("smtp", "mark")


# ---- nxtctl ----

NXTCTL = build.binaries("dev") / "nxtctl"


@pytest.mark.skipif(not NXTCTL.exists(), reason="nxtctl is not built")
@pytest.mark.parametrize("words, says", ((["nonsense"], "usage: nxtctl topics create"), (["dlq", "nonsense"], "usage:"),
                                         (["dlq", "show", "nonsense"], "no id of a dead letter"),
                                         (["dlq", "drop", "nonsense"], "no id of a dead letter"),
                                         (["dlq", "drop", "--all"], "--all --yes")))
def test_nxtctl_refuses_before_it_connects(words, says):
    out = subprocess.run([NXTCTL, *words, *(["--database", "postgresql://nowhere"] if len(words) > 2 else [])],
                         capture_output=True, text=True, timeout=10)
    assert out.returncode == 2 and says in out.stderr, out


# ---- a test run that is cut off ----

def test_a_child_of_a_test_run_may_tidy_up(tmp_path):
    """SIGTERM reaches the child, and it is waited for."""
    done = tmp_path / "tidied"
    program = f"import signal,sys,time;signal.signal(15,lambda *_:(time.sleep(1),open({str(done)!r},'w'),sys.exit()));time.sleep(60)"
    with pytest.raises(subprocess.TimeoutExpired):
        testing._child(["/usr/bin/python3", "-c", program], seconds=1)
    assert done.exists()
