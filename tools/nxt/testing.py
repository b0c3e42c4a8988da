"""`nxt test`: the parts, each with a count; the last line is the sum.

A part is a function that returns Results. Parts that need a running copy get a fresh one of their own
(.nxt/test/<name>, random ports), beside whatever else runs on this machine. Several parts run two at a time.
"""
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nxt import build, fuzz, packages
from nxt.home import ROOT, SERVICES, alone, write_whole
from nxt.stack import Stack
from nxt.ui import NxtError, say

REPORTS = ROOT / ".nxt/test/reports"
SHARED = Path(os.environ.get("NXT_SHARED") or ROOT.parent / "shared")
# nginx 1.22 itself answers the first two, and leaves the connection open after its 400 to the others. Debian's latest
# sends a line without colon on as an ordinary field with an empty value, which is nothing to refuse.
LEFT_OPEN = r"answered 4\d\d, connection left open"
GATEWAY_DIFFERS = {"endless chunk extension": r"(?!.*smuggled)", "endless trailers": r"(?!.*smuggled)",
                   "header without colon": rf"accepted with 200|{LEFT_OPEN}",
                   "illegal character in a name": LEFT_OPEN, "150 headers": LEFT_OPEN}


@dataclass
class Result:
    """What one part found. `notes` are printed: failures first, then why something was skipped."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.notes += other.notes
        return self

    @classmethod
    def skip(cls, why):
        return cls(skipped=1, notes=[f"skipped: {why}"])

    @classmethod
    def of(cls, name, ok, output=""):
        return cls(passed=1) if ok else cls(failed=1, notes=[f"FAILED {name}", output[-6000:]])


# ---- running copies ----

@contextmanager
def fresh_stack(name, preset="release", daemon_env=None):
    """A copy of its own; kept (stopped, with its logs) only where something failed."""
    home = ROOT / ".nxt/test" / name
    stack = Stack(home, preset=preset, preferred_ports=False, daemon_env=daemon_env or {})
    stack.down(wipe=True)
    packages.install_debian({"build", "run"})
    build.build(preset)  # here, so that no other part waits for it below
    try:
        with alone(ROOT / ".nxt/test/up.lock"):  # a port that one chose and has not taken yet looks free to another
            stack.up()
        yield stack
    finally:
        stack.down()


# ---- children ----

_children = set()


def end_as_interrupted():
    """SIGTERM and SIGHUP are Ctrl-C: copies that were started are stopped. A second one does not cut that off."""
    def interrupt(*_):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _child(argv, seconds=None, **more):
    """Runs a program in a session of its own, so that Ctrl-C reaches it through us alone, and it may tidy up."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, **more)
    _children.add(child)
    try:
        child.wait(seconds)
    except BaseException:
        _end(child)
        raise
    finally:
        _children.discard(child)


def _end(child, grace=60):
    child.terminate()
    try:
        child.wait(grace)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


# ---- pytest, ctest ----

def _junit(file):
    """A Result from a JUnit file; errors (a fixture that broke) count as failed."""
    result = Result()
    for case in ElementTree.parse(file).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        bad, skipped = case.find("failure"), case.find("skipped")
        bad = case.find("error") if bad is None else bad
        if bad is not None:
            result.add(Result(failed=1, notes=[f"FAILED {name}: {(bad.get('message') or '').splitlines()[:1]}"]))
        elif skipped is not None:
            result.add(Result(skipped=1, notes=[f"skipped {name}: {skipped.get('message')}"]))
        else:
            result.passed += 1
    return result


def pytest(folder, stack=None, words=None, report=None, seconds=3600):
    """Runs a folder of tests against a running copy, output as it comes."""
    if not list((ROOT / "tests" / folder).glob("test_*.py")):
        return Result.skip(f"tests/{folder} has no tests yet")
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / f"{report or folder}.xml"
    file.unlink(missing_ok=True)
    env = {**os.environ, **(stack.inner_env if stack else {}), "PYTHONPATH": str(ROOT / "tools"),
           "PYTHONDONTWRITEBYTECODE": "1", "NXT_SHARED": str(SHARED), "NXT_BUF": str(packages.buf()),
           "PATH": f"/usr/lib/postgresql/15/bin:{os.environ['PATH']}"}
    argv = [str(packages.venv("test")), "-m", "pytest", f"tests/{folder}", "-q", "-p", "no:cacheprovider",
            "--timeout=120", f"--junitxml={file}", *(["-k", words] if words else [])]
    try:
        _child(argv, seconds, cwd=ROOT, env=env)
    except subprocess.TimeoutExpired:
        return Result(failed=1, notes=[f"FAILED tests/{folder}: not done after {seconds} s"])
    return _junit(file) if file.exists() else Result(failed=1, notes=[f"FAILED tests/{folder}: pytest did not run"])


def _cmocka(output):
    """(passed, failed, skipped) that cmocka printed, or None where a program printed none."""
    def total(word):
        return sum(int(n) for n in re.findall(rf"\[\s+{word}\s+\] (\d+) test", output))
    if not re.search(r"test\(s\) run", output):
        return None
    return total("PASSED"), total("FAILED"), total("SKIPPED")


def ctest(preset):
    """The cmocka programs, counted by their single cases."""
    build.build(preset)
    where = build.folder(preset)
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / f"unit-{preset}.xml"
    file.unlink(missing_ok=True)
    subprocess.run(["ctest", "--test-dir", str(where), f"-j{os.cpu_count()}", "--output-junit", str(file),
                    "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000",
                    "--no-tests=ignore", "--quiet"], stdin=subprocess.DEVNULL)
    if not file.exists():
        return Result.skip("no unit tests are built")
    result = Result()
    for case in ElementTree.parse(file).iter("testcase"):
        output = case.findtext("system-out") or ""
        good = case.find("failure") is None
        passed, failed, skipped = _cmocka(output) or (int(good), int(not good), 0)
        if not good and not failed:
            failed = 1  # it crashed, leaked or hung after its last case
        result.add(Result(passed, failed, skipped, [] if good else [f"FAILED {case.get('name')}", output[-4000:]]))
    return result


# ---- parts ----

def part_unit(words):
    packages.install_debian({"build"})
    return ctest("dev")


def part_tool(words):
    """./nxt and nxtctl themselves."""
    packages.install_debian({"build", "run"})
    build.build("dev")
    return pytest("tool", words=words)


def part_bus(words):
    """Relay and consumer alone: order, kill -9, two of each, brokers and databases that go away."""
    packages.install_debian({"build", "run"})
    build.build("dev")
    return pytest("bus", words=words)


def part_e2e(words):
    with fresh_stack("e2e", daemon_env={"identity": CHEAP_PASSWORDS}) as stack:
        return pytest("e2e", stack, words)


def part_drift(words):
    with fresh_stack("drift") as stack:
        return pytest("drift", stack, words).add(check_schema(stack))


def check_schema(stack):
    """The 66 tables and 626 columns, word for word."""
    program = SHARED / "spec/check_schema.py"
    if not program.exists():
        return Result.skip(f"{program} is not beside this checkout")
    out = subprocess.run([str(packages.venv("test")), str(program),
                          *(f"{s}={stack.postgres.owner_url(s)}" for s in SERVICES)],
                         capture_output=True, text=True, env={**os.environ, "PATH": f"/usr/lib/postgresql/15/bin:{os.environ['PATH']}"})
    say(out.stdout.strip().splitlines()[-1] if out.stdout.strip() else out.stderr)
    return Result.of("check_schema.py", out.returncode == 0, out.stdout + out.stderr)


# A password costs a quarter here of what it does elsewhere: hundreds of people sign up, and their hashes give way to
# all else that runs. The timing of an answer is compared all the same, and other copies have the usual price.
CHEAP_PASSWORDS = {"NXT_PASSWORD_MEMORY_KIB": "8192", "NXT_PASSWORD_PASSES": "1"}
SANITIZERS = {"ASAN_OPTIONS": "detect_stack_use_after_return=0:abort_on_error=0:exitcode=99:log_path={log}",
              "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:log_path={log}"}


def part_asan(words):
    """Unit and end-to-end tests once more, every daemon watched by AddressSanitizer and UBSan."""
    result = ctest("asan")
    log = ROOT / ".nxt/test/asan/log/sanitizer"
    env = {"*": {name: value.format(log=log) for name, value in SANITIZERS.items()}, "identity": CHEAP_PASSWORDS}
    with fresh_stack("asan", "asan", env) as stack:
        result.add(pytest("e2e", stack, words, "asan"))
    for report in sorted(log.parent.glob("sanitizer.*")):
        found = _without_remarks(report.read_text(errors="replace"))
        if found:
            result.add(Result.of(report.name, False, found))
    return result


def _without_remarks(text):
    """What a sanitizer found. That it knows ucontext only by half it says of every daemon; fiber.c tells it of each switch."""
    return "\n".join(line for line in text.splitlines() if line.strip() and "makecontext/swapcontext" not in line)


def part_probes(words):
    """Malformed HTTP against each daemon and the gateway, slow clients included."""
    program = SHARED / "probes/http_probes.py"
    if not program.exists():
        return Result.skip(f"{program} is not beside this checkout")
    result = Result()
    with fresh_stack("probes") as stack, ThreadPoolExecutor(8) as pool:
        targets = {s: stack.ports[s] for s in (*SERVICES, "gateway") if s == "gateway" or stack.daemons[s].binary.exists()}
        for one in pool.map(lambda t: _probe(program, *t), targets.items()):
            result.add(one)
    return result


def _probe(program, name, port):
    out = subprocess.run([str(packages.venv("test")), str(program), "127.0.0.1", str(port), "--slow"],
                         capture_output=True, text=True).stdout
    counted = re.search(r"(\d+) passed, (\d+) failed\s*$", out)
    if not counted:
        return Result.of(f"probes of {name}", False, out)
    findings = out.splitlines()[:-1]
    if name == "gateway":
        findings = [f for f in findings if not _is_nginx(*f.split(": ", 1))]
    total = int(counted[1]) + int(counted[2])
    return Result(total - len(findings), len(findings), notes=[f"FAILED {name}: {f}" for f in findings])


def _is_nginx(name, finding):
    return name in GATEWAY_DIFFERS and re.match(GATEWAY_DIFFERS[name], finding)


# One address asks for everything here, and the requests shall reach the handlers.
UNLIMITED = {"NXT_RATE_LIMIT_PER_S": "100000", "NXT_RATE_LIMIT_BURST": "1000000", "NXT_THROTTLE_ADDRESS_FREE": "100000"}


def part_schemathesis(words):
    """Requests made from the OpenAPI document of identity: the same few each time."""
    return _schemathesis("schemathesis", "--cases", "11", "--phases", "fuzzing", "--seed", "1", "--at-least", "1500")


def part_schemathesis_long(words):
    """The same with new ones, and every limit of every field beside them."""
    return _schemathesis("schemathesis-long", "--cases", "75", "--at-least", "20000")


def _schemathesis(name, *how):
    folder = REPORTS / name
    shutil.rmtree(folder, ignore_errors=True)
    with fresh_stack(name, daemon_env={"*": UNLIMITED}) as stack:
        env = {**os.environ, **stack.inner_env, "PYTHONDONTWRITEBYTECODE": "1"}
        out = subprocess.run([str(packages.venv("test")), str(ROOT / "tests/schemathesis/run.py"), "identity",
                              "--folder", str(folder), *how], env=env, capture_output=True, text=True)
    say(out.stdout)
    result = Result.of(f"tests/schemathesis/run.py; its logs are in {folder}", out.returncode == 0, out.stdout + out.stderr)
    for file in sorted(folder.glob("*.xml")):
        result.add(_junit(file))
    return result


def part_fuzz(words):
    """Every corpus once, and some time of new inputs for what reads strangers' bytes."""
    fuzz.prepare()
    result = Result()
    fuzz.run(fuzz.names(), lambda name: fuzz.TEST_SECONDS if name in fuzz.FIRST else 0,
             lambda name, ok, text: result.add(Result.of(f"fuzz_{name}", ok, text)), seed=1)
    return result


def part_kill(words):
    with fresh_stack("kill", daemon_env={"identity": CHEAP_PASSWORDS}) as stack:
        return pytest("kill", stack, words)


def part_chaos(words):
    """A build with fail points, harmed in many ways while writes go on; ./nxt chaos does it for longer."""
    with fresh_stack("chaos", "dev") as stack:
        return pytest("chaos", stack, words)


def part_lint(words):
    from nxt.lint import lint
    packages.install_debian({"build", "test"})
    return lint()


PARTS = {"unit": part_unit, "lint": part_lint, "drift": part_drift, "tool": part_tool, "probes": part_probes, "bus": part_bus,
         "schemathesis": part_schemathesis, "schemathesis-long": part_schemathesis_long, "e2e": part_e2e, "asan": part_asan,
         "fuzz": part_fuzz, "kill": part_kill, "chaos": part_chaos}
# Two run at a time, one of each: those of the first keep the machine busy, those of the second mostly wait. Whose own
# are done takes the last of the other's.
LANES = (("lint", "e2e", "asan", "chaos"), ("unit", "drift", "tool", "probes", "schemathesis", "bus", "fuzz", "kill",
          "schemathesis-long"))
# Not in a run of all: it takes long.
BY_NAME = ("schemathesis-long",)


# ---- all of them ----

def _run(name, words):
    """A part that cannot even start is a failure of that part; the others still run."""
    try:
        result = PARTS[name](words)
    except (NxtError, subprocess.SubprocessError, OSError) as error:
        result = Result(failed=1, notes=[f"FAILED {name}: {error}"])
    if not result.failed:
        shutil.rmtree(ROOT / ".nxt/test" / name, ignore_errors=True)
    return result


def run_into(name, words, file):
    """One part for run_beside: its Result as JSON."""
    write_whole(Path(file), json.dumps(asdict(_run(name, words))))
    return 0


def _run_beside(name, words):
    """As _run, in an nxt of its own; what that says is kept in a log until it is done."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    log, file = REPORTS / f"{name}.log", REPORTS / f"{name}.json"
    file.unlink(missing_ok=True)
    argv = [str(ROOT / "nxt"), "test", name, "--result", str(file), *(["-k", words] if words else [])]
    with open(log, "w") as out:
        _child(argv, stdout=out, stderr=subprocess.STDOUT)
    if file.exists():
        return Result(**json.loads(file.read_text())), log.read_text(errors="replace")
    return Result(failed=1, notes=[f"FAILED {name}: it ended without a result"]), log.read_text(errors="replace")


def _timed(name, words, beside):
    begun = time.monotonic()
    result, output = _run_beside(name, words) if beside else (_run(name, words), "")
    return name, result, output, time.monotonic() - begun


def _next(mine, others):
    """What runs next in a lane, None where nothing is left. (A deque gives each of its items to one thread.)"""
    for take in (mine.popleft, others.pop):
        with suppress(IndexError):
            return take()
    return None


def _lane(mine, others, words, results, stop):
    """The parts of one lane, one after the other, and what the other lane has not come to; None at its end."""
    try:
        while not stop.is_set() and (name := _next(mine, others)) is not None:
            results.put(_timed(name, words, True))
    finally:
        results.put(None)


def _results(names, words):
    """(name, Result, output, seconds) of each part, as they end."""
    if len(names) == 1:
        say(f"\n== {names[0]}")
        yield _timed(names[0], words, False)
        return
    results, stop = queue.Queue(), threading.Event()
    lanes = [deque(name for name in lane if name in names) for lane in LANES]
    for mine, others in zip(lanes, reversed(lanes)):
        threading.Thread(target=_lane, args=(mine, others, words, results, stop)).start()
    try:
        ended = 0
        while ended < len(lanes):
            done = results.get()
            ended += done is None
            if done is not None:
                say(f"\n== {done[0]}\n{done[2]}")
                yield done
    finally:
        stop.set()  # nothing more is begun; of what runs each part stops its own copy
        for child in list(_children):
            child.terminate()


def run_parts(names, words=None):
    names = names or [name for name in PARTS if name not in BY_NAME]
    unknown = [n for n in names if n not in PARTS]
    if unknown:
        raise NxtError(f"no part called {', '.join(unknown)}; there are {', '.join(PARTS)}")
    packages.install_debian({"test"} if {"lint", "drift", "e2e", "asan"} & set(names) else set())
    rows, total = {}, Result()
    for name, result, _, seconds in _results(names, words):
        for note in result.notes:
            say(note)
        rows[name] = f"  {name:<17} {result.passed:>6} passed {result.failed:>4} failed {result.skipped:>4} skipped {seconds:>6.0f} s"
        total.add(result)
    say("\n" + "\n".join(rows[name] for name in names))
    if total.skipped:
        say(f"  {total.skipped} skipped; each says why above")
    say(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed or not total.passed else 0
