"""./nxt bench: measures this checkout against yardsticks of the same machine in the same minutes.

Every figure is a ratio to something that ran right before and right after it (pgbench, a plain SQL
session), or a time or a size that a person would notice. It starts a copy of everything of its own, release
build, from empty databases, and stops it at the end.

The yardstick of a ratio is the mean of two runs of pgbench -M prepared, one before the load at the best of 8, 16
and 32 clients, one after it at that count, over the unix socket that the daemons use. Not the best of many:
a machine is rarely alone, and what slowed the load in between slowed its two neighbours as well.
"""
import argparse
import os
import sys
import time
from pathlib import Path

import psycopg

import report
from cpu import Spent
from nxt.home import ROOT
from nxt.ui import NxtError, say
from rows import ROWS
from world import World


def arguments():
    p = argparse.ArgumentParser(prog="./nxt bench", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows", nargs="*", metavar="ROW", help=f"only these: {', '.join(r.key for r in ROWS)}")
    p.add_argument("--json", action="store_true", help="print JSON on standard output, all else on standard error")
    p.add_argument("--seconds", type=float, default=10, help="of load per row (default 10)")
    p.add_argument("--record", action="store_true", help="add the figures to docs/bench/history.jsonl")
    p.add_argument("--flame", action="store_true",
                   help="draw where the daemon's time goes into docs/bench/ROW.svg (needs perf; it costs some of the rate)")
    p.add_argument("--list", action="store_true", help="print the rows and their floors, measure nothing")
    args = p.parse_args()
    unknown = set(args.rows) - {r.key for r in ROWS}
    if unknown:
        p.error(f"no such row: {', '.join(sorted(unknown))}")
    return args


def measure(row, world, seconds, flame=False):
    """A row that cannot be measured says why; the others go on."""
    Spent.flame = row.key if flame else None
    say(f"  {row.key}: {row.what}")
    begun = time.monotonic()
    try:
        found = row.measure(world, seconds)
    except (NxtError, psycopg.Error, OSError) as error:
        found = {"failed": str(error)}
    found["took_s"] = round(time.monotonic() - begun, 1)
    return found


def run(args):
    chosen = [r for r in ROWS if not args.rows or r.key in args.rows]
    world = World(Path(os.environ.get("NXT_HOME") or ROOT / ".nxt") / "bench")
    try:
        world.begin()
        return [(row, measure(row, world, args.seconds, args.flame)) for row in chosen]
    finally:
        world.end()


def main():
    args = arguments()
    if args.list:
        for row in ROWS:
            print(f"{row.key}\t{', '.join(f'{f.figure} {f.sign} {f.limit} {f.unit}'.strip() for f in row.floors)}\t{row.what}")
        return 0
    out = sys.stdout
    if args.json:
        sys.stdout = sys.stderr
    say(f"  load of the machine before: {', '.join(f'{x:.1f}' for x in os.getloadavg())} on {os.cpu_count()} processors")
    results = run(args)
    print(report.as_json(results) if args.json else report.table(results), file=out, flush=True)
    if args.record:
        report.record(results)
    return 0 if all("failed" not in found for _, found in results) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NxtError as error:
        print(f"nxt bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
