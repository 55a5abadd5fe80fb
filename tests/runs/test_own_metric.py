"""A metric of the user's: run in a process of its own, recorded, and believed from then on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opro_cli.core.events import Answered, Judged, Stepped
from opro_cli.problems.custom.worker import grade
from opro_cli.runs.disk.log import read_events
from opro_cli.runs.record import read_record
from opro_cli.runs.store import RunStore
from tests.loopback import Loopback
from tests.scorers import Models, write_data

METRIC = """
from pathlib import Path


def right(question, answer, reply):
    with Path("calls.txt").open("a") as calls:
        calls.write(f"{reply}\\n")
    BODY
"""


def good(text: str) -> float:
    return 0.9 if "exact" in text else 0.5


@contextmanager
def prepared(body: str, strategy: str = "paper") -> Iterator[Models]:
    """A preset whose metric is in a file beside it."""
    models = Models(good)
    write_data(Path("data.jsonl"), 200)
    Path("mine.py").write_text(METRIC.replace("BODY", body))
    with Loopback(models).serving() as url:
        os.environ["OPENAI_API_KEY"] = "dummy-key-0123456789"
        os.environ["OPENAI_BASE_URL"] = f"{url}/v1"
        preset = {
            "problem": {
                "kind": "instructions",
                "data": "data.jsonl",
                "metric": "mine.py:right",
                "split": {"train": 12, "dev": 10, "test": 20},
                "scorer": {"model": "openai:scorer", "base_url": f"{url}/v1"},
            },
            "opro": {
                "model": "openai:optimizer",
                "base_url": f"{url}/v1",
                "points_per_step": 2,
                "strategy": strategy,
            },
            "max_steps": 2,
        }
        Path("p.yaml").write_text(json.dumps(preset))
        yield models


def calls() -> int:
    """How often the function was called."""
    path = Path("calls.txt")
    return len(path.read_text().splitlines()) if path.exists() else 0


def only_run():
    (run,), _ = RunStore(Path("runs")).all()
    return run


def test_its_grades_are_recorded_and_a_replay_does_not_run_it(opro):
    with prepared("return reply == answer") as models:
        done = opro("run-opro", "-p", "p.yaml", "--display", "none")
    assert done.exit_code == 0, done.output
    run = only_run()
    record = read_record(run)
    detail = "".join(
        pair.detail for e in record.events if isinstance(e, Stepped) for pair in e.pairs
    )
    assert set(detail) == {"0", "1"}
    answers = [
        logged.event
        for logged in read_events(run.path / "answers.jsonl")
        if isinstance(logged.event, Answered)
    ]
    assert {answer.grade for answer in answers} == {"0", "1"}
    assert calls() == len(answers) == len(models.questions)
    assert any(isinstance(event, Judged) and event.split == "test" for event in record.events)

    Path("mine.py").write_text("raise SystemExit('a replay runs no code of the user')")
    replayed = opro("replay", run.path)
    assert replayed.exit_code == 0, replayed.output
    assert calls() == len(answers)


def test_a_dry_run_runs_nothing_of_it(opro):
    with prepared("raise SystemExit"):
        Path("mine.py").write_text("open('ran', 'w')")
        done = opro("run-opro", "-p", "p.yaml", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "mine.py:right, code of yours: not run to plan" in done.stdout
    assert not Path("ran").exists()


def test_scores_in_tenths_and_feedback_come_back_in_a_replay(opro):
    body = 'return (0.97 if reply == answer else 0.21), f"the reply was {reply}"'
    with prepared(body, "reflect"):
        done = opro("run-opro", "-p", "p.yaml", "--display", "none")
    assert done.exit_code == 0, done.output
    run = only_run()
    record = read_record(run)
    stepped = [e for e in record.events if isinstance(e, Stepped)]
    assert set("".join(p.detail for e in stepped for p in e.pairs)) == {"B", "I"}
    prompts = [e.prompt for e in record.events if hasattr(e, "prompt")]
    assert any("the reply was yes" in prompt for prompt in prompts)
    Path("mine.py").unlink()
    replayed = opro("replay", run.path)
    assert replayed.exit_code == 0, replayed.output


def test_an_exception_is_the_failure_of_that_answer(opro):
    body = 'if answer == "no":\n        raise KeyError("no")\n    return reply == answer'
    with prepared(body):
        done = opro("run-opro", "-p", "p.yaml", "--display", "none")
    assert done.exit_code == 0, done.output
    logged = read_events(only_run().path / "answers.jsonl")
    answers = [one.event for one in logged if isinstance(one.event, Answered)]
    failed = [answer for answer in answers if answer.grade == "?"]
    assert {answer.read for answer in failed} == {"The metric failed: KeyError: 'no'."}
    assert 0 < len(failed) < len(answers)


def test_a_metric_that_never_works_stops_the_run_with_a_sentence(opro):
    with prepared("return 'yes'") as models:
        done = opro("run-opro", "-p", "p.yaml", "--display", "none")
        assert done.exit_code != 0
        said = "The metric mine.py:right graded none of 24 answers. The metric failed: returned str"
        assert said in done.stderr
        assert "correct the function, then start again with --fresh" in done.stderr
        asked = len(models.questions)
        assert asked == 24
        # The first pass ends the run: nothing was asked of the optimizer.
        assert models.proposals == 0
        Path("mine.py").write_text(METRIC.replace("BODY", "return reply == answer"))
        done = opro("run-opro", "-p", "p.yaml", "--display", "none", "--fresh")
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def right(q, a, r): return 1", "cannot be called with question, answer, reply"),
        ("def other(question, answer, reply): return 1", "has no function right"),
        ("import no_such_module", "cannot be imported"),
    ],
)
def test_a_function_that_cannot_be_used_is_an_error_before_anything_is_asked(opro, code, said):
    with prepared("return 1") as models:
        Path("mine.py").write_text(code)
        done = opro("run-opro", "-p", "p.yaml", "--display", "none")
    assert done.exit_code == 2
    assert "problem.metric mine.py:right" in done.stderr
    assert said in done.stderr or "needs no_such_module" in done.stderr
    assert not models.questions


def test_what_a_metric_may_return():
    def graded(value):
        return grade(lambda: value, {})

    assert graded(True) == {"value": 1.0, "feedback": ""}
    assert graded((0.5, "half")) == {"value": 0.5, "feedback": "half"}
    assert graded((False, None)) == {"value": 0.0, "feedback": ""}
    for wrong in (2, -0.1, float("nan"), "yes", None, (1, 2, 3)):
        assert set(graded(wrong)) == {"why"}, wrong
