"""An instruction is optimized from Python, with a function as metric."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opro_cli import OproError, aoptimize_instruction, optimize_instruction
from tests.runs.test_instruction_runs import good, served
from tests.scorers import Models

EXACT = "Be exact."


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
    return Models(good, lambda number: EXACT if number % 4 == 3 else f"Be calm, part {number}.")


def call(preset: Path, metric: Callable[..., Any]) -> dict[str, Any]:
    rows = [json.loads(line) for line in Path("data.jsonl").read_text().splitlines()]
    return {"data": rows, "metric": metric, "preset": preset, "runs": "runs"}


def test_a_function_is_the_metric_and_grades_each_answer_once(models, opro):
    graded = []

    def equal(question: str, answer: str, reply: str) -> tuple[float, str]:
        graded.append(question)
        return float(reply == answer), f"the answer is {answer}"

    with served(models) as preset:
        given = call(preset, equal)
        found = optimize_instruction(**given)
        asked, grades = len(models.questions), len(graded)
        again = optimize_instruction(**given)
    assert EXACT in str(found.best)
    assert grades == asked
    assert (len(models.questions), len(graded)) == (asked, grades)
    assert again.best == found.best
    replayed = opro("replay", "runs")
    assert replayed.exit_code == 0, replayed.output


def test_it_can_be_awaited(models):
    with served(models) as preset:
        given = call(preset, lambda question, answer, reply: reply == answer)
        found = asyncio.run(aoptimize_instruction(**given))
    assert EXACT in str(found.best)


def test_a_metric_that_always_fails_ends_the_run_with_its_reason(models):
    def broken(question: str, answer: str, reply: str) -> float:
        raise ValueError("no such column")

    with served(models) as preset, pytest.raises(OproError, match="no such column"):
        optimize_instruction(**call(preset, broken))
