"""Figures of bench and chaos: how many are made one, and what --record keeps of them, a line of JSON each, in files that
are committed."""
import datetime
import json
import os
import platform
import subprocess

from nxt.home import ROOT

HISTORIES = ("docs/bench", "docs/chaos")


def percentile(values, share):
    """The smallest value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def _git(*words):
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout.strip()


def _commit():
    """The commit that was measured; a + behind it means that files were changed since, other than by earlier records."""
    dirty = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *(f":!{folder}" for folder in HISTORIES))
    return _git("rev-parse", "--short=10", "HEAD") + ("+" if dirty else "")


def entry(**what):
    """When, of which commit and on what machine."""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": _commit(),
            "machine": {"processors": os.cpu_count(), "kernel": platform.release(), "load": round(os.getloadavg()[0], 1)}, **what}


def add(file, **what):
    file.parent.mkdir(exist_ok=True)
    with open(file, "a") as f:
        f.write(json.dumps(entry(**what), separators=(",", ":")) + "\n")
