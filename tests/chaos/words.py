"""The words of ./nxt chaos; nothing here needs a package, so that --help works on a fresh machine."""
import argparse

SIZES = ("small", "medium", "full")
# The rows and their harm, in the order in which they run.
ROWS = {
    "R1": "kill -9 at random moments over six daemons, PostgreSQL and the broker",
    "R7": "the relay sends everything again, every consumer begins at 0",
    "R2": "the process ends at each named boundary",
    "R5": "a transaction held open in another database: how soon an event is published",
    "R6": "SIGSTOP past lease and session, another takes over, SIGCONT",
    "R8": "debits at four times of what finance can do",
    "R9": "the broker is away under load; then PostgreSQL restarts",
    "R11": "events that do not decode, one in 10,000 and a hundred in a row",
    "R13": "file descriptors exhausted in finance while callers come; then they may be had again",
    "R13-disk": "the disk under PostgreSQL is full for a while",
    "R13-bus": "the disk under the broker is full for a while",
    "R13-names": "names stop resolving for finance, which loses its sessions too; then they are known again",
    "R13-clock": "the clock of all daemons, then of finance alone, is stepped by an hour, forth, back and home again",
    "R14": "two replicas of every daemon behind the gateway, restarted in turn under load",
    "R4": "64 writers, rollbacks, transactions held open: the order of each key",
    "R10": "the harness against itself: it must see each of five faults",
}


def parser():
    p = argparse.ArgumentParser(prog="./nxt chaos", description="Harm a running copy of its own, and look for what was lost.",
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                epilog="rows:\n" + "\n".join(f"  {key:<9} {what}" for key, what in ROWS.items()))
    p.add_argument("rows", nargs="*", metavar="ROW", help="of those below; R13 means all of its kinds; without any all")
    p.add_argument("--seed", help="repeats the choices of a run (whom, when, how much), not its interleavings; NXT_CHAOS_SEED")
    p.add_argument("--size", choices=SIZES, default="medium", help="small takes minutes, full hours")
    p.add_argument("--json", metavar="FILE", help="also write what was found there")
    p.add_argument("--record", action="store_true", help="add what was found to docs/chaos/history.jsonl")
    p.add_argument("--preset", default="dev", help="R2 needs one with fail points: dev or asan")
    return p
