"""Random-search points in a model's runs: marked, counted separately, left out on demand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opro_cli.core.events import (
    Evaluation,
    ParsedSolution,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.spec import RunSpec
from opro_cli.runs.store import RunStore
from tests import recording

SPEC = replace(recording.SPEC, limits=Limits(50, 10, per_step=8))
STARTS = Started((Evaluation((1, 1), 1000.0, "start"),))


def add(root: str, spec: RunSpec, last: str, model: str | None = "gemma") -> str:
    """Two steps, each with a model's and a random-search point; ``last`` finds the target."""
    steps = []
    for step, target in ((1, False), (2, True)):
        pairs = []
        for source, point in (("model", (step, 2)), ("perturbed", (step, 3))):
            hit = target and source == last
            pairs.append(
                Evaluation((15, 14) if hit else point, 64.3 if hit else 500.0 + step, source)
            )
        reply = Reply("x", "stop", "gemma", Usage(100, 10))
        steps += [Replied(step, 0, reply)]
        steps += [Stepped(step, tuple(pairs), (ParsedSolution(0, "used", pairs[0].point),), 2)]
    events = (STARTS, *steps, Stopped(2, "converged"))
    return recording.add(RunStore(Path(root)), spec, *events, model=model).name


@pytest.fixture
def rows(opro):
    """Two repetitions, solved by the model and by random search; a baseline; their report."""
    add("runs", SPEC, "model")
    add("runs", replace(SPEC, repetition=1), "perturbed")
    add("runs", replace(SPEC, optimizer=OPTIMIZERS["local-search"]()), "perturbed", None)

    def read(*options):
        done = opro("report", "--format", "json", *options)
        assert done.exit_code == 0, done.stderr
        return {row["optimizer"]: row for row in json.loads(done.stdout)}

    return read


def test_they_are_counted_separately(rows, opro):
    row = rows()["opro"]
    assert row["points"] == {"model": 4, "code": 4}
    assert row["solved_by"] == {"model": 1, "perturbed": 1}
    assert row["converged"] == 2
    text = opro("report", "--format", "markdown").stdout
    assert "| random-search points | solved by random search |" in text
    assert "| 50% | 1/2 |" in text


def test_a_report_can_leave_them_out(rows, opro):
    row = rows("--model-only")["opro"]
    assert row["points"] == {"model": 4, "code": 0}
    assert (row["converged"], row["reps"]) == (1, 2)
    assert row["stop_reasons"] == {"converged": 1, "by_code": 1}
    assert row["evaluations"]["mean"] == 1 + 2
    assert row["distinct_pairs"]["mean"] == 3
    done = opro("report", "--model-only")
    assert "Random-search points are left out" in done.stdout.replace("\n", " ")


def test_a_baseline_keeps_all_its_points(rows):
    for options in ((), ("--model-only",)):
        row = rows(*options)["local-search"]
        assert row["converged"] == 1
        assert row["points"]["code"] == 0  # there is no model


def test_a_run_shows_the_source_of_each_point(opro):
    name = add("runs", SPEC, "perturbed")
    text = opro("runs", "show", name).stdout
    assert "(1, 2) 501; (1, 3) 501 (random search)" in text
    assert "(15, 14) 64.3 (random search)" in text
