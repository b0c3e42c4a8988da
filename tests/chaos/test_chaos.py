"""The bounded part of the chaos suite: each row small, one copy for all. NXT_CHAOS_SEED repeats a run's choices."""
import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import words  # noqa: E402
from run import run_row  # noqa: E402
from world import ROOT, World, seed_of  # noqa: E402
from rows import FAILPOINTS, LANES, ROWS, SIZES  # noqa: E402

SEED = seed_of()
BOUNDARIES = (r"db_commit\([rt]", r"rd_kafka_commit\(", r"= produce\(", r"delete_rows\(rq\);", r"\bmove_positions\(rq, b", r"outrow_move\(row, &relay\.acked\)",
              r"relay\.epoch = db_int\(", r"send_reply\(rq\);", "DELETE FROM dead_letters WHERE id")


@pytest.fixture(scope="module")
def world():
    made = World(dict(os.environ), SEED)
    print(f"\nseed {SEED}")
    yield made
    made.close()


def sources():
    return {p.name: p.read_text() for top in ("libcommon", "services") for p in (ROOT / top).rglob("*.c")}


def test_every_fail_point_stands_somewhere_and_is_hit_by_a_lane():
    used = set(re.findall(r"\bfailpoint\(FP_(\w+)\)", "".join(sources().values())))
    assert used == set(FAILPOINTS)
    assert sorted(sum(LANES.values(), [])) == sorted(FAILPOINTS.values())


def test_help_names_every_row():
    assert list(words.ROWS) == list(ROWS)


@pytest.mark.parametrize("step", BOUNDARIES)
def test_every_boundary_has_a_fail_point_beside_it(step):
    """Where something becomes true outside of the process, the test can end it just before or after."""
    places = [(name, text, m.start()) for name, text in sources().items() for m in re.finditer(step, text)]
    assert places
    for name, text, at in places:
        assert "failpoint(FP_" in text[max(0, at - 400):at + 400], f"{name}: {step}"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("key", [k for k in ROWS if k in SIZES["small"]["rows"]])
def test_row(world, key):
    row = run_row(world, key, SEED, SIZES["small"])
    print(f"\n{key}, seed {SEED}: {row}")
    assert row["found"] == {}
