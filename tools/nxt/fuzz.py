"""`nxt fuzz` and the part `fuzz`: libFuzzer over what strangers send, from the corpora in tests/fuzz/corpus."""
import os
import re
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from nxt import build, packages
from nxt.home import ROOT
from nxt.ui import NxtError, say

SOURCES = ROOT / "tests/fuzz"
FOUND = ROOT / ".nxt/fuzz"
# Those that read what comes from outside before anybody is known: some time each in `nxt test`, from the same seed, so
# that a finding tells of the change and not of luck. The others read what staff write; there their corpus is run once.
# `nxt fuzz` gives all of them their time, each run from another seed.
FIRST = ("http", "json", "cursor", "query", "event", "token", "webauthn")
TEST_SECONDS = 60


def names():
    return sorted(f.stem.removeprefix("fuzz_") for f in SOURCES.glob("fuzz_*.c"))


def prepare():
    packages.install_debian({"build", "fuzz"})
    build.build("fuzz", ["fuzzers"])


class Fuzzer:
    """One program: its committed corpus, what this run adds to it, and the input that broke it."""

    def __init__(self, name):
        self.name = name
        self.program = build.binaries("fuzz") / f"fuzz_{name}"
        self.corpus, self.fresh = SOURCES / "corpus" / name, FOUND / "corpus" / name

    def _run(self, *words, seconds):
        FOUND.mkdir(parents=True, exist_ok=True)
        self.fresh.mkdir(parents=True, exist_ok=True)
        argv = [str(self.program), "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1",
                f"-artifact_prefix={FOUND}/{self.name}-", *words]
        env = {**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"}
        try:
            out = subprocess.run(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds)
        except subprocess.TimeoutExpired:
            return False, f"fuzz_{self.name} did not end after {seconds} s"
        return out.returncode == 0, out.stdout

    def run(self, seconds, seed=0):
        """(whether nothing was found, what it printed). 0 seconds: the corpus once, no new inputs. Seed 0: another each time."""
        limit = [f"-seed={seed}", "-runs=0" if seconds == 0 else f"-max_total_time={seconds}"]
        return self._run(*limit, str(self.fresh), str(self.corpus), seconds=seconds + 120)

    def keep(self):
        """The smallest set that covers what corpus and finds cover becomes the corpus."""
        smaller = FOUND / f"merged-{self.name}"
        shutil.rmtree(smaller, ignore_errors=True)
        smaller.mkdir(parents=True)
        ok, output = self._run("-merge=1", "-max_len=4096", str(smaller), str(self.corpus), str(self.fresh), seconds=600)
        if not ok:
            raise NxtError(f"fuzz_{self.name}: merging failed\n{output[-3000:]}")
        shutil.rmtree(self.corpus, ignore_errors=True)
        shutil.copytree(smaller, self.corpus)
        say(f"  {self.name:<10} {len(list(self.corpus.iterdir()))} inputs kept")


def _said(output):
    """What a finding's reader needs: from the first complaint on."""
    start = re.search(r"broken:|ERROR:|runtime error:|did not end", output)
    return output[max(start.start() - 300, 0):][:6000] if start else output[-3000:]


def run(chosen, seconds, report, seed=0):
    """Runs the fuzzers two at a time; report(name, ok, text) as each ends."""
    lock = threading.Lock()

    def one(item):
        name, budget = item
        ok, output = Fuzzer(name).run(budget, seed)
        runs = re.search(r"number_of_executed_units: (\d+)", output)
        with lock:
            say(f"  {name:<10} {runs[1] if runs else '?':>9} inputs in {budget} s{'' if ok else '  BROKEN'}")
            report(name, ok, "" if ok else _said(output))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, [(name, seconds(name)) for name in chosen]))


def fuzz(chosen, seconds, keep):
    """The word `nxt fuzz`. Returns the exit code."""
    unknown = [n for n in chosen if n not in names()]
    if unknown:
        raise NxtError(f"no fuzzer called {', '.join(unknown)}; there are {', '.join(names())}")
    prepare()
    broken = []

    def report(name, ok, text):
        if not ok:
            broken.append(name)
            say(f"{text}\n  the input is in {FOUND}/{name}-*; build/fuzz/bin/fuzz_{name} FILE runs it alone")
    run(chosen or names(), lambda name: seconds, report)
    for name in (chosen or names()) if keep else ():
        Fuzzer(name).keep()
    return 1 if broken else 0
