"""An objective on a real Ray cluster of this machine, where Ray is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = pytest.mark.filterwarnings("default")
"""Ray's own warnings are not ours to mend."""

LOSS = """
import os, signal
from pathlib import Path

def worker():
    guard = os.getppid()
    return int(Path(f"/proc/{guard}/stat").read_text().rpartition(")")[2].split()[1])

def loss(x):
    if x == 8 and not Path("FOLDER/killed").exists():
        Path("FOLDER/killed").touch()
        os.kill(worker(), signal.SIGKILL)
    return x
"""

PRESET = """
problem:
  kind: custom
  objective: loss.py:loss
  parameters: {x: {low: 0, high: 9}}
  starts: [{x: 1}, {x: 8}]
  num_starts: 0
max_evaluations: 6
"""


def test_a_run_on_ray_survives_the_death_of_a_worker(opro, tmp_path):
    Path("loss.py").write_text(LOSS.replace("FOLDER", str(tmp_path)))
    Path("p.yaml").write_text(PRESET)
    done = opro("run-baseline", "./p.yaml", "-O", "random", "--executor", "ray://local", "--json")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "killed").exists()
    (run,) = map(json.loads, done.stdout.splitlines())
    assert run["evaluations"] == 6
    (log,) = Path("runs").glob("2*/events.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [e.get("why", "") for e in events if e["type"] == "evaluated"] == [""] * 6
