"""Points that code has drawn in a model's runs: marked, counted apart, and left out on demand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from opro_cli.events import Reading, Replied, Reply, Scored, Started, Stepped, Stopped, Usage
from opro_cli.optimizers import settings_of
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.runs import Runs
from opro_cli.spec import RunSpec

SPEC = RunSpec(
    "mine",
    LinearSettings(targets=[{"w": 15, "b": 14}]),
    0,
    OproSettings(model="local").concrete("list"),
    0,
    Limits(50, 10, per_step=8),
)
STARTS = Started((Scored((1, 1), 1000.0, "start"),))


def add(root: str, spec: RunSpec, last: str, model: str | None = "gemma") -> str:
    """A run of two steps, each with a model's point and a drawn one; ``last`` finds the target."""
    steps = []
    for step, target in ((1, False), (2, True)):
        pairs = []
        for source, point in (("model", (step, 2)), ("perturbed", (step, 3))):
            hit = target and source == last
            pairs.append(Scored((15, 14) if hit else point, 64.3 if hit else 500.0 + step, source))
        reply = Reply("x", "stop", "gemma", Usage(100, 10))
        steps += [Replied(step, 0, reply)]
        steps += [Stepped(step, tuple(pairs), (Reading(0, "used", pairs[0].point),), 2)]
    run = Runs(Path(root)).create(spec, {"model": model})
    log = run.append()
    for event in (STARTS, *steps, Stopped(2, "converged")):
        log.append(event)
    return run.path.name


@pytest.fixture
def rows(opro):
    """Two repetitions, one solved by the model and one by a drawn point; a baseline's; a report."""
    add("runs", SPEC, "model")
    add("runs", replace(SPEC, repetition=1), "perturbed")
    add("runs", replace(SPEC, optimizer=settings_of("local-search")()), "perturbed", None)

    def read(*options):
        done = opro("report", "--format", "json", *options)
        assert done.exit_code == 0, done.stderr
        return {row["optimizer"]: row for row in json.loads(done.stdout)}

    return read


def test_they_are_counted_apart(rows, opro):
    row = rows()["opro"]
    assert row["points"] == {"model": 4, "code": 4}
    assert row["solved_by"] == {"model": 1, "perturbed": 1}
    assert row["converged"] == 2
    text = opro("report", "--format", "markdown").stdout
    assert "| points by code | solved by code |" in text
    assert "| 50% | 1/2 |" in text


def test_a_report_can_leave_them_out(rows, opro):
    row = rows("--model-only")["opro"]
    assert row["points"] == {"model": 4, "code": 0}
    assert (row["converged"], row["reps"]) == (1, 2)
    assert row["stop_reasons"] == {"converged": 1, "by_code": 1}
    assert row["evaluations"]["mean"] == 1 + 2
    assert row["distinct_pairs"]["mean"] == 3
    done = opro("report", "--model-only")
    assert "Points drawn in code are left out" in done.stdout.replace("\n", " ")


def test_a_baseline_draws_all_its_points_and_keeps_them(rows):
    for options in ((), ("--model-only",)):
        row = rows(*options)["local-search"]
        assert row["converged"] == 1
        assert row["points"]["code"] == 0  # there is no model to tell it from


def test_a_run_shows_who_proposed_what(opro):
    name = add("runs", SPEC, "perturbed")
    text = opro("runs", "show", name).stdout
    assert "(1, 2) 501; (1, 3) 501 (perturbed)" in text
    assert "(15, 14) 64.3 (perturbed)" in text
