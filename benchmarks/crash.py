"""Kill a sweep at random moments, resume it, and hold every log against an undisturbed one.

    python benchmarks/crash.py --kills 200

A sweep of several runs is made against a model server on the loopback interface, which answers from
prompt and seed alone and counts requests. Its process group is killed with SIGKILL at a moment
drawn uniformly from the time the sweep takes, then it is resumed (by ``opro resume`` or by the
same command again, in turn) and killed again, until it finishes; then the next sweep begins. Of
each sweep: is every log equal to that of the undisturbed sweep, times apart; and how many requests
more did the server see than the undisturbed sweep needs?
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from loopback import serving

PRESET = """\
problem: {kind: linear, targets: [{w: 15, b: 14}, {w: 2, b: 30}, {w: 36, b: -1}]}
opro: {points_per_step: 3, model: gemini-3.5-flash-lite}
sgd: {learning_rate: 1e-5}
baselines: [sgd]
reps: 2
max_steps: 8
limits: {concurrency: 16}
"""
IN_FLIGHT = 16
"""Requests that one kill can cost: the calls in flight, at most ``limits.concurrency``."""
LATENCY = 0.1
ASIDE = ("resumed", "called", "callfailed")
"""Types of events that tell how a run was made: another session has others."""


@dataclass
class Bench:
    """One server, and the sweeps that are run against it."""

    url: str
    folder: Path
    rng: random.Random
    kills: int = 0
    spans: list[float] = field(default_factory=list)

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

    def asked(self) -> int:
        """Requests the server has answered so far."""
        with urllib.request.urlopen(f"{self.url}/count") as reply:
            return int(json.load(reply)["asked"])

    def whole(self, runs: str) -> tuple[float, int]:
        """An undisturbed sweep: its seconds and its requests."""
        before, began = self.asked(), time.monotonic()
        process = self.start(runs, "sweep", "crash.yaml")
        _, said = process.communicate()
        if process.returncode:
            raise SystemExit(said.decode())
        return time.monotonic() - began, self.asked() - before

    def disturbed(self, runs: str, seconds: float, most: int) -> tuple[int, int]:
        """A sweep that is killed and resumed until it ends: its kills and its requests."""
        before, kills = self.asked(), 0
        words = again = ["sweep", "crash.yaml"]
        while True:
            process = self.start(runs, *words)
            if self.kills + kills < most:
                try:
                    _, said = process.communicate(timeout=self.rng.uniform(0, seconds))
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.communicate()
                    kills += 1
                    begun = any((self.folder / runs).glob("*/run.json"))
                    words = ["resume"] if begun and kills % 2 else again
                    continue
            else:
                _, said = process.communicate()
            if b"no unfinished run" in said:  # killed after the last of its events
                words = again
                continue
            if process.returncode:
                raise SystemExit(f"after {kills} kills: {said.decode()}")
            break
        self.kills += kills
        return kills, self.asked() - before


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
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(LATENCY) as url:
        bench = Bench(url, Path(folder), random.Random(asked.seed))
        (bench.folder / "crash.yaml").write_text(PRESET, encoding="utf-8")
        seconds, needed = bench.whole("whole")
        wanted = logs(bench.folder / "whole")
        events = sum(map(len, wanted.values()))
        print(
            f"undisturbed: {len(wanted)} runs, {events} events, {needed} requests, {seconds:.1f} s",
            flush=True,
        )
        equal, worst, extra, sweeps = True, 0.0, 0, 0
        while bench.kills < asked.kills:
            sweeps += 1
            name = f"killed-{sweeps}"
            kills, requests = bench.disturbed(name, seconds, asked.kills)
            same = logs(bench.folder / name) == wanted
            equal &= same
            extra += requests - needed
            worst = max(worst, (requests - needed) / max(kills, 1))
            print(
                f"sweep {sweeps}: {kills} kills, logs {'equal' if same else 'DIFFER'}, "
                f"{requests - needed} requests more",
                flush=True,
            )
    print(
        f"{bench.kills} kills in {sweeps} sweeps: logs {'all equal' if equal else 'DIFFER'}; "
        f"{extra / max(bench.kills, 1):.1f} requests more a kill on average, at most "
        f"{worst:.1f} in a sweep ({IN_FLIGHT} can be in flight)"
    )
    return 0 if equal and worst <= IN_FLIGHT else 1


if __name__ == "__main__":
    sys.exit(main())
