"""What a run leaves: a table for people, JSON for programs, a line per row in the history."""
import json

from nxt import records
from nxt.home import ROOT

HISTORY = ROOT / "docs/bench/history.jsonl"


def figures(results):
    """{"get.ratio": 0.52, …}: what has a floor, by names that stay."""
    return {f"{row.key}.{floor.figure}": round(found[floor.figure], 3)
            for row, found in results if "failed" not in found for floor in row.floors}


def as_json(results):
    rows = [{"key": row.key, "what": row.what,
             "floors": [{"figure": f.figure, "sign": f.sign, "limit": f.limit, "unit": f.unit,
                         "reached": "failed" not in found and f.holds(found[f.figure])} for f in row.floors],
             **found} for row, found in results]
    return json.dumps({**records.entry(figures=figures(results)), "rows": rows}, indent=1)


def last_recorded():
    lines = HISTORY.read_text().splitlines() if HISTORY.exists() else []
    return {name: value for line in lines for name, value in json.loads(line)["figures"].items()}


def _without_floor(row, found):
    return {k: v for k, v in found.items() if k not in {f.figure for f in row.floors}}


def record(row, found, seconds):
    """What has a floor by names that stay, whether that was reached, and all else that was seen."""
    limits = {f"{row.key}.{f.figure}": f"{f.sign} {f.limit}" for f in row.floors}
    missed = sorted(f.figure for f in row.floors if "failed" not in found and not f.holds(found[f.figure]))
    records.add(HISTORY, row=row.key, seconds=seconds, figures=figures([(row, found)]), limits=limits, missed=missed,
                found=_without_floor(row, found))


def _number(value, unit=""):
    text = f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"
    return f"{text} {unit}".strip()


def _lines(row, found, before):
    if "failed" in found:
        yield f"  {row.key:<9} {'failed':>10}  {'':<14} {'':>8}  {row.what}: {found['failed']}"
        return
    for i, floor in enumerate(row.floors):
        value = found[floor.figure]
        was = before.get(f"{row.key}.{floor.figure}")
        yield (f"  {row.key if i == 0 else '':<9} {_number(value, floor.unit):>10}"
               f"  {floor.sign} {_number(floor.limit, floor.unit):<8} {'ok' if floor.holds(value) else 'BELOW':<5}"
               f" {_number(was) if was is not None else '–':>8}  {row.what if i == 0 else ''}"
               f"{f' ({floor.figure})' if len(row.floors) > 1 else ''}")


def _details(row, found):
    return "; ".join(f"{k} {v}" for k, v in _without_floor(row, found).items() if k != "failed")


def table(results, before):
    out = [f"\n  {'row':<9} {'measured':>10}  {'floor':<17} {'recorded':>8}  what"]
    for row, found in results:
        out += _lines(row, found, before)
    out.append("")
    out += [f"  {row.key:<9} {_details(row, found)}" for row, found in results]
    return "\n".join(out)
