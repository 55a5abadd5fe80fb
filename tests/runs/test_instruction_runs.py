"""Runs that optimize an instruction, against a server that knows how good each one is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from opro_cli.core.events import Judged
from opro_cli.runs.record import RunRecord, read_record
from opro_cli.runs.store import RunStore, StoredRun
from tests.loopback import Answer, Asked, Loopback
from tests.scorers import Models, write_data

Opro = Callable[..., Result]

CALL = 0.00015
"""Dollars of one call, at the price in the preset and the tokens that the server counts."""


@contextmanager
def served(models: Callable[[Asked], Answer], **problem: Any) -> Iterator[Path]:
    """A preset in the current folder, with a server that plays both models."""
    write_data(Path("data.jsonl"), 400)
    with Loopback(models).serving() as url:
        settings = {
            "kind": "instructions",
            "data": "data.jsonl",
            "metric": "label",
            "split": {"train": 20, "dev": 20, "test": 60},
            **problem,
        }
        model = {"base_url": f"{url}/v1", "price_input": 1, "price_output": 2}
        settings["scorer"] = {"model": "openai:scorer", "max_output_tokens": 25, **model}
        opro = {"model": "openai:optimizer", "points_per_step": 4, "strategy": "paper", **model}
        preset = {"problem": settings, "opro": opro, "max_steps": 3}
        Path("p.yaml").write_text(json.dumps(preset))
        os.environ["OPENAI_BASE_URL"] = f"{url}/v1"  # cleared after the test, as all of them
        yield Path("p.yaml")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", "")


def only_run() -> StoredRun:
    """The one run in ``runs``."""
    (run,), damaged = RunStore(Path("runs")).all()
    assert not damaged
    return run


def judged(record: RunRecord) -> dict[str, Judged]:
    """The finalists by data set."""
    return {event.split: event for event in record.events if isinstance(event, Judged)}


def good(text: str) -> float:
    """True accuracies: one word decides."""
    return 0.9 if "exact" in text else 0.5


def test_a_better_instruction_is_found_and_tested_once(opro: Opro) -> None:
    models = Models(good)
    with served(models) as preset:
        result = opro("run-opro", "--preset", preset, "--display", "none")
    assert result.exit_code == 0, result.output
    record = read_record(only_run())
    found = judged(record)
    parts = [verdict.part for verdict in found["test"].verdicts]
    assert parts.count("chosen") == 1
    assert parts[0] == "start"
    chosen = next(v for v in found["test"].verdicts if v.part == "chosen")
    assert "exact" in chosen.point[0]
    assert chosen.value == chosen.detail.count("1") / 60
    assert len(models.questions) == len(set(models.questions)), "nothing is asked twice"
    evaluated = record.totals.evaluations
    assert evaluated == 20 * record.totals.distinct_pairs
    of_scorer = record.totals.roles["scorer"]
    assert of_scorer.answers == len(models.questions)
    assert of_scorer.cost == pytest.approx(CALL * len(models.questions))
    assert record.totals.cost == pytest.approx(CALL * models.proposals)


def test_the_winner_of_equals_is_lucky_on_train_and_not_on_test(opro: Opro) -> None:
    """With 25 instructions of one true accuracy, the best of 20 answers is far above it."""
    models = Models(lambda text: 0.6)
    with served(models) as preset:
        result = opro("run-opro", "-p", preset, "--max-steps", "6", "--display", "none")
    assert result.exit_code == 0, result.output
    record = read_record(only_run())
    assert record.totals.best is not None
    assert record.totals.best[1] >= 0.75
    chosen = next(v for v in judged(record)["test"].verdicts if v.part == "chosen")
    assert 0.45 <= chosen.value <= 0.75
    assert chosen.value < record.totals.best[1]


@pytest.mark.parametrize("at", [30, 150, 260])
def test_a_killed_scoring_pass_loses_no_recorded_answer(opro: Opro, at: int) -> None:
    models = Models(good)
    with served(models) as preset:
        words = ["run-opro", "-p", str(preset), "--display", "none", "--concurrency", "4"]
        command = [sys.executable, "-m", "opro_cli", *words]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while len(models.questions) < at and process.poll() is None:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        result = opro("resume", "--display", "none")
        assert result.exit_code == 0, result.output
        lost = len(models.questions) - len(set(models.questions))
        assert lost <= 4, "only what was in flight is asked again"
        before = len(models.questions)
        replayed = opro("replay", "runs")
        assert "1 of 1 run recomputed identically" in replayed.output
        assert len(models.questions) == before
    record = read_record(only_run())
    assert record.totals.roles["scorer"].answers == len(set(models.questions))


def test_other_runs_get_the_same_answers(opro: Opro) -> None:
    models = Models(good)
    with served(models) as preset:
        assert opro("run-opro", "-p", preset, "--display", "none").exit_code == 0
        asked = len(models.questions)
        words = ["run-baseline", "-O", "fixed", "-p", preset, "--display", "none"]
        assert opro(*words).exit_code == 0
        again = len(models.questions) - asked
        assert opro(*words, "--fresh").exit_code == 0
        fresh = len(models.questions) - asked - again
    assert fresh > again, "the starts and controls were known"
    runs, _ = RunStore(Path("runs")).all()
    cached = read_record(runs[1]).totals.roles["scorer"]
    assert cached.cached > 0
    assert cached.cost == pytest.approx(CALL * again)
    assert opro("replay", "runs").exit_code == 0


@pytest.mark.parametrize(
    ("cap", "calls"), [(("--max-cost", "0.07"), 0.07 / CALL), (("--max-calls", "480"), 480)]
)
def test_a_cap_counts_both_models_and_keeps_enough_for_the_test(
    opro: Opro, cap: tuple[str, str], calls: float
) -> None:
    models = Models(good)
    with served(models) as preset:
        result = opro("run-opro", "-p", preset, "--max-steps", "50", *cap, "--display", "none")
    assert result.exit_code == 0, result.output
    assert len(models.questions) + models.proposals <= calls + 1
    record = read_record(only_run())
    assert record.totals.reason == "reserve"
    assert set(judged(record)) == {"dev", "test"}
    assert "1 of 1 run recomputed identically" in opro("replay", "runs").output


def test_a_cap_too_small_for_the_test_pauses(opro: Opro) -> None:
    models = Models(good)
    with served(models) as preset:
        result = opro("run-opro", "-p", preset, "--max-calls", "100", "--display", "none")
        assert result.exit_code == 3
        assert "too little" in result.output
        assert "opro resume --max-calls" in result.output
        result = opro("resume", "--max-calls", "1000", "--display", "none")
        assert result.exit_code == 0, result.output
    assert len(models.questions) == len(set(models.questions))


def test_replay_names_the_first_answer_that_is_graded_otherwise(
    opro: Opro, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opro_cli.problems.instructions import metrics

    models = Models(good)
    with served(models) as preset:
        assert opro("run-opro", "-p", preset, "--display", "none").exit_code == 0

    def grade(self: object, example: object, reply: str) -> metrics.Grade:
        return metrics.Grade(reply, 1.0)  # a later version of the metric

    monkeypatch.setattr(metrics.Label, "grade", grade)
    result = opro("replay", "runs")
    assert result.exit_code == 1
    assert "is graded right" in result.output
    assert "recorded: wrong" in result.output


def test_transport_failures_are_never_wrong_answers(opro: Opro) -> None:
    models = Models(good)

    def failing(asked: Asked) -> Answer:
        if len(models.questions) == 57 and asked.body["model"] == "scorer":
            return Answer(400, {"error": {"message": "context length exceeded"}})
        return models(asked)

    with served(failing) as preset:
        result = opro("run-opro", "-p", preset, "--display", "none", "--concurrency", "1")
        assert result.exit_code == 1
        assert "context length exceeded" in result.output
    answers = (only_run().path / "answers.jsonl").read_text()
    assert answers.count('"answered"') == 57


def test_answers_of_another_model_than_the_one_asked_are_replayed(opro: Opro) -> None:
    models = Models(good)

    def other(asked: Asked) -> Answer:
        answer = models(asked)
        if asked.body["model"] == "scorer":
            answer.body["model"] = "gemini-2.5-flash-lite"  # its price is known, and another one
        return answer

    with served(other) as preset:
        result = opro("run-opro", "-p", preset, "--display", "none", "--max-steps", "1")
        assert result.exit_code == 0, result.output
    replayed = opro("replay", "runs")
    assert replayed.exit_code == 0, replayed.output
