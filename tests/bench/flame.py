"""Where the time goes: samples of perf, folded by program and stack, drawn as an SVG that needs no script.

    flame.begin("debit")
    with flame.sampled(): …load…        each load that belongs to the figure
    flame.draw()                        -> docs/bench/debit.svg
"""
import contextlib
import re
import subprocess
import tempfile
from collections import Counter
from html import escape
from pathlib import Path

from nxt.home import ROOT
from nxt.ui import say

FOLDER = ROOT / "docs/bench"
WIDTH, ROW = 1200, 17
SHOWN = 0.003    # of all samples; what is thinner cannot be read
SAMPLES_A_SECOND = 499


_figure, _stacks = None, Counter()   # what is measured, and what was busy meanwhile


def begin(figure):
    """None: nothing is sampled."""
    global _figure
    _figure = figure
    _stacks.clear()


@contextlib.contextmanager
def sampled(is_wanted=True):
    """All programs: a daemon's time says little without PostgreSQL's, the broker's and the load's own beside it."""
    if not (_figure and is_wanted):
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        perf = subprocess.Popen(["perf", "record", "-q", "-a", "-g", "-F", str(SAMPLES_A_SECOND), "-o", str(data)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            perf.terminate()
            perf.wait()
            _stacks.update(fold(subprocess.run(["perf", "script", "-i", str(data), "-F", "comm,pid,ip,sym"],
                                               capture_output=True, text=True, errors="replace").stdout))


def draw():
    if _stacks:
        file = FOLDER / f"{_figure}.svg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(_drawing(_stacks, _figure))
        say(f"  drawn: {file.relative_to(ROOT)}")
    elif _figure:
        say(f"  not drawn: perf took no samples of {_figure}")


def fold(text):
    """{(program, outermost, …, innermost): samples}; frames without a name and idle processors are left out."""
    stacks, programs = Counter(), {}
    for block in text.split("\n\n"):
        head, *frames = block.strip().splitlines() or [""]
        thread, _, pid = head.strip().rpartition(" ")
        if not pid.isdigit() or pid == "0":
            continue
        if pid not in programs:
            programs[pid] = _program(pid) or thread.strip()
        names = (line.strip().partition(" ")[2] for line in reversed(frames))
        stacks[programs[pid], *(n for n in names if n and n != "[unknown]")] += 1
    return stacks


def _program(pid):
    """The process's name: perf knows its threads by theirs."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None     # it has ended


def _drawing(stacks, title):
    total = sum(stacks.values()) or 1
    boxes = list(_boxes(stacks, total))
    height = ROW * (2 + max((depth for depth, *_ in boxes), default=0) + 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
           f'<text x="4" y="{ROW - 4}">{escape(title)}: {total} samples of what was busy</text>']
    for depth, left, width, name, count in boxes:
        y, x, w = height - ROW * (depth + 1), left * WIDTH / total, width * WIDTH / total
        hue = 20 + sum(map(ord, re.sub(r"\W", "", name))) % 40
        label = escape(name[:int(w / 7)]) if w > 30 else ""
        out.append(f'<g><title>{escape(name)}: {100 * count / total:.1f} %</title><rect x="{x:.1f}" y="{y}" width="{w:.1f}" '
                   f'height="{ROW - 1}" fill="hsl({hue},80%,65%)"/><text x="{x + 2:.1f}" y="{y + 12}">{label}</text></g>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _boxes(stacks, total, depth=0, left=0):
    """(depth, left, width, name, samples) of every frame that is wide enough to be seen."""
    by_first = {}
    for stack, n in stacks.items():
        if stack:
            by_first.setdefault(stack[0], Counter())[stack[1:]] += n
    for name, inner in sorted(by_first.items()):
        count = sum(inner.values())
        if count / total >= SHOWN:
            yield depth, left, count, name, count
            yield from _boxes(inner, total, depth + 1, left)
        left += count
