"""What the page on clusters shows works, as far as one machine can show it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import ROOT, write_files

PAGE = (ROOT / "docs" / "cluster.md").read_text()


@pytest.fixture
def heavy():
    """The example of the page, without the optimizer that asks a model."""
    write_files(ROOT / "docs" / "cluster.md")
    assert {"heavy.py", "heavy.yaml", "engines.py"} <= {path.name for path in Path().iterdir()}
    return ("run-baseline", "./heavy.yaml", "-O", "random", "--reps", "2")


def test_the_executor_of_the_page_works(opro, heavy):
    done = opro(*heavy, "--executor", "engines.py:processes")
    assert done.exit_code == 0, done.output
    assert "2 of 2 finished" in done.output


def test_the_slurm_script_makes_its_share(tmp_path):
    """The script itself, as job 3 of its array, with a command that starts nothing."""
    script = next(b for b in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "#SBATCH" in b)
    assert "#SBATCH --array=1-16\n" in script
    Path("sweep.sh").write_text(script)
    Path("opro").write_text(f'#!/bin/sh\nexec {sys.executable} -m opro_cli "$@" --dry-run --json\n')
    Path("opro").chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": "3"}
    done = subprocess.run(["sh", "sweep.sh"], env=env, capture_output=True, text=True, check=True)
    assert len(json.loads(done.stdout)["runs"]) in (2, 3)  # of 42
