"""Where the daemon's time goes: samples of perf, folded by stack, drawn as an SVG that needs no script.

    sampling = Sampling(pid, "debit"); …load…; sampling.end()      -> docs/bench/debit.svg
"""
import re
import subprocess
import tempfile
from collections import Counter
from html import escape
from pathlib import Path

from nxt.home import ROOT

FOLDER = ROOT / "docs/bench"
WIDTH, ROW = 1200, 17
SHOWN = 0.003    # of all samples; what is thinner cannot be read
SAMPLES_A_SECOND = 499


class Sampling:
    def __init__(self, pid, name):
        self.name, self.data = name, Path(tempfile.mkdtemp()) / "perf.data"
        self.perf = subprocess.Popen(["perf", "record", "-q", "-g", "-F", str(SAMPLES_A_SECOND), "-o", str(self.data),
                                      "-p", str(pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        self.perf.terminate()
        self.perf.wait()
        text = subprocess.run(["perf", "script", "-i", str(self.data), "-F", "ip,sym"], capture_output=True,
                              text=True, errors="replace").stdout
        stacks = fold(text)
        self.data.unlink()
        self.data.parent.rmdir()
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{self.name}.svg").write_text(draw(stacks, self.name))


def fold(text):
    """{(outermost, …, innermost): samples}; frames without a name are left out."""
    stacks = Counter()
    for block in text.split("\n\n"):
        names = [line.strip().partition(" ")[2] for line in block.splitlines()]
        names = tuple(n for n in reversed(names) if n and n != "[unknown]")
        if names:
            stacks[names] += 1
    return stacks


def draw(stacks, title):
    total = sum(stacks.values()) or 1
    boxes = list(_boxes(stacks, total))
    height = ROW * (2 + max((depth for depth, *_ in boxes), default=0) + 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">',
           f'<text x="4" y="{ROW - 4}">{escape(title)}: {total} samples of the daemon</text>']
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
