"""From `git clone` to the first successful call: what a person waits for on a machine with the packages."""
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from nxt.client import Client
from nxt.home import ROOT
from nxt.ui import NxtError


def _run(argv, cwd=None, env=None):
    out = subprocess.run([str(a) for a in argv], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if out.returncode:
        raise NxtError(f"{' '.join(map(str, argv))}: {out.stdout[-3000:]}")
    return out.stdout


def first_call(world, seconds):
    """Clone, `./nxt up` with the tools fetched and everything built anew, one registration by the gateway.

    What npm, Maven and pip keep in their own caches stays there, as on any machine that is used.
    """
    world.end()
    folder = Path(tempfile.mkdtemp(prefix="nxt-clone-"))
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"NXT_HOME": str(folder / "home")}
    copy, steps = folder / "copy", {}
    begun = time.monotonic()
    try:
        _run(["git", "clone", "-q", ROOT, copy])
        steps["clone"] = time.monotonic() - begun
        _run([copy / "nxt", "up", "--random-ports"], copy, env)
        steps["up"] = time.monotonic() - begun
        names = dict(line.split("=", 1) for line in _run([copy / "nxt", "env"], copy, env).splitlines())
        answer = Client(names["NXT_GATEWAY_URL"]).post("/v1/auth/register", {
            "email": "first@example.com", "password": secrets.token_urlsafe(16), "account_type": "INDIVIDUAL"}, expect=202)
        steps["call"] = time.monotonic() - begun
    finally:
        if (copy / "nxt").exists():
            _run([copy / "nxt", "down", "--wipe"], copy, env)
        shutil.rmtree(folder, ignore_errors=True)
    return {"s": steps["call"], "answer": answer.status, "after": {k: round(v, 1) for k, v in steps.items()}}
