"""How reading grows: `runs list`, `report` and `replay` over 100, 1,000 and 10,000 runs.

    python benchmarks/scale.py                      # about ten minutes on two idle cores
    python benchmarks/scale.py --runs 100 1000 --folder kept

The runs are made by `opro run-baseline` before anything is measured (random search on the five test
functions, 40 evaluations each), and one run of 100,000 steps. With --folder they
are kept for the next time. Of each command the whole process is measured: wall and CPU seconds, and
peak memory. What a further run takes must not grow with their number.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMANDS: dict[str, tuple[str, ...]] = {
    "runs list": ("runs", "list", "--limit", "0", "--runs-dir"),
    "report": ("report", "--runs-dir"),
    "report, Markdown": ("report", "--format", "markdown", "--runs-dir"),
    "report, CSV": ("report", "--format", "csv", "--runs-dir"),
    "report, JSON": ("report", "--format", "json", "--runs-dir"),
    "replay": ("replay",),
}
TARGETS = 5
"""Of the preset `functions`: so many runs in each repetition."""
LONG = 100_000
"""Events of the longest run."""
MOST_SECONDS, MOST_MIB, GROWTH = 30.0, 500.0, 1.25
"""Of a report over 10,000 runs, and how much more a further run may take among many."""


def opro(*words: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB) of a whole `opro` process."""
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "opro_cli", *words], stdout=quiet, stderr=quiet
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    assert os.waitstatus_to_exitcode(status) == 0, words
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def make(folder: Path, runs: int) -> str:
    """A runs directory with so many runs."""
    place = folder / f"runs-{runs}"
    reps = str(runs // TARGETS)
    options = ["--reps", reps, "--max-evaluations", "40", "--display", "none", "--json"]
    opro("run-baseline", "functions", "-O", "random", *options, "--runs-dir", str(place))
    return str(place)


def make_long(folder: Path) -> str:
    """A runs directory with one run of so many events."""
    place = folder / "long"
    settings = ("problem.num_input_decimals=6", "problem.tolerance=1e-9")
    options = [word for setting in settings for word in ("--set", setting)]
    options += [
        "--max-evaluations",
        str(8 * LONG),
        "--max-steps",
        str(LONG),
        "--patience",
        str(LONG),
    ]
    options += ["--target", "function=sphere,dim=5", "--reps", "1", "--display", "none"]
    opro("run-baseline", "functions", "-O", "random", *options, "--runs-dir", str(place))
    return str(place)


def measure(places: dict[int, str]) -> bool:
    """Every command over every directory; whether it is fast enough, and grows in proportion."""
    good = True
    print(f"{'':18}{'runs':>8}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}")
    for name, words in COMMANDS.items():
        found = {}
        for runs, place in places.items():
            wall, cpu, memory = found[runs] = opro(*words, place)
            print(f"{name:18}{runs:8}{wall:10.1f}{cpu:10.1f}{memory:10.0f}", flush=True)
        pairs = itertools.pairwise(sorted(found))
        each = [(found[many][1] - found[few][1]) / (many - few) for few, many in pairs]
        ratio = each[-1] / each[0]
        print(f"{name:18}{1000 * each[-1]:.2f} ms of CPU a further run: {ratio:.2f} × as before")
        many = max(found)
        wall, _, memory = found[many]
        quick = not name.startswith("report") or (wall <= MOST_SECONDS and memory <= MOST_MIB)
        good &= ratio <= GROWTH and quick
    return good


def measure_long(place: str) -> None:
    """Every command over the long run."""
    events = sum(1 for log in Path(place).glob("2*/events.jsonl") for _ in log.open())
    for name, words in COMMANDS.items():
        wall, cpu, memory = opro(*words, place)
        print(
            f"{name:18}{events:8} events {wall:8.1f} s {cpu:8.1f} s CPU {memory:8.0f} MiB",
            flush=True,
        )


def main() -> int:
    """All parts; exit code 1 where a figure is not reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        places = {runs: make(folder, runs) for runs in given.runs}
        good = measure(places)
        measure_long(make_long(folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
