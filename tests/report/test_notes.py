"""The notes of a report: the best points, and what is not compared with a baseline."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from opro_cli import report
from opro_cli.core.events import Evaluation, ParsedSolution, Started, Stepped, Stopped
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.report.summary import summarize
from opro_cli.report.tables import tables
from opro_cli.runs.store import RunStore
from tests.recording import SPEC, STARTS, add

RANDOM = replace(SPEC, optimizer=OPTIMIZERS["random"]())
PARAMETERS = {"x": {"low": 0, "high": 9}, "kind": {"choices": ["a", "b"]}}


def custom(**settings) -> CustomSettings:
    return CustomSettings(objective="none.py:loss", parameters=PARAMETERS, **settings)


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def found(runs: RunStore, spec, value: float, reason="max_evaluations", model=None, x=1.5) -> None:
    """A run of a custom problem whose one step has this value at (x, b)."""
    start = Started((Evaluation((0.0, "a"), 50.0, "start"),))
    step = Stepped(1, (Evaluation((x, "b"), value),), (), 1)
    add(runs, spec, start, step, Stopped(1, reason), model=model)


def notes(runs: RunStore, baseline: str | None = None) -> tuple[str, ...]:
    return summarize(*runs.all(), baseline=baseline).notes


class TestBestPoints:
    @pytest.mark.parametrize(
        ("settings", "reason"),
        [({"goal": 1.0}, "converged"), ({"goal": 0.1}, "max_evaluations"), ({}, "max_evaluations")],
    )
    def test_the_best_point_is_named_whether_or_not_the_goal_was_reached(
        self, runs, settings, reason
    ):
        found(runs, replace(RANDOM, problem=custom(**settings)), 0.75, reason)
        found(runs, replace(SPEC, problem=custom(**settings)), 0.875, reason, "gemma", 2.25)
        assert "Best value: 0.75 at x = 1.5, kind = b (random)." in notes(runs)

    def test_the_best_of_a_maximum_is_the_largest(self, runs):
        problem = custom(direction="maximize", value="accuracy")
        found(runs, replace(RANDOM, problem=problem), 60.0)
        found(runs, replace(SPEC, problem=problem), 70.0, model="gemma")
        assert "Best accuracy: 70 at x = 1.5, kind = b (opro (gemma), by the model)." in notes(runs)

    def test_a_value_of_random_search_or_of_an_unfinished_run_is_not_the_models(self, runs):
        spec = replace(SPEC, problem=custom())
        start = Started((Evaluation((0.0, "a"), 50.0, "start"),))
        drawn = Stepped(1, (Evaluation((1.5, "b"), 0.75, "perturbed"),), (), 1)
        add(runs, spec, start, drawn, Stopped(1, "max_steps"), model="gemma")
        better = Stepped(1, (Evaluation((2.0, "b"), 0.5),), (), 1)
        add(runs, replace(spec, repetition=1), start, better, model="gemma")
        assert any(
            "0.75 at x = 1.5, kind = b (opro (gemma), by random search)" in n for n in notes(runs)
        )

    def test_hardly_any_usable_reply_is_warned_of(self, runs):
        spec = replace(SPEC, problem=custom())
        start = Started((Evaluation((0.0, "a"), 50.0, "start"),))
        read = (ParsedSolution(0, "used", (1.5, "b")), *[ParsedSolution(0, "unparsable")] * 10)
        step = Stepped(1, (Evaluation((1.5, "b"), 0.75),), read, 1)
        add(runs, spec, start, step, Stopped(1, "max_steps"), model="gemma")
        assert any(
            n.startswith("Note: 1 of 11 replies of gemma could be used") for n in notes(runs)
        )

    def test_a_point_that_is_the_target_needs_no_note(self, runs):
        def run(spec, point):
            step = Stepped(1, (Evaluation(point, 64.3),), (), 1)
            add(runs, spec, STARTS, step, Stopped(1, "converged"))

        run(RANDOM, (15.0, 14.0))
        run(replace(RANDOM, repetition=1), (14.9999, 14.0001))
        assert not [note for note in notes(runs) if note.startswith("Best")]
        other = LinearSettings(targets=[{"w": 3, "b": 4}])
        run(replace(RANDOM, problem=other), (5, 14))
        assert "Best value on w=3 b=4: 64.3 at w = 5, b = 14 (random)." in notes(runs)

    def test_the_best_of_all_optimizers_is_named_and_its_point_is_not_rounded(self, runs):
        def run(spec, point, value, model=None):
            step = Stepped(1, (Evaluation(point, value),), (), 1)
            add(runs, spec, STARTS, step, Stopped(1, "converged"), model=model)

        sgd = replace(SPEC, optimizer=OPTIMIZERS["sgd"]())
        run(sgd, (14.945, 15.771), 64.4279)
        best = "Best value on w=15 b=14: 64.4279 at w = 14.945, b = 15.771 (sgd)."
        assert best in notes(runs)
        run(SPEC, (15, 14), 64.3279, "gemma")
        assert not [note for note in notes(runs) if note.startswith("Best")]

    def test_two_meanings_of_solved_and_runs_for_every_repetition_are_told_once(self, runs):
        sgd = replace(SPEC, optimizer=OPTIMIZERS["sgd"]())
        for spec in (SPEC, replace(SPEC, repetition=1)):
            add(runs, spec, STARTS, Stopped(0, "max_steps"))
        assert not [note for note in notes(runs) if "solved means" in note]
        add(runs, sgd, STARTS, Stopped(0, "max_steps"), model=None)
        meaning = (
            "Note: solved means that sgd reaches a loss within its tolerance of the target's, "
            "the others the target's point."
        )
        assert notes(runs).count(meaning) == 1
        assert notes(runs).count("sgd: 1 run, the same in each repetition.") == 1

    def test_many_best_points_are_cut(self, runs):
        for w in range(13):
            spec = replace(RANDOM, problem=LinearSettings(targets=[{"w": w, "b": 4}]))
            add(runs, spec, STARTS, Stopped(0, "max_steps"))
        said = [note for note in notes(runs) if "est point" in note or note.startswith("Best")]
        assert len(said) == 6
        assert said[-1] == "8 more best points: see `opro report --format json`."


class TestBaseline:
    def test_two_models_of_the_baseline_alone_are_not_compared_and_it_is_said(self, runs):
        for model in ("gemma", "gemini"):
            add(runs, SPEC, STARTS, Stopped(0, "max_steps"), model=model)
        said = notes(runs, "opro")
        assert "There are no runs of another optimizer to compare with opro." in said
        assert (
            "opro was run with gemini and gemma: --baseline compares other optimizers with each of "
            "them, and not one model with another."
        ) in said

    def test_another_optimizer_is_compared_with_each_model(self, runs):
        for model in ("gemma", "gemini"):
            add(runs, SPEC, STARTS, Stopped(0, "max_steps"), model=model)
        add(runs, RANDOM, STARTS, Stopped(0, "max_evaluations"), model=None)
        summary = summarize(*runs.all(), baseline="opro")
        (table,) = [t for t in tables(summary) if t.title.endswith("against opro")]
        against = table.columns.index("against")
        assert [row[against] for row in table.rows] == ["opro (gemma)", "opro (gemini)"]
        assert any("not one model with another" in note for note in summary.notes)
        assert not any("not one model" in note for note in notes(runs, "random"))

    def test_an_optimizer_on_other_problems_alone_is_said(self, runs):
        other = LinearSettings(targets=[{"w": 3, "b": 4}])
        add(runs, SPEC, STARTS, Stopped(0, "max_steps"))
        add(runs, replace(RANDOM, problem=other), STARTS, Stopped(0, "max_steps"), model=None)
        said = notes(runs, "opro")
        assert "No other optimizer was run on the problems and targets of opro." in said

    @pytest.mark.parametrize(
        ("name", "command"), [("opro", "run-opro"), ("sgd", "run-sgd"), ("tpe", "run-baseline")]
    )
    def test_a_missing_baseline_is_answered_with_its_command(self, runs, name, command):
        add(runs, RANDOM, STARTS, Stopped(0, "max_steps"), model=None)
        said = notes(runs, name)
        assert f"There are no runs of {name} to compare with: see `opro {command}`." in said

    @pytest.mark.parametrize(
        ("direction", "values", "expected"),
        [
            ("minimize", [(10.0, 20.0), (30.0, 40.0), (25.0, 25.0)], (2, 0, 1)),
            ("maximize", [(60.0, 70.0), (80.0, 90.0), (75.0, 75.0)], (0, 2, 1)),
        ],
    )
    def test_without_a_goal_the_best_values_are_compared(self, runs, direction, values, expected):
        problem = custom(direction=direction)
        for repetition, (mine, theirs) in enumerate(values):
            changes = {"problem": problem, "repetition": repetition}
            found(runs, replace(SPEC, **changes), mine, model="gemma")
            found(runs, replace(RANDOM, **changes), theirs)
        summary = summarize(*runs.all(), baseline="random")
        (row,) = [r for r in json.loads(report.render(summary, "json")) if "paired" in r]
        (pair,) = row["paired"]
        assert pair["compares"] == "best value"
        assert (pair["better"], pair["worse"], pair["level"]) == expected
        assert pair["difference"]["mean"] == pytest.approx(-20 / 3)
        (table,) = [t for t in tables(summary) if t.title.endswith("against random")]
        assert table.subtitle.startswith("best value of each finished run")

    def test_a_run_without_an_end_has_no_best_value_to_compare(self, runs):
        found(runs, replace(RANDOM, problem=custom()), 20.0)
        start = Started((Evaluation((0.0, "a"), 10.0, "start"),))
        add(runs, replace(SPEC, problem=custom()), start)
        summary = summarize(*runs.all(), baseline="random")
        (row,) = [r for r in json.loads(report.render(summary, "json")) if "paired" in r]
        assert row["paired"][0]["pairs"] == 0
