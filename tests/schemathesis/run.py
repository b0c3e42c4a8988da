"""schemathesis against a running copy: requests made from each daemon's own /openapi.json, well-formed and not.

    .nxt/tools/venv-test/bin/python tests/schemathesis/run.py identity --cases 30 --seed 7

The copy is found by the names of `./nxt env --all`. For each service and each caller (administrator, person without
a role) a JUnit file is written; the last line says how many requests there were.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
from nxt.home import SERVICES  # noqa: E402
# Each caller with what it leaves alone. The administrator would take the rights of its own role: 403 for the rest of the run.
CALLERS = {"admin": ["delete_v1_role_permissions_id"], "person": []}


def run(service, who, args, folder):
    """{"GET /v1/roles 200": number} of one run."""
    counts = folder / f"{service}-{who}.json"
    env = {**os.environ, "PYTHONPATH": str(HERE), "NXT_CALLER": who, "NXT_COUNTS": str(counts)}
    url = os.environ[f"NXT_{service.upper()}_URL"]
    argv = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run",
            f"{url}/openapi.json", "--workers", str(args.workers), "--seed", str(args.seed),
            "--max-examples", str(args.cases), "--phases", args.phases, "--no-color",
            "--report", "junit", "--report-junit-path", str(folder / f"{service}-{who}.xml"),
            *(word for name in CALLERS[who] for word in ("--exclude-operation-id", name))]
    with open(folder / f"{service}-{who}.log", "w") as log:
        subprocess.run(argv, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    return collections.Counter(json.loads(counts.read_text()) if counts.exists() else {})


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("services", nargs="+", metavar="SERVICE")
    words.add_argument("--cases", type=int, default=30, help="at most, of each operation and phase, for each caller")
    words.add_argument("--workers", type=int, default=2, help="of each caller, that call at the same time")
    words.add_argument("--at-least", type=int, default=0, help="so many requests, or it is a failure")
    words.add_argument("--phases", default="coverage,fuzzing", help="schemathesis' own")
    words.add_argument("--seed", type=int, default=random.randrange(2 ** 32), help="repeats a run")
    words.add_argument("--folder", type=Path, default=Path("schemathesis-report"), help="for the reports")
    args = words.parse_args()
    args.folder = args.folder.resolve()
    args.folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for service in args.services:
        begun = time.monotonic()
        with ThreadPoolExecutor(len(CALLERS)) as pool:  # making requests costs more than answering them
            results = list(pool.map(lambda who: run(service, who, args, args.folder), CALLERS))
        for who, counts in zip(CALLERS, results):
            statuses = collections.Counter()
            for line, number in counts.items():
                statuses[line.rsplit(" ", 1)[1]] += number
            total += sum(counts.values())
            print(f"  {service} as {who}: {sum(counts.values())} requests in {time.monotonic() - begun:.0f} s;"
                  f" {', '.join(f'{s}: {n}' for s, n in sorted(statuses.items()))}")
    print(f"  seed {args.seed}, {total} requests")
    found = [f"{total} requests are fewer than {args.at_least}"] if total < args.at_least else []
    found += dead_letters()
    print("\n".join(f"  {line}" for line in found))
    return 1 if found else 0


def dead_letters():
    """What was accepted is an event elsewhere too, and may not be refused for good there."""
    found = []
    for service in SERVICES:
        with psycopg.connect(os.environ[f"NXT_DB_{service.upper()}"]) as db:
            found += [f"dead letter in {service}: {row}" for row in db.execute("SELECT topic, error FROM dead_letters")]
    return found


if __name__ == "__main__":
    sys.exit(main())
