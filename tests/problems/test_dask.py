"""Objectives on real Dask clusters: Dask's own cluster for tests, and one on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
from distributed.utils_test import cluster

pytestmark = pytest.mark.filterwarnings("default")
"""Dask's own warnings are not ours to mend."""

LOSS = """
import os, signal
from pathlib import Path

def loss(x):
    return (x - 3) ** 2

def worker():
    guard = os.getppid()
    return int(Path(f"/proc/{guard}/stat").read_text().rpartition(")")[2].split()[1])

def kills_once(x):
    if not Path("FOLDER/killed").exists():
        Path("FOLDER/killed").write_text(str(worker()))
        os.kill(worker(), signal.SIGKILL)
    return x

def kills(x):
    if x == 8:
        os.kill(worker(), signal.SIGKILL)
    return x

def kills_the_scheduler(x):
    os.kill(int(Path("FOLDER/scheduler").read_text()), signal.SIGKILL)
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


@pytest.fixture
def files(tmp_path):
    Path("loss.py").write_text(LOSS.replace("FOLDER", str(tmp_path)))
    Path("p.yaml").write_text(PRESET)


@pytest.fixture
def run(opro, files):
    """Run the preset on a cluster; the results of its runs, and the exit code."""

    def on(address: str, function: str = "loss", *more: str):
        named = address.replace("tcp://", "dask://")
        done = opro("run-baseline", "-O", "random", "-p", "./p.yaml", "--executor", named,
                    "--set", f"problem.objective=loss.py:{function}", "--json", *more)  # fmt: skip
        return done, [json.loads(line) for line in done.stdout.splitlines()]

    return on


def whys() -> list[str]:
    """Why points have no value, in the log of the only run."""
    (log,) = Path("runs").glob("2*/events.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event.get("why", "") for event in events if event["type"] == "evaluated"]


def by_repetition(runs: list[dict]) -> list[dict]:
    """Results, without what differs from one command to the next."""
    return sorted(({**r, "run": "", "seconds": 0} for r in runs), key=lambda r: r["repetition"])


def test_a_sweep_on_a_cluster_gives_what_it_gives_here(run, opro):
    with cluster(nworkers=2) as (scheduler, _):
        done, found = run(scheduler["address"], "loss", "--set", "reps=2")
    assert done.exit_code == 0, done.output
    here = opro("run-baseline", "-O", "random", "-p", "./p.yaml", "--json", "--fresh",
                "--set", "reps=2")  # fmt: skip
    results = [json.loads(line) for line in here.stdout.splitlines()]
    assert by_repetition(found) == by_repetition(results)
    assert opro("replay", "runs").exit_code == 0


def test_a_point_that_ends_its_worker_has_a_reason_and_the_others_have_values(run):
    config = {"distributed.scheduler.allowed-failures": 0}
    with cluster(nworkers=2, config=config) as (scheduler, _):
        done, _ = run(scheduler["address"], "kills")
    assert done.exit_code == 0, done.output
    lost = [why for why in whys() if why]
    assert len(lost) == 1 and lost[0].startswith("KilledWorker: ")
    assert whys().count("") == 5


MAKE = """
def make():
    from distributed import Client, LocalCluster
    return Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None))
"""


def test_a_sweep_survives_the_death_of_a_worker(run, tmp_path):
    """On a cluster that a function of the user's makes: the call is made again by another one."""
    Path("mine.py").write_text(MAKE)
    done, found = run("mine.py:make", "kills_once", "--set", "baselines=[random]")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "killed").exists()
    assert [(r["reason"], r["evaluations"]) for r in found] == [("max_evaluations", 6)]
    assert whys() == [""] * 6


@pytest.mark.long
def test_a_cluster_that_is_gone_fails_the_run_which_can_be_resumed(run, tmp_path, opro):
    with cluster(nworkers=1) as (scheduler, _):
        import distributed

        with distributed.Client(scheduler["address"]) as client:
            pid = client.run_on_scheduler(os.getpid)
        (tmp_path / "scheduler").write_text(str(pid))
        done, _ = run(scheduler["address"], "kills_the_scheduler")
    assert done.exit_code == 1
    assert "takes no calls any more" in done.output
    assert "opro resume" in done.output
    assert whys() == []
