"""`opro run-baseline`, baselines of a sweep, and the budget they share with OPRO."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar

import pytest

from opro_cli.core import engine
from opro_cli.core.events import Stepped, Stopped
from opro_cli.core.optimizer import Limits
from opro_cli.core.sampler import Sampler
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from tests.doubles import Scripted
from tests.planning import make

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
        (("-O", "nelder-meed"), "no optimizer 'nelder-meed'", "did you mean nelder-mead"),
        (
            ("-O", "xyzzy"),
            "--optimizer: there is no optimizer",
            "the preset exp1 has sgd; also fit opro, random",
        ),
        (("-O", "random", "--model", "local"), "random does not ask a model", "leave"),
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
    assert "quadratic-fit: 7 runs" in done.stdout


def test_an_optimizer_that_asks_a_model_is_run_with_the_flags_of_a_model():
    made = make(
        "quickstart",
        ["opro", "random"],
        flags={"model": "local", "temperature": "0.5", "max_calls": "9"},
        dry=True,
    )
    assert made.resolved.sources["opro.model"] == "--model"
    assert made.preset.sections["opro"].temperature == 0.5
    assert made.preset.general.budget.max_calls == 9
    assert {spec.model for spec in made.specs} == {"local", None}


def test_the_flags_of_a_model_set_every_optimizer_that_asks_one(monkeypatch):
    class Another(OproSettings):
        name: ClassVar[str] = "another"

    OPTIMIZERS.add("another", Another)
    try:
        sweep = make("quickstart", flags={"model": "local"}, dry=True)
        alone = make("quickstart", ["another"], flags={"model": "local"}, dry=True)
        monkeypatch.setenv("MODEL_NAME", "local")
        named = make("quickstart", ["another"], dry=True)
    finally:
        OPTIMIZERS.remove("another")
    for name in ("opro", "another"):
        assert sweep.resolved.sources[f"{name}.model"] == "--model"
    assert "opro.model" not in alone.resolved.sources
    assert alone.resolved.sources["another.model"] == "--model"
    assert named.resolved.sources["another.model"] == "environment MODEL_NAME"
    assert {spec.model for spec in named.specs} == {"local"}


def sweep(tmp_path, text: str) -> Plan:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return make(str(path), dry=True)


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

    async def flush(self) -> None:
        pass


def play(limits: Limits, answers: list[str]) -> Journal:
    spec = RunSpec(
        "t", LINEAR, 0, OproSettings(model="x", strategy="paper", points_per_step=4), 0, limits
    )
    llm = Scripted(lambda request, sample: answers[(request.step * 4 + sample) % len(answers)])
    journal = Journal()

    async def run() -> None:
        problem, optimizer = spec.build({"optimizer": Sampler(llm, journal.emit)})
        async with problem.evaluator({}) as evaluate:
            await engine.run(problem, optimizer, evaluate, spec.effective_limits, journal)

    asyncio.run(run())
    return journal


def test_opro_keeps_to_the_same_budget_and_says_what_it_did_not_evaluate():
    answers = [f"[{i}, 1]" for i in range(40)]
    journal = play(Limits(50, None, 11), answers)
    steps = [event for event in journal.events if isinstance(event, Stepped)]
    assert [step.evaluations for step in steps] == [4, 2]
    assert [reading.status for reading in steps[-1].solutions] == [
        "used",
        "used",
        *["unevaluated"] * 2,
    ]
    assert len(steps[-1].pairs) == 2
    assert journal.events[-1] == Stopped(2, "max_evaluations")


def test_points_known_already_cost_nothing_and_are_recorded_when_the_budget_is_spent():
    journal = play(Limits(50, None, 6), ["[1, 1]", "[2, 1]", "[12, 10]", "[3, 1]"])
    (step,) = [event for event in journal.events if isinstance(event, Stepped)]
    fates = [reading.status for reading in step.solutions]
    assert fates == ["used", "unevaluated", "known", "unevaluated"]
    assert [pair.known for pair in step.pairs] == [False, True]


def test_without_a_budget_of_its_own_opro_stops_at_its_steps():
    journal = play(Limits(3, per_step=4), [f"[{i}, 1]" for i in range(40)])
    assert journal.events[-1] == Stopped(3, "max_steps")


def test_a_budget_spent_on_starting_points_asks_nobody():
    journal = play(Limits(3, None, 5), ["[1, 1]"])
    assert journal.events[-1] == Stopped(0, "max_evaluations")
    assert len(journal.events) == 2
