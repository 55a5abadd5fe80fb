"""Kill commands at random moments, resume them, and hold every log against an undisturbed one.

    python benchmarks/crash.py --kills 200
    python benchmarks/crash.py --kills 20 --local

Two sweeps are made at the same time in one runs directory, against a model server on the loopback
interface, which answers from prompt and seed alone and counts requests; with ``--local``, with the
embedded model. All their processes are killed with SIGKILL at a moment drawn uniformly from the
time they take, then they are resumed (by three ``opro resume`` at once or by the same commands
again, in turn) and killed again, until they finish; then the next two begin. Of each: is every log
equal to that of the undisturbed sweeps, times apart; and how many calls more were begun than these
need?
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from loopback import serving

HOSTED = """\
problem: {kind: linear, targets: [{w: 15, b: 14}, {w: %d, b: 30}, {w: 36, b: -1}]}
opro: {points_per_step: 3, model: gemini-3.5-flash-lite}
sgd: {learning_rate: 1e-5}
baselines: [sgd]
reps: 2
max_steps: 8
limits: {concurrency: 16}
"""
LOCAL = """\
problem: {kind: linear, targets: [{w: 15, b: 14}, {w: %d, b: 30}]}
opro: {points_per_step: 2, model: local}
sgd: {learning_rate: 1e-5}
baselines: [sgd]
max_steps: 4
"""
NAMES = ("one", "two")
"""Of the presets, whose sweeps are made at the same time."""
AGAIN = [["sweep", f"{name}.yaml"] for name in NAMES]
RESUMES = [["resume"]] * 3
IN_FLIGHT = 2 * 16
"""Calls that one kill can cost: those in flight, at most ``limits.concurrency`` a command."""
LATENCY = 0.1
ASIDE = ("resumed", "called", "callfailed", "evaluated")
"""Types of events that tell how a run was made: another session has others."""


@dataclass
class Bench:
    """One server, and the sweeps that are run against it."""

    url: str
    folder: Path
    rng: random.Random
    kills: int = 0
    seconds: float = 0.0
    """What the sweeps take, undisturbed: the shortest time so far."""

    def start(self, runs: str, *words: str) -> subprocess.Popen[bytes]:
        """A command in a process group of its own."""
        env = {**os.environ, "GEMINI_API_KEY": "key", "GOOGLE_GEMINI_BASE_URL": self.url}
        command = [sys.executable, "-m", "opro_cli", *words, "--runs-dir", runs]
        return subprocess.Popen(
            [*command, "--display", "none"],
            cwd=self.folder,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def whole(self, runs: str) -> None:
        """Undisturbed sweeps."""
        began = time.monotonic()
        for process in [self.start(runs, *words) for words in AGAIN]:
            _, said = process.communicate()
            if process.returncode:
                raise SystemExit(said.decode())
        self.seconds = time.monotonic() - began

    def disturbed(self, runs: str, most: int) -> int:
        """Sweeps that are killed and resumed until they end: the number of kills."""
        kills, commands = 0, AGAIN
        while True:
            began, killing = time.monotonic(), self.kills + kills < most
            processes = [self.start(runs, *words) for words in commands]
            moment = began + self.rng.uniform(0, self.seconds)
            while killing and time.monotonic() < moment and _any_runs(processes):
                time.sleep(0.01)
            killed = killing and _any_runs(processes)
            for process in processes if killed else ():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            said = [process.communicate()[1].decode() for process in processes]
            codes = [process.returncode for process in processes]
            if killed:
                kills += 1
                begun = any((self.folder / runs).glob("*/run.json"))
                commands = RESUMES if begun and kills % 2 else AGAIN
                continue
            wrong = [
                text
                for code, text in zip(codes, said, strict=True)
                if code and not any(words in text for words in REFUSED)
            ]
            if wrong:
                raise SystemExit(f"after {kills} kills: {wrong[0]}")
            if commands is AGAIN and not any(codes):
                if not kills:
                    self.seconds = min(self.seconds, time.monotonic() - began)
                break
            commands = AGAIN
        self.kills += kills
        return kills


def _any_runs(processes: list[subprocess.Popen[bytes]]) -> bool:
    return any(process.poll() is None for process in processes)


REFUSED = ("is being written by", "no unfinished run")
"""Why a command may end with nothing done, where another is at work or was faster."""


def calls(root: Path) -> int:
    """The model calls that were begun, according to the logs."""
    return sum(
        path.read_text(encoding="utf-8").count('"type": "called"')
        for path in root.glob("*/events.jsonl")
    )


def logs(root: Path) -> dict[str, list[dict[str, Any]]]:
    """The events of every run by its spec's hash, without times and those in ``ASIDE``.

    A run that was created and never begun is left out.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(root.glob("*/run.json")):
        lines = (path.parent / "events.jsonl").read_text(encoding="utf-8").splitlines()
        events = [event for line in lines if (event := json.loads(line))["type"] not in ASIDE]
        for event in events:
            for name in ("t", "n", "crc"):
                event.pop(name)
            event.get("reply", {}).pop("seconds", None)
        sha = json.loads(path.read_text(encoding="utf-8"))["spec_sha256"]
        if sha in found:
            raise SystemExit(f"two runs of one spec: {path.parent.name}")
        found[sha] = _ordered(events)
    return found


def _ordered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events with the replies of each step by number: they come back in any order."""
    ordered: list[dict[str, Any]] = []
    replies: list[dict[str, Any]] = []
    for event in events:
        if event["type"] == "replied":
            replies.append(event)
            continue
        ordered += sorted(replies, key=lambda e: e.get("sample", 0))
        replies = []
        ordered.append(event)
    return ordered + sorted(replies, key=lambda e: e.get("sample", 0))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--local", action="store_true", help="with the embedded model")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(LATENCY) as url:
        bench = Bench(url, Path(folder), random.Random(asked.seed))
        for number, name in enumerate(NAMES):
            text = (LOCAL if asked.local else HOSTED) % (2 + number)
            (bench.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        bench.whole("whole")
        wanted, needed = logs(bench.folder / "whole"), calls(bench.folder / "whole")
        events = sum(map(len, wanted.values()))
        print(
            f"undisturbed: {len(wanted)} runs, {events} events, {needed} calls, "
            f"{bench.seconds:.1f} s",
            flush=True,
        )
        equal, worst, extra, sweeps = True, 0.0, 0, 0
        while bench.kills < asked.kills:
            sweeps += 1
            name = f"killed-{sweeps}"
            kills = bench.disturbed(name, asked.kills)
            same = logs(bench.folder / name) == wanted
            more = calls(bench.folder / name) - needed
            equal &= same
            extra += more
            worst = max(worst, more / max(kills, 1))
            print(
                f"sweeps {sweeps}: {kills} kills, logs {'equal' if same else 'DIFFER'}, "
                f"{more} calls more",
                flush=True,
            )
    print(
        f"{bench.kills} kills in {sweeps} times two sweeps: logs "
        f"{'all equal' if equal else 'DIFFER'}; {extra / max(bench.kills, 1):.1f} calls more a "
        f"kill on average, at most {worst:.1f} ({IN_FLIGHT} can be in flight)"
    )
    return 0 if equal and worst <= IN_FLIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
