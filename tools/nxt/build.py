"""Building a preset with CMake and ninja."""
import os
import subprocess

from nxt.home import ROOT, alone
from nxt.ui import NxtError, step


def folder(preset):
    return ROOT / "build" / preset


def binaries(preset):
    return folder(preset) / "bin"


def build(preset, targets=()):
    """Configures where needed and builds; says nothing where there was nothing to do."""
    with alone(ROOT / "build" / f"{preset}.lock"):
        _build(preset, targets)


def _build(preset, targets):
    where = folder(preset)
    ninja_file = where / "build.ninja"
    # A preset that has changed is read by cmake alone.
    if not ninja_file.exists() or ninja_file.stat().st_mtime < (ROOT / "CMakePresets.json").stat().st_mtime:
        with step(f"cmake {preset}"):
            _run(["cmake", "--preset", preset])
    ninja = ["ninja", "-C", str(where), f"-j{os.cpu_count()}", *targets]
    if "no work to do" in _run([*ninja, "-n"]):
        return
    with step(f"build {preset}"):
        _run(ninja)


def _run(argv):
    out = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace")
    if out.returncode:
        # ninja goes on with what was under way: the reason stands at the first failure, not at the end.
        start = max(out.stdout.find("FAILED: "), 0)
        raise NxtError(f"{' '.join(argv)} failed:\n{out.stdout[start:start + 6000]}")
    return out.stdout
