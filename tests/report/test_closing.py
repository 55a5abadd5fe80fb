"""The last lines of a command: results in plain sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opro_cli.core.events import Evaluation, Failed, Started, Stepped, Stopped
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.regression.linear import LinearSettings, Seeds
from opro_cli.problems.settings import SeedRule
from opro_cli.report.closing import already_done, result_lines, share_text
from opro_cli.report.formats.data import to_object
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests import recording
from tests.recording import STARTS, add

VARIED = LinearSettings(targets=[{"w": 15, "b": 14}], seeds=Seeds(noise=SeedRule(first=1, step=1)))
SPEC = replace(recording.SPEC, problem=VARIED)
SGD = replace(SPEC, optimizer=OPTIMIZERS["sgd"]())


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def ran(runs: RunStore, spec, steps: int, reason: str = "converged", by: str = "model") -> None:
    made = [Stepped(s, (Evaluation((s, 2), 99.0, by),), (), 1) for s in range(1, steps)]
    last = Evaluation((15, 14) if reason == "converged" else (1, 3), 64.3)
    made += [Stepped(steps, (last,), (), 1), Stopped(steps, reason)]
    add(runs, spec, STARTS, *made, model="gemma" if spec.optimizer.asks_model else None)


def said(runs: RunStore) -> list[str]:
    return list(result_lines(summarize(*runs.all()).rows))


def test_solved_runs_are_counted_with_their_steps(runs):
    for r, steps in enumerate([1, 4, 3]):
        ran(runs, replace(SPEC, repetition=r), steps)
        ran(runs, replace(SGD, repetition=r), 10 * steps)
    assert said(runs) == [
        "opro solved 3 of 3, in 1, 4 and 3 steps; sgd solved 3 of 3, in 10, 40 and 30 steps."
    ]


def test_one_optimizer_needs_no_name_and_many_runs_a_range(runs):
    for r, steps in enumerate([9, 1, 2, 5, 3]):
        ran(runs, replace(SPEC, repetition=r), steps)
    assert said(runs) == ["5 of 5 solved, in 1 to 9 steps (median 3)."]


def test_one_step_is_one_step(runs):
    ran(runs, SPEC, 1)
    assert said(runs) == ["1 of 1 solved, in 1 step."]


def test_other_runs_stand_with_their_reasons(runs):
    ran(runs, SPEC, 2)
    ran(runs, replace(SPEC, repetition=1), 2, "max_steps")
    add(runs, replace(SPEC, repetition=2), STARTS, Failed(1, "LLMError", "gone"))
    add(runs, replace(SPEC, repetition=3), STARTS)
    assert said(runs) == ["1 of 4 solved, in 2 steps (1 out of steps, 1 failed, 1 unfinished)."]


def test_points_of_random_search_are_told_with_the_way_to_do_without(runs):
    ran(runs, SPEC, 2, by="perturbed")
    _, second = said(runs)
    assert second == (
        "Half of the proposed points came from random search (`--strategy paper` switches it off), "
        "the solution from the model."
    )


@pytest.mark.parametrize(
    ("by", "said_of_them"),
    [
        (["model", "model"], ", all 2 solutions from the model"),
        (["model", "perturbed"], ", 1 of 2 solutions from the model"),
        (["perturbed", "perturbed"], ", all 2 solutions from random search"),
        ([], ""),
    ],
)
def test_who_found_the_solutions_is_told(runs, by, said_of_them):
    for r, source in enumerate(by or [None, None]):
        point = (15, 14) if source else (1, 3)
        tried = Evaluation((7, 2), 99.0, "perturbed")
        step = Stepped(1, (tried, Evaluation(point, 64.3, source or "model")), (), 2)
        end = Stopped(1, "converged" if source else "max_steps")
        add(runs, replace(SPEC, repetition=r), STARTS, step, end)
    assert said(runs)[1].endswith(f" switches it off){said_of_them}.")


def test_without_a_goal_runs_are_finished_and_have_a_best_value(runs):
    loss = CustomSettings(objective="mine:f", parameters={"x": {"low": 0, "high": 1}}, value="loss")
    for r, value in enumerate([0.25, 0.75]):
        start = Started((Evaluation((0.5,), value, "start"),))
        add(runs, replace(SPEC, problem=loss, repetition=r), start, Stopped(0, "max_steps"))
    assert said(runs) == ["2 of 2 finished, best loss 0.25 (mean 0.50 ± 0.25)."]


def test_each_problem_has_its_line(runs):
    ran(runs, SPEC, 2)
    ran(runs, replace(SPEC, preset="other"), 3)
    assert said(runs) == ["mine: 1 of 1 solved, in 2 steps.", "other: 1 of 1 solved, in 3 steps."]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.5, "Half"), (0.49, "Half"), (0.34, "A third"), (0.38, "38 %"), (0.04, "4 %"), (1, "All")],
)
def test_simple_shares_have_a_name(share, text):
    assert share_text(share) == text


def test_runs_of_earlier_commands_are_told():
    assert already_done(0, 3) == ""
    assert already_done(1, 3) == "1 of 3 runs was already done."
    assert already_done(3, 3) == "All runs already exist; --fresh runs them again."


def test_points_without_a_value_are_counted_with_the_most_frequent_reason(runs):
    nothing = float("nan")
    for r in range(2):
        pairs = [Evaluation((r, n), nothing, why="returned nan") for n in range(3)]
        pairs += [Evaluation((9, 9), nothing, why="ValueError: diverged"), Evaluation((1, 3), 90.0)]
        step = Stepped(1, tuple(pairs), (), 5)
        spec = replace(SPEC, repetition=r)
        add(runs, spec, STARTS, step, Stopped(1, "max_steps"), model="gemma")
        ran(runs, replace(SGD, repetition=r), 2)
    summary = summarize(*runs.all())
    counted = (
        "8 of 34 points had no value (opro (gemma) 8, sgd 0); most often: returned nan, 6 times"
    )
    assert f"Note: {counted}." in summary.notes
    assert counted.replace(" (gemma)", "") + "." in said(runs)
    assert not any("no value" in line for line in result_lines(summary.rows, noted=True))
    (mine, _) = summary.rows
    assert to_object(mine)["without_value"] == {
        "points": 8,
        "why": {"returned nan": 6, "ValueError: diverged": 2},
    }


def test_where_every_point_has_a_value_nothing_is_said_of_it(runs):
    ran(runs, SPEC, 3)
    assert not any("no value" in line for line in (*said(runs), *summarize(*runs.all()).notes))
