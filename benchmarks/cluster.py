"""A sweep of an objective that computes, on a Dask cluster of two workers, beside its bound.

    python benchmarks/cluster.py                # about two minutes on two idle cores
    python benchmarks/cluster.py --seconds 0.1 --reps 2

The objective computes for half a second (it does not sleep). The bound is the number of evaluations
× these seconds ÷ the number of workers. The whole command is timed, from its start to its end, with
the connection to the cluster and the first import of the objective:

1. on the cluster, whose scheduler and workers are processes of their own;
2. in two processes of this machine (`problem.workers: 2`), for comparison;
3. on the cluster again, while one of the workers is killed and another one takes its place after
   five seconds: whether every evaluation has its value.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

WORKERS, RATIO = 2, 1.15
"""Workers of the cluster, and how many times the bound a sweep may take."""

OBJECTIVE = """
import time

def loss(x, y):
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        sum(range(1000))
    return (x - 0.3) ** 2 + (y - 0.7) ** 2
"""

PRESET = """
problem:
  kind: custom
  objective: loss.py:loss
  parameters: {x: {low: 0, high: 1}, y: {low: 0, high: 1}}
  num_starts: 4
max_evaluations: 20
"""


def start(module: str, *words: str) -> subprocess.Popen[bytes]:
    """A process of the cluster."""
    command = [sys.executable, "-m", f"distributed.cli.{module}", *words]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)


def worker(folder: str) -> subprocess.Popen[bytes]:
    """One worker, with one thread."""
    words = ["--scheduler-file", f"{folder}/scheduler.json", "--nthreads", "1", "--no-nanny"]
    return start("dask_worker", *words, "--no-dashboard", "--local-directory", folder)


@contextlib.contextmanager
def cluster(folder: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its workers."""
    file = Path(folder) / "scheduler.json"
    words = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--port", "0"]
    scheduler = start("dask_scheduler", *words, "--no-dashboard")
    workers = [worker(folder) for _ in range(WORKERS)]
    try:
        while not file.exists() or not file.read_text():
            time.sleep(0.1)
        yield json.loads(file.read_text())["address"].replace("tcp://", "dask://"), workers
    finally:
        for process in [*workers, scheduler]:
            process.terminate()
            process.wait()


def sweep(folder: str, name: str, reps: int, *options: str) -> tuple[float, int, int]:
    """(wall seconds, evaluations, evaluations without a value) of a whole `opro` process."""
    runs = Path(folder) / name
    command = [sys.executable, "-m", "opro_cli", "run-baseline", f"{folder}/p.yaml"]
    command += ["-O", "random", "-O", "local-search", "--reps", str(reps), "--display", "none"]
    command += ["--runs-dir", str(runs), *options]
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, check=True, stdout=quiet, stderr=quiet)
    wall = time.perf_counter() - began
    logs = [path.read_text().splitlines() for path in runs.glob("2*/events.jsonl")]
    events = [json.loads(line) for log in logs for line in log]
    made = [event for event in events if event["type"] == "evaluated"]
    return wall, len(made), sum("why" in event and bool(event["why"]) for event in made)


def show(case: str, wall: float, made: int, failed: int, seconds: float) -> float:
    """Print one case; its ratio to the bound."""
    bound = made * seconds / WORKERS
    without = f", {failed} without a value" if failed else ""
    print(
        f"{case:24} {made:4} evaluations {wall:7.1f} s   bound {bound:6.1f} s   "
        f"{wall / bound:5.3f} × the bound{without}",
        flush=True,
    )
    return wall / bound


def main() -> int:
    """All cases; exit code 1 where a figure is not reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=0.5, help="of one evaluation")
    parser.add_argument("--reps", type=int, default=4, help="of each of two optimizers")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "loss.py").write_text(OBJECTIVE.replace("SECONDS", str(given.seconds)))
        Path(folder, "p.yaml").write_text(PRESET)
        sweep(folder, "warm", 1, "--max-evaluations", "5")  # files of Python are in memory
        with cluster(folder) as (address, workers):
            on = ("--executor", address)
            sweep(folder, "first", 1, *on, "--max-evaluations", "5")  # both workers are there
            ratio = show(
                "Dask, two workers", *sweep(folder, "dask", given.reps, *on), given.seconds
            )
            own = sweep(folder, "own", given.reps, "--set", f"problem.workers={WORKERS}")
            show("two processes here", *own, given.seconds)

            def kill() -> None:
                time.sleep(given.seconds * 8)
                os.kill(workers[0].pid, 9)
                workers[0].wait()
                time.sleep(5)
                workers[0] = worker(folder)

            killing = threading.Thread(target=kill)
            killing.start()
            wall, made, failed = sweep(
                folder, "killed", given.reps, *on, "--set", "problem.workers=2"
            )
            killing.join()
            show("Dask, a worker killed", wall, made, failed, given.seconds)
    return 0 if ratio <= RATIO and not failed and made == own[1] else 1


if __name__ == "__main__":
    sys.exit(main())
