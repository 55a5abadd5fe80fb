"""The benchmarks that prove something run, in a short form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_a_sweep_that_is_killed_and_resumed_comes_out_the_same():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "crash.py"), "--kills", "5", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills in " in done.stdout
    assert "logs all equal" in done.stdout
