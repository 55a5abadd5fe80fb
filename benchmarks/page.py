"""How long the report as a page takes, and how large it is, by the number of runs.

    python benchmarks/page.py                   # about three minutes on two idle cores

A sweep of OPRO, against a loopback server that answers like Gemini, and of three baselines is
made once; its runs are then written again as further repetitions, until there are enough. For each
number of runs: seconds, CPU seconds and peak memory of `opro report -o report.html`, the size of
the page and of its gzip, and the CPU seconds a run as a ratio to the first line's. The last line is
of a page without replies.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from loopback import serving

from opro_cli.runs.store import RunStore, StoredRun

MODEL = "gemini-3.5-flash-lite"
OPRO = ["run-opro", "--model", MODEL, "--max-steps", "12", "--patience", "12"]
BASELINES = ["run-baseline", "-O", "random", "-O", "nelder-mead", "-O", "local-search"]
PRESET = ["--preset", "exp1", "--reps", "1", "--max-evaluations", "101", "--display", "none"]


def opro(words: list[str], runs: Path, **variables: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB) of a command."""
    command = [sys.executable, "-m", "opro_cli", *words, "--runs-dir", str(runs)]
    began = time.perf_counter()
    env, nowhere = {**os.environ, **variables}, subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdout=nowhere, stderr=nowhere)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    seconds = time.perf_counter() - began
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def first_runs(folder: Path) -> list[StoredRun]:
    """One repetition of every target and optimizer."""
    with serving(0.0) as url:
        opro([*OPRO, *PRESET], folder, GEMINI_API_KEY="none", GOOGLE_GEMINI_BASE_URL=url)
    opro([*BASELINES, *PRESET], folder)
    runs, damaged = RunStore(folder).all()
    assert not damaged
    return runs


def multiply(runs: list[StoredRun], folder: Path, number: int) -> None:
    """As many runs, each with the events of one of these, in a repetition of its own."""
    store = RunStore(folder)
    logs = [[logged.event for logged in run.log()] for run in runs]
    for i in range(number):
        repetition, which = divmod(i, len(runs))
        run = runs[which]
        about = {k: v for k, v in run.about.items() if k not in KNOWN}
        made = store.create(replace(run.spec(), repetition=repetition), about)
        log = made.open_log()
        for event in logs[which]:
            log.append(event)


KNOWN = ("schema", "id", "created", "spec_sha256", "spec", "seal")
"""What a store writes to ``run.json`` itself."""


def measure(
    runs: list[StoredRun], number: int, *options: str
) -> tuple[float, float, float, int, int]:
    """Wall and CPU seconds, peak MiB, bytes, and bytes of the gzip."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        multiply(runs, folder / "runs", number)
        page = folder / "report.html"
        seconds, busy, memory = opro(["report", "-o", str(page), *options], folder / "runs")
        text = page.read_bytes()
        return seconds, busy, memory, len(text), len(gzip.compress(text))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, nargs="+", default=[1, 10, 200, 1000])
    parser.add_argument("--without-replies", type=int, default=10_000, metavar="RUNS")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        runs = first_runs(Path(name))
        print("   runs  replies  seconds   CPU s   MiB   page kB   gzip kB   CPU a run, ratio")
        base = 0.0
        for number, options in [
            *((number, ("--replies", "all")) for number in chosen.runs),
            (chosen.without_replies, ("--replies", "none")),
        ]:
            seconds, busy, memory, size, packed = measure(runs, number, *options)
            base = base or busy / number
            print(
                f"{number:>7,}  {options[1]:>7}  {seconds:7.2f}  {busy:6.2f}  {memory:4.0f}  "
                f"{size / 1000:8,.0f}  {packed / 1000:8,.0f}   {busy / number / base:6.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
