"""Static checks: clang-tidy, cppcheck, the event contract's linter. One count for each tool and each of its findings."""
import json
import os
import re
import subprocess

from nxt import build, packages
from nxt.home import ROOT, write_whole
from nxt.testing import Result


def _run(argv, **more):
    out = subprocess.run([str(a) for a in argv], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    return out.returncode, out.stdout


def _sources():
    return sorted(str(p.relative_to(ROOT)) for top in ("libcommon", "services", "tools") for p in (ROOT / top).rglob("*.c"))


def _commands_of_sources():
    """The folder of a compile database that has each source once: what unit tests build too is not looked at twice."""
    folder, wanted, once = build.folder("dev") / "lint", {str(ROOT / s) for s in _sources()}, {}
    for command in json.loads((build.folder("dev") / "compile_commands.json").read_text()):
        if command["file"] in wanted:
            once.setdefault(command["file"], command)
    folder.mkdir(exist_ok=True)
    write_whole(folder / "compile_commands.json", json.dumps(list(once.values())))
    return folder


def clang_tidy():
    """Checks and exceptions stand in .clang-tidy, each with its reason."""
    if not (ROOT / ".clang-tidy").exists() or not _sources():
        return Result.skip("clang-tidy: no .clang-tidy or no sources")
    _, text = _run(["run-clang-tidy", "-quiet", f"-j{os.cpu_count()}", "-p", _commands_of_sources(),
                    *(f"^{re.escape(str(ROOT / s))}$" for s in _sources())])
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    findings = sorted(set(re.findall(r"^\S+:\d+:\d+: (?:warning|error): .*$", text, re.M)))
    return Result.of("clang-tidy", not findings, "\n".join(findings))


def cppcheck():
    """Exceptions stand in tests/lint/cppcheck.txt, each with its reason."""
    if not _sources():
        return Result.skip("cppcheck: no sources")
    folder = build.folder("dev") / "cppcheck"
    folder.mkdir(exist_ok=True)
    exceptions = ROOT / "tests/lint/cppcheck.txt"
    code, text = _run(["cppcheck", "--enable=warning,performance,portability", "--inline-suppr", "--quiet",
                       "--std=c11", "--error-exitcode=3", f"-j{os.cpu_count()}", f"--cppcheck-build-dir={folder}",
                       "--suppress=missingIncludeSystem", "--library=tests/lint/macros.cfg", "--library=bsd", "-Ilibcommon", "-D_GNU_SOURCE",
                       *([f"--suppressions-list={exceptions}"] if exceptions.exists() else []), *_sources()])
    return Result.of("cppcheck", code == 0, text)


def buf():
    """The event contract: its style, and that nothing readers rely on has changed."""
    if not (ROOT / "buf.yaml").exists():
        return Result.skip("buf: there is no contract yet")
    code, text = _run([packages.buf(), "lint"])
    result = Result.of("buf lint", code == 0, text)
    before = _contract_before()
    if not before:
        return result.add(Result.skip("buf breaking: there is no earlier contract to compare with"))
    code, text = _run([packages.buf(), "breaking", "--against", f".git#ref={before}"])
    return result.add(Result.of("buf breaking", code == 0, text))


def _contract_before():
    """The newest commit of the main line that is not this very state and holds a contract."""
    for ref in ("origin/main", "main", "HEAD~1"):
        code, sha = _run(["git", "rev-parse", "-q", "--verify", f"{ref}^{{commit}}"])
        if code == 0 and sha != _run(["git", "rev-parse", "HEAD"])[1] and \
                _run(["git", "cat-file", "-e", f"{sha.strip()}:buf.yaml"])[0] == 0:
            return sha.strip()
    return None


def lint():
    build.build("dev")
    result = clang_tidy()
    for tool in (cppcheck, buf):
        result.add(tool())
    return result
