"""`opro run-baseline`, baselines of a sweep, and the budget they share with OPRO."""

from __future__ import annotations

import asyncio
import json

import pytest

from opro_cli import engine, plan
from opro_cli.environment import Environment
from opro_cli.events import Stepped, Stopped
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.spec import RunSpec
from tests.doubles import Scripted

LINEAR = LinearSettings(targets=[{"w": 2, "b": 30}])


def test_baselines_run_on_the_targets_of_a_preset(opro):
    words = ("--preset", "exp1", "--w-true", "25", "--b-true", "23", "--json")
    done = opro("run-baseline", "--optimizer", "nelder-mead", "-O", "quadratic-fit", *words)
    assert done.exit_code == 0, done.output
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [r["optimizer"] for r in results] == ["nelder-mead", "quadratic-fit"]  # once: no chance
    assert [r["reason"] for r in results] == ["converged"] * 2
    assert results[1]["evaluations"] == 7
    assert results[0]["model"] is None
    report = opro("report", "--baseline", "nelder-mead", "--format", "json")
    first, second = json.loads(report.stdout)
    assert (first["optimizer"], second["paired"][0]["baseline"]) == ("nelder-mead", "nelder-mead")
    assert second["paired"][0]["better"] == 1


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("-O", "nelder-meed"), "--optimizer nelder-meed", "did you mean nelder-mead"),
        (("-O", "xyzzy"), "--optimizer xyzzy", "optimizers: sgd, random"),
        (("-O", "opro"), "it asks a model", "opro run-opro"),
        (("-O", "two-opt"), "two-opt builds tours from distances", "leave two-opt out"),
        (("-O", "random", "--max-evaluations", "0"), "max_evaluations", "default"),
        (("-O", "random", "--set", "nelder-mead.egde=1"), "nelder-mead.egde", "nelder-mead.edge"),
    ],
)
def test_what_makes_no_sense_is_a_sentence_before_anything_starts(
    opro, tmp_path, words, message, hint
):
    done = opro("run-baseline", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert hint in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_unknown_baseline_of_a_report_is_a_sentence(opro):
    done = opro("report", "--baseline", "nelder")
    assert done.exit_code == 2
    assert "did you mean nelder-mead" in done.stderr


def test_an_optimizer_named_twice_runs_once(opro):
    done = opro("run-baseline", "-O", "quadratic-fit", "-O", "quadratic-fit", "--dry-run")
    assert done.exit_code == 0
    assert done.stdout.count("quadratic-fit w=") == 7


def sweep(tmp_path, text: str) -> plan.Plan:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return plan.make(plan.Asked(str(path)), Environment(), dry=True)


def test_a_sweep_gives_every_baseline_the_budget_of_opro(tmp_path):
    made = sweep(
        tmp_path,
        "problem: {kind: linear, targets: [{w: 2, b: 30}]}\n"
        "baselines: [random, nelder-mead, cma-es, quadratic-fit, sgd]\n"
        "opro: {model: local, points_per_step: 5}\n"
        "max_steps: 40\npatience: 10\n",
    )
    limits = {spec.optimizer.name: spec.effective_limits for spec in made.specs}
    assert list(limits) == ["opro", "random", "nelder-mead", "cma-es", "quadratic-fit", "sgd"]
    assert limits["opro"].budget(5) == 205
    for name in ("random", "nelder-mead", "cma-es", "quadratic-fit"):
        assert limits[name].budget(5) == 205
        assert (limits[name].patience, limits[name].counts) == (50, "evaluations")
    assert limits["sgd"].budget(5) is None
    assert all(RunSpec.load(spec.dump()) == spec for spec in made.specs)


def test_a_budget_of_evaluations_is_the_same_number_for_all(tmp_path):
    made = sweep(
        tmp_path,
        "problem: {kind: linear, targets: [{w: 2, b: 30}]}\n"
        "baselines: [random, nelder-mead]\nopro: {model: local}\nmax_evaluations: 77\n",
    )
    assert {spec.effective_limits.budget(5) for spec in made.specs} == {77}
    assert all(RunSpec.load(spec.dump()) == spec for spec in made.specs)


class Journal:
    """The events of a run."""

    def __init__(self) -> None:
        self.events = []

    def emit(self, event) -> None:
        self.events.append(event)

    async def settle(self) -> None:
        pass


def play(limits: Limits, answers: list[str]) -> Journal:
    spec = RunSpec(
        "t", LINEAR, 0, OproSettings(model="x", strategy="paper", points_per_step=4), 0, limits
    )
    llm = Scripted(lambda request, sample: answers[(request.step * 4 + sample) % len(answers)])
    journal = Journal()
    asyncio.run(engine.run(spec, journal, engine.Surroundings(llm)))
    return journal


def test_opro_keeps_to_the_same_budget_and_says_what_it_did_not_evaluate():
    answers = [f"[{i}, 1]" for i in range(40)]
    journal = play(Limits(50, None, 11), answers)
    steps = [event for event in journal.events if isinstance(event, Stepped)]
    assert [step.evaluations for step in steps] == [4, 2]
    assert [reading.fate for reading in steps[-1].readings] == [
        "used",
        "used",
        *["unevaluated"] * 2,
    ]
    assert len(steps[-1].pairs) == 2
    assert journal.events[-1] == Stopped(2, "max_evaluations")


def test_points_known_already_cost_nothing_and_are_recorded_when_the_budget_is_spent():
    journal = play(Limits(50, None, 6), ["[1, 1]", "[2, 1]", "[12, 10]", "[3, 1]"])
    (step,) = [event for event in journal.events if isinstance(event, Stepped)]
    fates = [reading.fate for reading in step.readings]
    assert fates == ["used", "unevaluated", "known", "unevaluated"]
    assert [pair.known for pair in step.pairs] == [False, True]


def test_without_a_budget_of_its_own_opro_stops_at_its_steps():
    journal = play(Limits(3, per_step=4), [f"[{i}, 1]" for i in range(40)])
    assert journal.events[-1] == Stopped(3, "max_steps")


def test_a_budget_spent_on_starting_points_asks_nobody():
    journal = play(Limits(3, None, 5), ["[1, 1]"])
    assert journal.events[-1] == Stopped(0, "max_evaluations")
    assert len(journal.events) == 2
