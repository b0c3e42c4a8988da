"""`./nxt chaos`: the rows, one after the other, on one running copy; a table, and --json."""
import json
import os
import random
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import words  # noqa: E402
from world import World, seed_of  # noqa: E402
from rows import ROWS, SIZES  # noqa: E402
from nxt import records  # noqa: E402
from nxt.home import ROOT  # noqa: E402
from nxt.testing import end_as_interrupted, fresh_stack  # noqa: E402


def run_row(world, key, seed, size):
    """What the row tells, what does not fit afterwards, and the time it took."""
    begun = time.monotonic()
    try:
        figures = ROWS[key](world, random.Random(f"{seed} {key}"), size)
        found, compared = world.verdict()
    except Exception:
        return {"row": key, "seconds": round(time.monotonic() - begun),
                "found": {"the row broke": traceback.format_exc(), **world.take_findings()}}
    if world.ruined:
        found = {k: v for k, v in found.items() if k == "the harness is blind"}
    return {"row": key, "seconds": round(time.monotonic() - begun), **compared, "figures": figures, "found": found}


def _print(row):
    print(f"{row['row']:<9} {'ok' if not row['found'] else 'FOUND':<6} {row['seconds']:>5} s  {words.ROWS[row['row']]}")
    if "figures" in row:
        print(f"     {row['acknowledged']} writes acknowledged, {row['events']} events, {row['sent_again']} sent again,"
              f" {row['refused_meanwhile']} answers 5xx so far\n     {json.dumps(row['figures'])}")
    for what, examples in row["found"].items():
        print(f"     {what}: {examples}")
    sys.stdout.flush()


def main():
    parser = words.parser()
    args = parser.parse_args()
    unknown = set(args.rows) - set(ROWS)
    if unknown:
        parser.error(f"no row {', '.join(sorted(unknown))}")
    seed, found = seed_of(args.seed), []
    print(f"seed {seed}, size {args.size}")
    with fresh_stack("chaos-run", args.preset) as stack:
        os.environ.update(stack.inner_env)
        world = World(dict(os.environ), seed)
        for key in [k for k in ROWS if not args.rows or {k, k.split('-')[0]} & set(args.rows)]:
            found.append(run_row(world, key, seed, SIZES[args.size]))
            _print(found[-1])
            if args.record:
                records.add(ROOT / "docs/chaos/history.jsonl", size=args.size, seed=seed, **found[-1])
        world.close()
    if args.json:
        Path(args.json).write_text(json.dumps({"seed": seed, "size": args.size, "rows": found}, indent=1) + "\n")
    return 1 if any(r["found"] for r in found) else 0


if __name__ == "__main__":
    end_as_interrupted()
    sys.exit(main())
