"""Handlers read in one screen: how long functions and files of the daemons may be."""
import statistics

import pytest

from nxt.home import ROOT, SERVICES


def functions(file):
    """(lines, heading) of each function: by .clang-format its braces stand alone in the first column."""
    lines, begun = file.read_text().splitlines(), None
    for n, line in enumerate(lines):
        if line == "{":
            begun = n
        elif line == "}" and begun is not None:
            yield n - begun - 1, f"{file.name}: {lines[begun - 1]}"
            begun = None


@pytest.mark.parametrize("folder", ["libcommon", *(f"services/{s}" for s in SERVICES)])
def test_functions_and_files_are_short(folder):
    files = sorted((ROOT / folder).glob("*.c"))
    found = [f for file in files for f in functions(file)]
    assert len(found) > 40 and statistics.median(lines for lines, _ in found) <= 20
    assert max(found)[0] <= 80, max(found)
    assert not [f"{file.name}: {n}" for file in files if (n := len(file.read_text().splitlines())) > 600]
