"""Runs against a deterministic model on the loopback interface, and their logs to compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opro_cli.runs.lock import FOLDER
from opro_cli.runs.store import EVENTS_FILE
from tests.loopback import Answer, Asked, gemini, solution


def by_prompt(asked: Asked, model: str = "gemini-3.5-flash-lite") -> Answer:
    """The answer follows from prompt and seed alone, as with a deterministic model."""
    seed = asked.body["generationConfig"]["seed"]
    text = asked.body["contents"][0]["parts"][0]["text"]
    number = sum(text.encode()) + 31 * seed
    return gemini(solution(number % 90 - 45, -50 - number % 7), model=model)


ASIDE = ("resumed", "called", "callfailed", "evaluated")
"""Types of events that say how a run was made; another session has others."""


def comparable(path: Path) -> list[dict[str, Any]]:
    """The events of a run, replies by number, without times and without those in ``ASIDE``."""
    events = [event for event in open_events(path) if event["type"] not in ASIDE]
    for event in events:
        for name in ("t", "n", "sum", "crc"):
            event.pop(name, None)
        event.get("reply", {}).pop("seconds", None)
    order = {"started": 0, "prompted": 1, "replied": 2, "stepped": 3, "stopped": 4}
    return sorted(
        events,
        key=lambda e: (
            e.get("step", 0) if e["type"] != "stopped" else 10**9,
            order[e["type"]],
            e.get("sample", 0),
        ),
    )


def only_run(root: str = "runs") -> Path:
    """The one run in a directory."""
    (path,) = [p.parent for p in Path(root).glob("*/run.json")]
    return path


def open_events(path: Path) -> list[dict[str, Any]]:
    """The events of a run, as they stand in the log."""
    return [json.loads(line) for line in (path / EVENTS_FILE).read_text().splitlines()]


def locks(root: str = "runs") -> set[str]:
    """The locks that are left, without the store's own."""
    return {path.name for path in (Path(root) / FOLDER).iterdir()} - {"store.lock"}
