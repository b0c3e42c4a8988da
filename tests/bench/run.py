"""The run of ./nxt bench: rows, one after the other; words.py says what it is."""
import os
import sys
import time
from pathlib import Path

import psycopg

import flame
import report
import words
from nxt.home import ROOT
from nxt.testing import end_as_interrupted
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


def measure(row, world, seconds, is_drawn=False):
    """A row that cannot be measured says why; the others go on."""
    flame.begin(row.key if is_drawn else None)
    say(f"  {row.key}: {row.what}")
    begun = time.monotonic()
    try:
        found = row.measure(world, seconds)
    except (NxtError, psycopg.Error, OSError) as error:
        found = {"failed": str(error)}
    flame.draw()
    found["took_s"] = round(time.monotonic() - begun, 1)
    return found


def rows(args):
    """(row, what was found), each told and recorded as it comes: a run takes long, and may be cut short."""
    chosen = [r for r in ROWS if not args.rows or r.key in args.rows]
    world = World(Path(os.environ.get("NXT_HOME") or ROOT / ".nxt") / "bench")
    try:
        world.begin()
        for row in chosen:
            found = measure(row, world, args.seconds, args.flame)
            if args.record:
                report.record(row, found, args.seconds)
            yield row, found
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
    before = report.last_recorded()
    results = list(rows(args))
    print(report.as_json(results) if args.json else report.table(results, before), file=out, flush=True)
    return 0 if all("failed" not in found for _, found in results) else 1


if __name__ == "__main__":
    try:
        end_as_interrupted()
        sys.exit(main())
    except NxtError as error:
        print(f"nxt bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
