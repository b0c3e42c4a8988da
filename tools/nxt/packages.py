"""What must be on the machine before anything runs: Debian packages, and pinned tools under .nxt/tools."""
import hashlib
import os
import shutil
import subprocess
import sys

from nxt.home import ROOT, TOOLS, alone, write_whole
from nxt.ui import NxtError, say, step

LIST = ROOT / "deploy/local/packages.txt"
KAFKA_POM = ROOT / "deploy/local/kafka/pom.xml"
NPM = {"run": ROOT / "deploy/local/npm", "test": ROOT / "tests/npm"}
PIP = {"run": ROOT / "deploy/local/requirements.txt", "test": ROOT / "tests/requirements.txt"}


def listed(groups):
    """(package, seen by, reason) of every package in these groups."""
    for line in LIST.read_text().splitlines():
        if line and not line.startswith("#"):
            group, package, seen, reason = line.split("\t")
            if group in groups:
                yield package, seen, reason


def _is_there(package, seen):
    if seen.startswith("/"):
        return os.path.exists(seen)
    if seen != "-":
        return shutil.which(seen, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None
    out = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True)
    return out.stdout.endswith(" installed")


def install_debian(groups):
    """Installs what is missing, saying what and why; without root it prints the one line to run."""
    with alone(TOOLS / "packages.lock"):
        _install_debian(groups)


def _install_debian(groups):
    missing = [(p, why) for p, seen, why in listed(groups) if not _is_there(p, seen)]
    if not missing:
        return
    for package, why in missing:
        say(f"  missing: {package:<24} {why}")
    line = "apt-get install -y --no-install-recommends " + " ".join(p for p, _ in missing)
    if os.geteuid() != 0:
        raise NxtError(f"run this once, then again what you ran now:\n  sudo sh -c 'apt-get update && {line}'")
    with step("packages") as note:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], env=env)
        # Debian would start its own nginx and PostgreSQL; ours are private to the checkout.
        with _no_service_starts():
            run(line.split(), env=env)
        note(f"{len(missing)} installed")


class _no_service_starts:
    """policy-rc.d is Debian's way to say that an installation shall start no service."""
    path = "/usr/sbin/policy-rc.d"

    def __enter__(self):
        self.ours = not os.path.exists(self.path)
        if self.ours:
            with open(os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o755), "w") as f:
                f.write("#!/bin/sh\nexit 101\n")

    def __exit__(self, *_):
        if self.ours:
            os.unlink(self.path)


def run(argv, **more):
    """Runs a command silently; its output is shown only where it fails."""
    out = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    if out.returncode:
        raise NxtError(f"{' '.join(map(str, argv))}\nended with {out.returncode}:\n{out.stdout[-4000:]}")
    return out.stdout


def _fetch(name, target, sources, how):
    """Fills `target` by how(target) unless it is there from exactly these source files already."""
    mark = hashlib.sha256(b"".join(s.read_bytes() for s in sources)).hexdigest()
    stamp = target / ".from"
    if stamp.exists() and stamp.read_text() == mark:
        return target
    with alone(TOOLS / "lock"), step(name) as note:
        if not stamp.exists() or stamp.read_text() != mark:
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            note(how(target) or "fetched")
            write_whole(stamp, mark)
    return target


def kafka_jars():
    """The broker's jars, at the versions of the pom."""
    def fetch(target):
        run(["mvn", "-B", "-q", "-f", KAFKA_POM, "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={target / 'lib'}"])
        return f"{len(list((target / 'lib').iterdir()))} jars"
    return _fetch("kafka jars", TOOLS / "kafka", [KAFKA_POM], fetch)


def npm(group):
    """node_modules of one lockfile; returns the folder of its commands."""
    sources = [NPM[group] / "package.json", NPM[group] / "package-lock.json"]

    def fetch(target):
        for source in sources:
            shutil.copy(source, target / source.name)
        # Nothing that we use has to run at installation; what would run there is telemetry.
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=target)
    return _fetch(f"npm {group}", TOOLS / f"npm-{group}", sources, fetch) / "node_modules/.bin"


def venv(group):
    """A Python environment with the pinned requirements of one group; returns its python."""
    def fetch(target):
        run([sys.executable, "-m", "venv", target])
        run([target / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", PIP[group]])
    return _fetch(f"python {group}", TOOLS / f"venv-{group}", [PIP[group]], fetch) / "bin/python"


def _npm_binary(group, name):
    """A static binary out of a platform package; the usual npm wrapper would only add a Node process."""
    found = [p for p in sorted(npm(group).parent.rglob(f"bin/{name}")) if p.is_file()]
    if not found:
        raise NxtError(f"npm brought no {name} for this machine")
    return found[0]


def dbmate():
    return _npm_binary("run", "dbmate")


def swagger_ui():
    """The folder of the page that shows an OpenAPI document."""
    return npm("run").parent / "swagger-ui-dist"


def buf():
    return _npm_binary("test", "buf")
