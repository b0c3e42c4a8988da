"""./nxt demo, the second command that anybody types."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_runs_to_its_end(env):
    shown = subprocess.run([str(ROOT / "nxt"), "demo", "--show"], capture_output=True, text=True, timeout=300,
                           env={**os.environ, "NXT_HOME": env["NXT_HOME"]})
    assert shown.returncode == 0, shown.stdout + shown.stderr
    for words in ("LIVE, ", "job.published ", "partition ", "Mails and notifications", "To sign in yourself: ",
                  'curl -X POST "$G/v1/jobs" -H "Authorization: Bearer $TOKEN"'):
        assert words in shown.stdout, shown.stdout
    assert not shown.stderr
