"""What --record keeps: a line of JSON per figure, in files that are committed."""
import datetime
import json
import os
import platform
import subprocess

from nxt.home import ROOT


def _git(*words):
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout.strip()


def _commit():
    """The commit that was measured; a + behind it means that files were changed since."""
    dirty = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short=10", "HEAD") + ("+" if dirty else "")


def entry(**what):
    """When, of which commit and on what machine."""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": _commit(),
            "machine": {"processors": os.cpu_count(), "kernel": platform.release()}, **what}


def add(file, **what):
    file.parent.mkdir(exist_ok=True)
    with open(file, "a") as f:
        f.write(json.dumps(entry(**what), separators=(",", ":")) + "\n")
