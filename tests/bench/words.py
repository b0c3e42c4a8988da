"""The words of ./nxt bench; nothing here needs a package, so that --help works on a fresh machine."""
import argparse

ABOUT = """\
Measures this checkout against yardsticks of the same machine in the same minutes.

Every figure is a ratio to something that ran right before and right after it (pgbench, a plain SQL
session), or a time or a size that a person would notice. It starts a copy of everything of its own, release
build, from empty databases, and stops it at the end.

The yardstick of a ratio is the mean of two runs of pgbench -M prepared, one before the load at the best of 8, 16
and 32 clients, one after it at that count, over the unix socket that the daemons use. Not the best of many:
a machine is rarely alone, and what slowed the load in between slowed its two neighbours as well.

Callers come over HTTP on the same two processors, straight to the daemon's port. PostgreSQL is durable (fsync and
synchronous_commit on) for both. A figure BELOW its floor is told, not failed: the exit status is 1 only where a row
could not be measured.
"""


def parser(rows="those that --list prints"):
    p = argparse.ArgumentParser(prog="./nxt bench", description=ABOUT,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {rows}")
    p.add_argument("--json", action="store_true", help="print JSON on standard output, all else on standard error")
    p.add_argument("--seconds", type=float, default=10, help="of load per row (default 10)")
    p.add_argument("--record", action="store_true", help="add the figures to docs/bench/history.jsonl")
    p.add_argument("--flame", action="store_true",
                   help="draw where the time goes, by program, into docs/bench/ROW.svg (perf costs some of the rate)")
    p.add_argument("--list", action="store_true", help="print the rows and their floors, measure nothing")
    return p
