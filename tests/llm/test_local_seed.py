"""The same seed gives the same replies: in any order, in parts, in another process."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opro_cli.core.events import Replied
from opro_cli.core.model import Request
from opro_cli.core.sampler import Sampler
from opro_cli.llm.local.model import LocalModel
from opro_cli.llm.local.model_file import model_file

pytestmark = pytest.mark.model

SAMPLES = 6


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OPRO_THREADS", "1")  # two wait for each other where the machine is busy


def request(step: int, samples: int = SAMPLES, **changes: Any) -> Request:
    """A list to continue, which has one length for each step."""
    rng = random.Random(step)
    rows = [
        f"value {rng.randrange(1000, 10**6)}: w={rng.randrange(99)}, b={rng.randrange(99)}"
        for _ in range(3 + 4 * step)
    ]
    fields = {
        "temperature": 1.5,
        "max_tokens": 20,  # a difference in the last bit of a number grows, and is seen
        "seed": 100 * step,
    }
    text = "\n".join([*rows, "value 900: w="])
    return Request(text, samples, step, **(fields | changes))


def ask(model: LocalModel, *requests: Request) -> list[list[Any]]:
    async def all_of_them() -> list[Any]:
        return [await model.sample(r) for r in requests]

    return [[replace(r, seconds=None) for r in each] for each in asyncio.run(all_of_them())]


def opened(slots: int = 8) -> LocalModel:
    return LocalModel(*model_file("local"), slots)


@pytest.fixture(scope="module")
def expected():
    """Replies of three steps in a row."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPRO_THREADS", "1")
        model = opened()
        replies = ask(model, *(request(step) for step in (1, 2, 3)))
    yield replies
    asyncio.run(model.close())


def test_a_fresh_model_gives_the_replies_of_one_that_was_asked_before(expected):
    model = opened(slots=3)  # it grows
    last, _, first = ask(model, request(3), request(2, 2), request(1))
    assert [first, last] == [expected[0], expected[2]]
    asyncio.run(model.close())


def test_replies_do_not_depend_on_the_room_that_others_needed(expected, monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.model.CONTEXT", 256)
    model = opened(slots=9)
    long = Request("value 5: w=1, b=2\n" * 40 + "value 1: w=", 2, 1, max_tokens=4, seed=1)
    ask(model, request(1, 9, max_tokens=4), long)
    assert ask(model, request(2), request(3)) == expected[1:]
    asyncio.run(model.close())


def test_a_part_of_a_step_is_what_it_was_in_the_whole(expected):
    """Replies that are recorded are not asked for again; the others are as they would have been."""
    model = opened()
    for kept in ({0, 1, 2}, {1, 4}):
        recorded = {(2, i): expected[1][i] for i in kept}
        events: list[Any] = []
        sampler = Sampler(model, events.append, recorded)
        asyncio.run(sampler.sample(request(2)))
        replied = {e.sample: e.reply for e in events if isinstance(e, Replied)}
        assert [replace(replied[i], seconds=None) for i in range(SAMPLES)] == expected[1], kept
    asyncio.run(model.close())


def test_more_samples_than_one_call_brings(monkeypatch):
    monkeypatch.setattr("opro_cli.llm.local.model.MOST_SLOTS", 3)
    model = opened(slots=3)
    whole = ask(model, request(1))[0]
    parts = ask(
        model, *(request(1, n, first=first, whole=(0, SAMPLES)) for first, n in ((0, 2), (2, 4)))
    )
    assert len(whole) == SAMPLES
    assert parts[0] + parts[1] == whole
    asyncio.run(model.close())


def opro(folder: Path, *words: str) -> None:
    """A command in a process of its own; it ends well, or with its cap reached."""
    done = subprocess.run(
        [sys.executable, "-m", "opro_cli", *words, "--runs-dir", str(folder), "--display", "none"],
        capture_output=True,
        text=True,
        env={**os.environ, "OPRO_THREADS": "1"},
        timeout=1200,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr


def replies(folder: Path) -> list[tuple[int, int, str, Any]]:
    (run,) = folder.glob("*/events.jsonl")
    events = [json.loads(line) for line in run.read_text().splitlines()]
    return [
        (e["step"], e["sample"], e["reply"]["text"], e["reply"]["usage"])
        for e in events
        if e["type"] == "replied"
    ]


def check_interrupted(folder: Path, words: list[str], caps: list[int]) -> None:
    """A run that is stopped by each cap in turn, each time in a new process, is the whole run."""
    opro(folder / "whole", "run-opro", *words)
    opro(folder / "parts", "run-opro", *words, "--max-calls", str(caps[0]))
    for cap in caps[1:]:
        assert 0 < len(replies(folder / "parts")) < cap
        opro(folder / "parts", "resume", "--max-calls", str(cap))
    assert replies(folder / "parts") == replies(folder / "whole")


def test_a_run_that_is_resumed_in_new_processes_is_the_same_run(tmp_path: Path):
    words = ["-p", "exp1", "--target", "w=36,b=-1", "--reps", "1", "--model", "local"]
    words += ["--strategy", "paper", "--points-per-step", "5", "--max-steps", "4"]
    words += ["--patience", "9"]
    check_interrupted(tmp_path, words, [8, 17, 1000])


@pytest.mark.long
def test_a_long_run_that_is_resumed_in_new_processes_is_the_same_run(tmp_path: Path):
    words = ["-p", "exp3", "--target", "w=36,b=-1", "--reps", "1", "--model", "local"]
    check_interrupted(tmp_path, words, [75, 105, 180, 210, 100_000])
