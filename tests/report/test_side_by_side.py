"""Models side by side, objectives without a goal, and tables that fit 80 columns."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from rich.cells import cell_len

from opro_cli import report
from opro_cli.core.events import Evaluation, Started, Stepped, Stopped
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.regression.linear import LinearSettings, Seeds
from opro_cli.problems.settings import SeedRule
from opro_cli.report.contest import contests, resolution_of_plan, sentence
from opro_cli.report.ranks import signed_rank
from opro_cli.report.summary import Summary, summarize
from opro_cli.report.tables import tables
from opro_cli.runs.store import RunStore
from tests import recording
from tests.recording import STARTS, add

LOSS = CustomSettings(
    objective="mine:loss",
    parameters={"lr": {"low": 0, "high": 1}, "depth": {"low": 1, "high": 9, "type": "int"}},
    value="loss",
)
OWN = replace(recording.SPEC, problem=LOSS)
RANDOM = replace(OWN, optimizer=OPTIMIZERS["random"]())
VARIED = LinearSettings(targets=[{"w": 15, "b": 14}], seeds=Seeds(noise=SeedRule(first=1, step=1)))
LINE = replace(recording.SPEC, problem=VARIED)


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def found(runs: RunStore, spec, value: float, model: str | None = "gemma") -> None:
    """A finished run without a goal, whose best value is this one."""
    start = Started((Evaluation((0.5, 5), math.nan, "start"),))
    step = Stepped(1, (Evaluation((0.25, 3), value),), (), 1)
    add(runs, spec, start, step, Stopped(1, "max_steps"), model=model)


def solved(runs: RunStore, spec, steps: int, model: str, *, found: bool = True) -> None:
    """A run of one evaluation a step, which finds the target in its last one."""
    made = [Stepped(s, (Evaluation((s, 2), 99.0),), (), 1) for s in range(1, steps)]
    point = (15, 14) if found else (1, 3)
    made.append(Stepped(steps, (Evaluation(point, 64.3 if found else 90.0),), (), 1))
    reason = "converged" if found else "max_steps"
    add(runs, spec, STARTS, *made, Stopped(steps, reason), model=model)


def read(runs: RunStore, **options) -> Summary:
    return summarize(*runs.all(), **options)


def table(summary: Summary, title: str, detail="full") -> list[dict[str, str]]:
    (made,) = [t for t in tables(summary, detail) if t.title.endswith(title)]
    headings, body = made.joined()
    return [dict(zip(headings, row, strict=True)) for row in body]


class TestWithoutGoal:
    def test_best_values_have_mean_median_quartiles_and_the_best_parameters_by_name(self, runs):
        for r, value in enumerate([0.25, 0.5, 0.125, 1.0, 0.75, 0.5]):
            found(runs, replace(OWN, repetition=r), value)
        (row,) = table(read(runs), "comparison (same problem, same budget)", "main")
        assert row["finished"] == "6/6"
        assert row["mean loss"] == "0.52±0.29"
        assert (row["median"], row["quartiles"]) == ("0.5", "0.3125–0.6875")
        assert row["best loss"] == "0.125"
        assert row["best point"] == "lr = 0.25, depth = 3"
        (row,) = table(read(runs), "best loss of a run: confidence intervals")
        assert row["median, 95% CI"] == "0.125–1"
        (data,) = json.loads(report.render(read(runs), "json"))
        assert data["best_value"]["values"] == [0.25, 0.5, 0.125, 1.0, 0.75, 0.5]
        assert data["statistics"]["best_value"]["median_interval"] == [0.125, 1.0]
        assert data["best"]["point"] == {"lr": 0.25, "depth": 3}

    def test_the_best_value_is_shown_after_given_numbers_of_evaluations(self, runs):
        for r, values in enumerate([(8.0, 4.0, 2.0), (6.0, 3.0, 1.0)]):
            start = Started(tuple(Evaluation((0.5, n), 9.0 + n, "start") for n in (1, 2, 3)))
            steps = [
                Stepped(s, tuple(Evaluation((0.25 / s, n), value) for n in range(1, 9)), (), 8)
                for s, value in enumerate(values, 1)
            ]
            add(runs, replace(OWN, repetition=r), start, *steps, Stopped(3, "max_steps"))
        (row,) = table(read(runs, histories=True), "best loss by evaluations")
        assert row["after 10 evaluations"] == "10±0"  # the first step ends with the eleventh
        assert row["after 20 evaluations"] == "3.50±0.50"
        assert row["after 27 evaluations"] == "1.50±0.50"
        (data,) = json.loads(report.render(read(runs, histories=True), "json"))
        assert [found["evaluations"] for found in data["at_budgets"]] == [10, 20, 27]
        assert data["at_budgets"][1]["values"] == [4.0, 3.0]
        assert "at_budgets" not in json.loads(report.render(read(runs), "json"))[0]

    @pytest.mark.parametrize("form", ["table", "markdown"])
    def test_such_a_run_is_finished_and_never_called_unsolved(self, runs, form):
        for r in range(6):
            found(runs, replace(OWN, repetition=r), 0.5 + r)
            found(runs, replace(RANDOM, repetition=r), 0.75 + r, None)
        text = report.render(read(runs, baseline="random"), form)
        assert "finished" in text
        for word in ("converge", "solved", "success"):
            assert word not in text.lower()

    def test_the_best_values_are_paired_with_the_exact_test(self, runs):
        mine, theirs = [0.25, 0.5, 0.125, 1.0, 0.75, 0.5], [0.5, 0.625, 1.0, 0.9, 1.5, 2.0]
        for r in range(6):
            found(runs, replace(OWN, repetition=r), mine[r])
            found(runs, replace(RANDOM, repetition=r), theirs[r], None)
        (row,) = table(read(runs, baseline="random"), "against random")
        differences = [b - a for a, b in zip(mine, theirs, strict=True)]
        assert row["p"] == f"{signed_rank(differences):.2f}"
        (paired,) = json.loads(report.render(read(runs, baseline="random"), "json"))[0]["paired"]
        assert paired["signed_rank_p"] == signed_rank(differences) == 0.0625
        assert paired["verdict"] == "no evidence"
        assert paired["typical"]["advantage"] == pytest.approx(0.525, abs=0.1)


class TestContest:
    def test_two_models_are_paired_over_all_targets(self, runs):
        for r in range(4):
            for w in (15, 16):
                problem = VARIED.model_copy(update={"targets": ({"w": w, "b": 14},)})
                spec = replace(LINE, problem=problem, repetition=r)
                solved(runs, spec, 40 + r + w, "first")
                solved(runs, spec.with_optimizer(model="local:b"), 10 + r + w, "second")
        first, second = table(read(runs), "side by side")
        assert (first["solved"], second["solved"]) == ("8/8", "8/8")
        assert second["W/L/T"] == "8/0/0"
        assert second["p"] == "0.008"
        assert (first["verdict"], second["verdict"]) == ("first", "better")
        low, high = map(float, second["95% CI"].split("–"))
        assert low <= float(second["times"]) <= high < 1
        (contest,) = contests(read(runs).rows)
        said = sentence(contest[1], contest[0])
        assert said.startswith("second is better than first: second solved 8 of 8 and first solved")
        assert "first took" in said
        assert "times the evaluations of second (95 % CI" in said
        assert said.endswith("; p = 0.008, 8 pairs.")

    def test_few_pairs_are_too_few_to_tell(self, runs):
        for r in range(5):
            found(runs, replace(OWN, repetition=r), 0.5, "first")
            found(runs, replace(OWN.with_optimizer(model="local:b"), repetition=r), 0.25, "second")
        _, second = table(read(runs), "side by side", "main")
        assert second["verdict"] == "too few"
        text = report.render(read(runs), "table", 80, detail="main")
        assert "Too few to tell: 5 pairs of runs, and at least 6 are needed (--reps)." in text
        assert "the loss of second is lower by 0.25" in " ".join(text.split())

    def test_a_run_that_does_not_solve_the_problem_loses(self, runs):
        for r in range(6):
            solved(runs, replace(LINE, repetition=r), 5, "first", found=r < 1)
            spec = replace(LINE.with_optimizer(model="local:b"), repetition=r)
            solved(runs, spec, 50, "second")
        _, second = table(read(runs), "side by side")
        assert second["W/L/T"] == "5/1/0"
        (contest,) = contests(read(runs).rows)
        assert contest[1].pairing.p == signed_rank([-2.3, *[float("inf")] * 5])

    def test_higher_is_better_where_the_objective_is_maximized(self, runs):
        score = LOSS.model_copy(update={"direction": "maximize"})
        for r in range(7):
            spec = replace(OWN, problem=score, repetition=r)
            found(runs, spec, 0.5 + r, "first")
            found(runs, spec.with_optimizer(model="local:b"), 0.25 + r, "second")
        (contest,) = contests(read(runs).rows)
        assert contest[1].verdict == "worse"
        said = sentence(contest[1], contest[0])
        assert said.startswith("first is better than second: the loss of second is lower by 0.25")

    def test_optimizers_are_contenders_too_where_everyone_is(self, runs):
        for r in range(6):
            found(runs, replace(OWN, repetition=r), 0.5 + r)
            found(runs, replace(RANDOM, repetition=r), 0.75 + r, None)
            other = OPTIMIZERS["local-search"]()
            found(runs, replace(OWN, optimizer=other, repetition=r), 0.5 + r, None)
        assert not list(contests(read(runs).rows))
        made = table(read(runs, side_by_side=True), "side by side")
        assert [row["verdict"] for row in made] == ["first", "no evidence", "no evidence"]
        assert [row["p"] for row in made] == ["-", "0.062", "1.000"]
        assert len(list(tables(read(runs, side_by_side=True)))) == 1

    def test_what_the_repetitions_can_show_is_said_before(self):
        def plan(reps: int):
            for r in range(reps):
                yield replace(LINE, repetition=r)
                yield replace(LINE.with_optimizer(model="local:b"), repetition=r)

        assert "5 pairs of runs cannot show a difference" in resolution_of_plan(plan(5))
        said = resolution_of_plan(plan(12))
        assert said.startswith("12 pairs of runs show a difference from about 0.9 standard")
        assert said.endswith("such as 10 wins of 12.")
        assert resolution_of_plan(LINE for _ in range(3)) == ""


class TestWidth:
    def test_at_80_columns_each_problem_has_one_table(self, runs):
        for r in range(3):
            for w in (15, 16):
                problem = VARIED.model_copy(update={"targets": ({"w": w, "b": 14},)})
                spec = replace(LINE, problem=problem, repetition=r)
                solved(runs, spec, 4, "gemma-3-270m-it-qat-q4_0-unquantized")
                sgd = replace(spec, optimizer=OPTIMIZERS["sgd"]())
                solved(runs, sgd, 9, None)
            found(runs, replace(OWN, preset="own", repetition=r), 0.5)
        text = report.render(read(runs), "table", 80, detail="main")
        assert max(cell_len(line) for line in text.splitlines()) <= 80
        assert text.count("─┼─") >= 2
        assert sum("┼" in line for line in text.splitlines()) == 2
        wide = report.render(read(runs), "table", 80)
        assert sum("┼" in line for line in wide.splitlines()) > 8
        assert "How the replies were used" in wide

    def test_a_column_that_does_not_fit_is_left_out_whole(self, runs):
        for r in range(3):
            found(runs, replace(OWN, repetition=r), 0.5 + r / 7)
        narrow = report.render(read(runs), "table", 50, detail="main")
        assert max(cell_len(line) for line in narrow.splitlines()) <= 50
        assert "mean" in narrow
        assert "time" not in narrow
        assert "lr = 0.25, depth = 3" in " ".join(narrow.split())  # the note has it in any case

    def test_a_summary_puts_targets_together_where_they_are_many(self, runs):
        for w in range(16):
            problem = VARIED.model_copy(update={"targets": ({"w": w, "b": 14},)})
            solved(runs, replace(LINE, problem=problem), 4, "gemma", found=w % 2 == 0)
        (row,) = table(read(runs), "comparison (same problem, same budget)", "summary")
        assert row["solved"] == "8/16"
        assert len(table(read(runs), "comparison (same problem, same budget)", "main")) == 16
