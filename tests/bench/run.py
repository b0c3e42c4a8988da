"""The run of ./nxt bench: rows, one after the other; words.py says what it is."""
import os
import sys
import time
from pathlib import Path

import psycopg

import report
import words
from cpu import Spent
from nxt.home import ROOT
from nxt.ui import NxtError, say
from rows import ROWS
from world import World


def arguments():
    p = words.parser(", ".join(r.key for r in ROWS))
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
