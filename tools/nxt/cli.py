"""The words of ./nxt."""
import argparse
import os
import shutil
import subprocess
import sys

from nxt import build, migrate, packages
from nxt.home import ROOT, SERVICES
from nxt.postgres import BIN
from nxt.stack import Stack
from nxt.ui import NxtError, say


def up(args):
    """install what is missing, build, start everything, wait until it is ready"""
    stack = Stack(preset=args.preset, preferred_ports=not args.random_ports)
    wrong = [p for p in args.port if "=" not in p]
    if wrong:
        raise NxtError(f"--port {wrong[0]}: say NAME=N, e.g. gateway=8000")
    ports = dict(p.split("=", 1) for p in args.port)
    stack.up(bus=args.bus, ports=ports, with_build=not args.no_build)
    say(f"""
  API       {stack.gateway.url}
  document  {stack.gateway.url}/docs, /openapi.json
  mails     {stack.mail.url}
  Kafka     {stack.bus.brokers}
  next      ./nxt demo, ./nxt status, ./nxt logs, ./nxt down""")


def down(args):
    """stop everything; --wipe also deletes data, logs, secrets and chosen ports"""
    def report(name, seconds):
        say(f"  {name:<14} stopped ({seconds:.1f} s)")
    if not Stack().down(wipe=args.wipe, report=report):
        say("  nothing was running")
    if args.wipe:
        say("  wiped: data, logs, secrets, chosen ports")


def status(args):
    """what runs, with pid and address; exit code 1 where something that should run does not"""
    stack = Stack()
    all_up = True
    for name, part in stack.parts.items():
        if name in ("kafka", "embedded") and part is not stack.bus:
            continue
        pid = part.process.pid()
        ready = bool(pid) and (not hasattr(part, "ready") or part.ready())
        all_up = all_up and ready
        state = "ready" if ready else "starting" if pid else "down"
        port = stack.home.state.get("ports", {}).get(name, "")
        say(f"  {name:<14} {state:<10} {f'pid {pid}' if pid else '':<12} {f'127.0.0.1:{port}' if port else ''}")
    return 0 if all_up else 1


def logs(args):
    """the last lines of one part's log or of all; -f follows"""
    stack = Stack()
    parts = [stack.part(args.service)] if args.service else stack.parts.values()
    files = [str(p.process.log) for p in parts if p.process.log.exists()]
    if not files:
        raise NxtError("nothing has been logged yet")
    argv = ["tail", "-n", str(args.lines), *(["-F"] if args.follow else []), *files]
    os.execvp("tail", argv)


def env(args):
    """NAME=value lines by which an outside test finds everything"""
    stack = Stack()
    if not stack.home.state.get("ports"):
        raise NxtError("not up yet: run ./nxt up")
    for name, value in (stack.inner_env if args.all else stack.env).items():
        print(f"{name}={value}")


def run(args):
    """one daemon in the foreground with its own options, in the place of the one that runs; further words go
    before it: gdb --args, valgrind"""
    stack = Stack(preset=args.preset)
    daemon = _daemon(stack, args.service)
    if args.words and not shutil.which(args.words[0]):
        raise NxtError(f"{args.words[0]} is no program, and these words go before the daemon (gdb --args); for the "
                       f"daemon's own words: ./nxt command {args.service} {' '.join(args.words)}")
    stack.need("postgres", "broker")
    with stack.home.locked():
        daemon.stop()
    argv = [*args.words, str(daemon.binary)]
    say(f"  {' '.join(argv)} on {daemon.url}; ./nxt up puts the usual one back")
    os.execvpe(argv[0], argv, {**os.environ, **daemon.environment()})


def _daemon(stack, service):
    daemon = stack.daemons[service]
    if not daemon.binary.exists():
        raise NxtError(f"{daemon.binary} is not built; run ./nxt build {stack.preset}")
    return daemon


def command(args):
    """a one-time command of a daemon with its own options, beside the one that runs, e.g. identity keys list"""
    stack = Stack()
    daemon = _daemon(stack, args.service)
    if not args.words:
        args.words = ["--help"]
    if not args.words[0].startswith("-"):  # what a daemon prints of itself needs nothing
        stack.need("postgres")
    os.execve(daemon.binary, [str(daemon.binary), *args.words], {**os.environ, **daemon.environment()})


def psql(args):
    """a psql session as owner of one service's database; further words go to psql"""
    stack = Stack()
    stack.need("postgres")
    os.execv(BIN / "psql", ["psql", stack.postgres.owner_url(args.service), *args.words])


def events(args):
    """a decoded tail of all topics or of those named"""
    stack = Stack()
    nxtctl = str(build.binaries(stack.preset) / "nxtctl")
    if not os.path.exists(nxtctl):
        raise NxtError(f"{nxtctl} is not built; run ./nxt build {stack.preset}")
    words = _own(args)
    if not _wants_help(args):
        stack.need("broker")
    if sys.stderr.isatty() and not _wants_help(args) and "--from-beginning" not in words:
        print("waiting for new ones; --from-beginning shows those there are, --exit ends after them", file=sys.stderr)
    os.execv(nxtctl, [nxtctl, "events", "--brokers", stack.bus.brokers, *words])


def _own(args):
    """The words of a program of its own, which _given() marked."""
    return args.words[1:] if args.words[:1] == ["--"] else args.words


def mail(args):
    """the mails in the sink: one line each, or one in full"""
    stack = Stack()
    stack.need("mail")
    found = stack.mail.messages()
    if args.id:
        found = [m for m in found if m["id"] == args.id]
        if not found:
            raise NxtError(f"no mail {args.id}")
        say("\n".join(f"{k}: {v}" for k, v in found[0]["headers"].items()) + f"\n\n{found[0]['text'] or found[0]['html']}")
        return
    for m in found:
        say(f"  {m['id']:>4}  {m['received_at']}  {', '.join(m['to']):<36} {m['subject']}")


def migrate_(args):
    """bring the databases up to date; `status` and `rollback` (one step back, of a service or of --all) as dbmate
    means them"""
    stack = Stack()
    if args.command == "rollback" and not (args.service or args.all):
        raise NxtError("rollback takes a service's newest migration back, and its data with it: name the service, "
                       "or say --all")
    stack.need("postgres")
    if args.command == "migrate":
        with stack.home.locked():
            stack.migrate()
        return
    for service in [args.service] if args.service else SERVICES:
        say(f"{service}:\n{migrate.migrate(service, stack.postgres.owner_url(service), args.command)}")


def build_(args):
    """build one preset: dev, asan, tsan or release"""
    packages.install_debian({"build"})
    build.build(args.preset or "release")


def docs(args):
    """print docs/reference anew from the daemons' own tables"""
    from nxt.docs import write
    stack = Stack()
    packages.install_debian({"build"})
    build.build(stack.preset)
    changed = write(build.binaries(stack.preset))
    say(f"  {', '.join(changed) or 'nothing to change'}")


def demo(args):
    """walk through registration, approval, job, purchase; print what each step left behind"""
    from nxt.demo import Demo
    stack = Stack()
    stack.need("gateway", *SERVICES, "broker", "postgres", "mail")
    Demo(stack, args.show).run()


def test(args):
    """run the tests: all, or the parts named"""
    from nxt.testing import end_as_interrupted, run_into, run_parts
    end_as_interrupted()
    return run_into(args.parts[0], args.words, args.result) if args.result else run_parts(args.parts, args.words)


def fuzz(args):
    """search for inputs that break a promise: all fuzzers of tests/fuzz, or those named"""
    from nxt.fuzz import fuzz as run
    return run(args.names, args.seconds, args.keep)


def become(program, words):
    """The program takes our place, and so the signals that are meant for it; it stops the copy that it started."""
    sys.stdout.flush()
    os.execve(packages.venv("test"), [str(packages.venv("test")), str(program), *words],
              {**os.environ, "PYTHONPATH": str(ROOT / "tools")})


def _wants_help(args):
    return bool({"-h", "--help"} & set(args.words))


def _help(program):
    """By the words.py beside it: without its packages, which a first reader does not want to wait for."""
    return subprocess.run([sys.executable, "-c", "import words; words.parser().print_help()"],
                          cwd=program.parent).returncode


def bench(args):
    """measure against the same machine's own yardsticks"""
    program = ROOT / "tests/bench/run.py"
    if _wants_help(args):
        return _help(program)
    packages.install_debian({"bench", "flame"} if "--flame" in args.words else {"bench"})
    become(program, _own(args))


def chaos(args):
    """harm a running copy of its own in many ways, and look for what was lost or doubled"""
    program = ROOT / "tests/chaos/run.py"
    if _wants_help(args):
        return _help(program)
    packages.install_debian({"chaos"})
    build.build("dev")
    become(program, _own(args))


OWN_WORDS = (("events", events), ("bench", bench), ("chaos", chaos))


def parser():
    top = argparse.ArgumentParser(prog="./nxt", description="Run, look at and test Nxtgauge on this machine.",
                                  epilog="NXT_HOME=folder keeps a second copy beside the first.")
    words = top.add_subparsers(dest="word", required=True, metavar="WORD")

    def word(name, function, **more):
        p = words.add_parser(name, help=function.__doc__, description=function.__doc__, **more)
        p.set_defaults(function=function)
        return p
    p = word("up", up)
    p.add_argument("--bus", choices=("kafka", "embedded"), help="embedded needs no Java; remembered (first: kafka)")
    p.add_argument("--port", action="append", default=[], metavar="NAME=N", help="fix a port, e.g. gateway=8000; also NXT_GATEWAY_PORT")
    p.add_argument("--random-ports", action="store_true", help="do not even try the usual ports")
    p.add_argument("--preset", choices=("release", "dev", "asan", "tsan"))
    p.add_argument("--no-build", action="store_true", help="run the binaries as they are")
    p = word("down", down)
    p.add_argument("--wipe", action="store_true")
    word("status", status)
    p = word("logs", logs)
    p.add_argument("service", nargs="?")
    p.add_argument("-f", "--follow", action="store_true")
    p.add_argument("-n", "--lines", type=int, default=50)
    word("env", env).add_argument("--all", action="store_true", help="also what only our own tests use")
    p = word("run", run)
    p.add_argument("--preset", choices=("release", "dev", "asan", "tsan"))
    p.add_argument("service", choices=SERVICES)
    p.add_argument("words", nargs=argparse.REMAINDER)
    p = word("command", command)
    p.add_argument("service", choices=SERVICES)
    p.add_argument("words", nargs=argparse.REMAINDER)
    p = word("psql", psql)
    p.add_argument("service", choices=SERVICES)
    p.add_argument("words", nargs=argparse.REMAINDER)
    word("mail", mail).add_argument("id", nargs="?")
    word("demo", demo).add_argument("--show", action="store_true", help="each call as a curl command, with its answer")
    word("docs", docs)
    p = word("test", test)
    p.add_argument("parts", nargs="*", metavar="PART")
    p.add_argument("-k", dest="words", help="only the pytest cases that match")
    p.add_argument("--result", help=argparse.SUPPRESS)  # one part, for a run of several
    p = word("fuzz", fuzz)
    p.add_argument("names", nargs="*", metavar="NAME")
    p.add_argument("--seconds", type=int, default=60, help="for each, two at a time (60); 0: the corpus once")
    p.add_argument("--keep", action="store_true", help="take what was found into the corpus, as small as it can be")
    for name, function in OWN_WORDS:
        word(name, function).add_argument("words", nargs=argparse.REMAINDER)
    p = word("migrate", migrate_)
    p.add_argument("command", nargs="?", default="migrate", choices=("migrate", "status", "rollback"))
    p.add_argument("service", nargs="?", choices=SERVICES)
    p.add_argument("--all", action="store_true", help="for rollback: every service")
    word("build", build_).add_argument("preset", nargs="?", choices=("dev", "asan", "tsan", "release"))
    return top


def _given():
    """The words; those of OWN_WORDS are their programs' own, also where they begin with a dash."""
    words = sys.argv[1:]
    return [words[0], "--", *words[1:]] if words and words[0] in dict(OWN_WORDS) else words


def main():
    args = parser().parse_args(_given())
    try:
        return args.function(args) or 0
    except NxtError as error:
        print(f"nxt: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
