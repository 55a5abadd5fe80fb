"""How the time to read runs and to draw their figures grows with their number.

    python benchmarks/figures.py                # about two minutes on two idle cores

Runs of three baselines are made once, and written again as further repetitions until there are
enough (see page.py). For each number of runs: seconds to read their logs, to draw the convergence
curves and the runtime distribution, the bytes of both drawings, and the seconds per run as a ratio
to the first number: about 1 or less is linear.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from page import BASELINES, PRESET, multiply, opro

from opro_cli.report.figures.kinds import draw_curves, draw_ecdf
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore


def measure(folder: Path) -> tuple[float, float, int]:
    """Seconds to read and to draw, and bytes of the drawings."""
    began = time.perf_counter()
    summary = summarize(*RunStore(folder).all(), histories=True)
    read = time.perf_counter()
    figures = [*draw_curves(summary), *draw_ecdf(summary)]
    size = sum(len(figure.file()) for figure in figures)
    return read - began, time.perf_counter() - read, size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[200, 10_000])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        opro([*BASELINES, *PRESET], Path(name) / "first")
        runs, damaged = RunStore(Path(name) / "first").all()
        assert not damaged
        print("   runs   read s   draw s   drawings kB   seconds a run, ratio")
        base = 0.0
        for number in chosen.runs:
            folder = Path(name) / str(number)
            multiply(runs, folder, number)
            read, drawn, size = measure(folder)
            base = base or (read + drawn) / number
            print(
                f"{number:>7,}  {read:7.2f}  {drawn:7.2f}  {size / 1000:12,.0f}   "
                f"{(read + drawn) / number / base:8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
