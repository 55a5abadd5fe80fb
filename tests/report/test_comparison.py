"""Comparisons of optimizers: statistics, pairs, lost replies, budgets, sweeps, widths."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.cells import cell_len

from opro_cli import report
from opro_cli.core.events import (
    Evaluation,
    ParsedSolution,
    Replied,
    Reply,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings, Seeds
from opro_cli.problems.settings import SeedRule
from opro_cli.report.statistics import Stat, bootstrap, sign_test, wilson
from opro_cli.report.summary import Summary, summarize
from opro_cli.report.tables import tables
from opro_cli.runs.store import RunStore
from tests import recording
from tests.recording import STARTS, add

SPEC = replace(
    recording.SPEC,
    problem=LinearSettings(
        targets=[{"w": 15, "b": 14}],
        seeds=Seeds(noise=SeedRule(first=1, step=1)),
    ),
)
NELDER_MEAD = replace(SPEC, optimizer=OPTIMIZERS["nelder-mead"]())


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def asked(
    runs: RunStore, spec: RunSpec, steps: int, statuses=("used",), found: bool = True
) -> None:
    """A run whose steps each have a reply of each status."""
    events = [STARTS]
    for step in range(1, steps + 1):
        point = (15, 14) if found and step == steps else (step, 1)
        for sample, _ in enumerate(statuses):
            reply = Reply("x", "stop", "gemma", Usage(100, 10, 4), attempts=2, cost=0.001)
            events.append(Replied(step, sample, reply))
        solutions = tuple(ParsedSolution(i, status, point) for i, status in enumerate(statuses))
        events.append(Stepped(step, (Evaluation(point, 64.3 + steps - step),), solutions, 1))
    add(runs, spec, *events, Stopped(steps, "converged" if found else "patience"))


def evaluated(runs: RunStore, spec: RunSpec, evaluations: int, found: bool = True) -> None:
    """A run of a baseline: one evaluation a step, starts included in the count."""
    steps = evaluations - 5
    events = [
        STARTS,
        *(Stepped(s, (Evaluation((s, 2), 99.0),), (), 1) for s in range(1, steps + 1)),
    ]
    reason = "converged" if found else "max_evaluations"
    add(runs, spec, *events, Stopped(steps, reason), model=None)


def read(runs: RunStore, baseline: str | None = None) -> Summary:
    return summarize(*runs.all(), baseline=baseline)


def table(runs: RunStore, title: str, baseline: str | None = None):
    """The table whose title ends like this, as dictionaries."""
    (found,) = [t for t in tables(read(runs, baseline)) if t.title.endswith(title)]
    headings, body = found.joined()
    return [dict(zip(headings, row, strict=True)) for row in body]


def rows(runs: RunStore, baseline: str | None = None):
    return json.loads(report.render(read(runs, baseline), "json"))


class TestStatistics:
    def test_wilsons_interval_is_that_of_the_textbook(self):
        low, high = wilson(8, 10)
        assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)
        assert wilson(0, 5)[0] == 0.0
        assert wilson(5, 5)[1] == 1.0
        assert wilson(0, 0) == (0.0, 1.0)

    def test_the_sign_test_is_binomial(self):
        assert sign_test(5, 0) == 2 / 32
        assert sign_test(6, 0) == 2 / 64
        assert sign_test(4, 1) == 2 * 6 / 32
        assert sign_test(3, 3) == 1.0
        assert sign_test(0, 0) == 1.0

    def test_the_bootstrap_interval_has_its_stated_coverage(self):
        rng = np.random.default_rng(1)
        samples = (rng.normal(10, 3, 30) for _ in range(200))
        covered = sum(low <= 10 <= high for low, high in map(bootstrap, samples))
        assert 178 <= covered <= 199  # 95 % of 200, and a little less for small samples

    def test_the_bootstrap_is_reproducible_and_needs_two_values(self):
        assert bootstrap([1, 5, 9]) == bootstrap([1, 5, 9])
        assert bootstrap([7]) is None
        assert bootstrap([7, 7, 7]) == (7, 7)

    def test_median_and_quartiles_are_numpys(self):
        stat = Stat((1, 2, 3, 4, 100))
        assert (stat.median, stat.quartiles) == (3, (2, 4))
        assert stat.std == pytest.approx(float(np.std([1, 2, 3, 4, 100])))


def test_evaluations_steps_calls_tokens_cost_and_time_have_their_own_columns(runs):
    for r, steps in enumerate([2, 4]):
        asked(runs, replace(SPEC, repetition=r), steps, statuses=("used", "duplicate"))
        evaluated(runs, replace(NELDER_MEAD, repetition=r), 20 + r)
    opro, baseline = table(runs, "comparison (same problem, same budget)")
    assert opro["evaluations"] == "8±1"
    assert opro["steps"] == "3±1"
    assert (opro["calls per run"], opro["tokens in"], opro["tokens out"]) == ("6", "600", "60")
    assert opro["cost"] == "$0.0060"
    assert opro["time"].endswith("s")
    assert (baseline["optimizer"], baseline["evaluations"]) == ("nelder-mead", "20.5±0.5")
    assert baseline["calls per run"] == baseline["tokens in"] == baseline["cost"] == "-"


def test_empty_columns_are_left_out(runs):
    evaluated(runs, NELDER_MEAD, 20)
    (row,) = table(runs, "comparison (same problem, same budget)")
    assert "calls per run" not in row
    assert "cost" not in row
    assert "best value" not in row  # all are solved


def test_median_and_intervals_are_in_the_table_and_in_json(runs):
    for r, evaluations in enumerate([20, 22, 60]):
        evaluated(runs, replace(NELDER_MEAD, repetition=r), evaluations)
    evaluated(runs, replace(NELDER_MEAD, repetition=3), 30, found=False)
    (row,) = table(runs, "evaluations: confidence intervals")
    assert (row["mean"], row["median"], row["quartiles"]) == ("34", "22", "21–41")
    assert (row["solved"], row["success rate, 95% CI"]) == ("3/4", "30–95%")
    (data,) = rows(runs)
    stats = data["statistics"]
    assert data["evaluations"] == {
        "mean": 34,
        "std": pytest.approx(18.4029),
        "values": [20, 22, 60],
    }
    assert stats["evaluations"]["median"] == 22
    assert stats["evaluations"]["interval"] == list(bootstrap([20, 22, 60]))
    assert stats["converged"]["rate"] == 0.75
    assert stats["converged"]["interval"] == list(wilson(3, 4))


class TestPairs:
    def test_repetitions_are_paired_by_seed_and_number(self, runs):
        for r, (steps, evaluations) in enumerate([(2, 20), (30, 21), (3, 8), (4, 30)]):
            found = r != 3
            asked(runs, replace(SPEC, repetition=r), steps, found=found)
            evaluated(runs, replace(NELDER_MEAD, repetition=r), evaluations)
        evaluated(runs, replace(NELDER_MEAD, repetition=9), 1000)  # no partner
        (row,) = table(runs, "against nelder-mead", "nelder-mead")
        assert row["optimizer"] == "opro (gemma)"
        assert (row["repetitions compared"], row["wins/losses/ties"]) == ("4", "1/2/1")
        assert row["difference"] == "+0.3"  # −13, +14, 0; where one did not find it, none
        opro, baseline = rows(runs, "nelder-mead")
        (paired,) = opro["paired"]
        assert paired["baseline"] == "nelder-mead"
        assert paired["difference"]["values"] == [-13, 14, 0]
        assert paired["p"] == sign_test(1, 2)
        assert "paired" not in baseline

    def test_a_deterministic_baseline_is_compared_with_every_repetition(self, runs):
        same = replace(SPEC, problem=LinearSettings(targets=[{"w": 15, "b": 14}]))
        for r in range(3):
            asked(runs, replace(same, repetition=r), 2)
        evaluated(runs, replace(same, optimizer=OPTIMIZERS["nelder-mead"]()), 20)
        (row,) = table(runs, "against nelder-mead", "nelder-mead")
        assert (row["repetitions compared"], row["wins/losses/ties"]) == ("3", "3/0/0")

    def test_too_few_repetitions_for_the_sign_test_get_a_note(self, runs):
        for r in range(5):
            asked(runs, replace(SPEC, repetition=r), 2)
            evaluated(runs, replace(NELDER_MEAD, repetition=r), 20)
        assert "5 repetitions are too few" in report.render(read(runs, "nelder-mead"), "table")
        asked(runs, replace(SPEC, repetition=5), 2)
        evaluated(runs, replace(NELDER_MEAD, repetition=5), 20)
        assert "too few for the sign test" not in report.render(read(runs, "nelder-mead"), "table")

    def test_a_baseline_without_runs_gets_a_note(self, runs):
        asked(runs, SPEC, 2)
        assert any("no runs of cma-es" in note for note in read(runs, "cma-es").notes)


class TestLostReplies:
    def test_a_row_with_lost_replies_is_marked_and_explained(self, runs):
        asked(runs, SPEC, 2, statuses=("used", "truncated", "empty"))
        other = replace(SPEC, problem=LinearSettings(targets=[{"w": 2, "b": 30}]))
        asked(runs, other, 2, statuses=("used", "out_of_range", "duplicate"), found=False)
        text = report.render(read(runs), "markdown")
        assert text.count("1/1 †") == 2  # once a table
        assert "w=15 b=14: 2 truncated, 2 empty, of 6 replies" in text
        assert "w=2 b=30: 2 out" not in text
        marked, clean = rows(runs)
        assert (marked["replies"]["lost"], clean["replies"]["lost"]) == (4, 0)

    def test_the_explanation_of_a_mark_names_the_swept_settings(self, runs):
        for temperature, statuses in ((1.0, ("used",)), (1.5, ("used", "blocked"))):
            spec = SPEC.with_optimizer(temperature=temperature)
            asked(runs, replace(spec, axes={"opro.temperature": temperature}), 2, statuses)
        text = report.render(read(runs), "table")
        assert "result: w=15 b=14 temperature=1.5: 2 blocked, of 4 replies" in text

    def test_every_status_is_counted_with_retries(self, runs):
        asked(runs, SPEC, 3, statuses=("used", "unparsable", "duplicate"))
        (row,) = table(runs, "How the replies were used")
        assert (row["replies"], row["used"], row["unparsable"]) == ("9", "3", "3")
        assert row["retries"] == "9"
        assert "blocked" not in row
        assert "steps without a new point" not in row

    def test_steps_without_a_new_point_are_counted(self, runs):
        known = Stepped(
            1, (Evaluation((1, 14), 1001.0, known=True),), (ParsedSolution(0, "known", (1, 14)),)
        )
        reply = Replied(1, 0, Reply("x", "stop", "gemma"))
        add(runs, SPEC, STARTS, reply, known, Stepped(2, (), (ParsedSolution(0, "empty"),)))
        (row,) = table(runs, "How the replies were used")
        assert row["steps without a new point"] == "2"

    def test_totals_by_model(self, runs):
        asked(runs, SPEC, 2)
        asked(runs, SPEC.with_optimizer(temperature=1.5), 3)
        (row,) = table(runs, "Totals by model")
        assert (row["model"], row["runs"], row["calls (total)"]) == ("gemma", "2", "5")
        assert (row["tokens in"], row["tokens out"], row["thinking"]) == ("500", "50", "20")
        assert row["cost"] == "$0.0050"


class TestSettings:
    def test_the_combinations_of_a_sweep_are_rows_of_one_table(self, runs):
        for temperature in (1.0, 1.5):
            for points in (50, 100):
                spec = replace(
                    SPEC.with_optimizer(temperature=temperature),
                    problem=SPEC.problem.model_copy(update={"num_points": points}),
                    axes={"opro.temperature": temperature, "problem.num_points": points},
                )
                asked(runs, spec, points // 50)
        made = table(runs, "opro with gemma")
        axes = [(row["temperature"], row["num_points"], row["steps"]) for row in made]
        assert axes == [
            ("1.0", "50", "1"),
            ("1.0", "100", "2"),
            ("1.5", "50", "1"),
            ("1.5", "100", "2"),
        ]
        (first, *_) = tables(read(runs))
        assert "temperature" not in first.subtitle

    def test_a_subtitle_has_the_settings_that_distinguish_its_table(self, runs):
        asked(runs, SPEC, 1)
        asked(runs, SPEC.with_optimizer(aim=0.5), 1)
        other = SPEC.problem.model_copy(update={"bounds": (-50.0, 50.0)})
        asked(runs, replace(SPEC, problem=other), 1)
        asked(runs, replace(SPEC, limits=Limits(500, 60, 99, per_step=8)), 1)
        made = [t.subtitle for t in tables(read(runs)) if t.title.endswith("opro with gemma")]
        assert len(set(made)) == 4
        assert "bounds=[-50.0, 50.0]" in made[2]
        assert "max_evaluations=99" in made[3]
        assert all("aim=" in subtitle for subtitle in made)

    def test_different_budgets_get_a_note(self, runs):
        asked(runs, SPEC, 1)
        evaluated(runs, NELDER_MEAD, 20)
        assert not any("may use" in note for note in read(runs).notes)
        evaluated(runs, replace(NELDER_MEAD, limits=Limits(500, 60, 50, per_step=8)), 20)
        assert (
            "Note: opro may use 4,000 evaluations; nelder-mead may use 50 evaluations."
            in read(runs).notes
        )

    def test_optimizers_that_see_more_than_values_get_a_note(self, runs):
        asked(runs, SPEC, 1)
        descent = replace(SPEC, optimizer=OPTIMIZERS["sgd"]())
        evaluated(runs, descent, 20)
        notes = read(runs).notes
        assert "Note: opro may use 4,000 evaluations; sgd has no such limit." in notes
        assert "Note: sgd also sees the data and gradients, the others only the values." in notes


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(runs, width):
    published = (
        {
            "model": "Gemini 2.0 Flash",
            "source": "s",
            "steps": {"mean": 1.6, "std": 0.49},
            "recorded_pairs": {"mean": 10.8, "std": 1.72},
        },
    )
    for r in range(5):
        asked(runs, replace(SPEC, repetition=r, published=published), 3 + r, ("used", "empty"))
        evaluated(runs, replace(NELDER_MEAD, repetition=r), 20 + r)
    text = report.render(read(runs, "nelder-mead"), "table", width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    for word in (
        "w_true",
        "steps",
        "points proposed (with repeats)",
        "published: Gemini",
        "quartiles",
        "tokens in",
    ):
        assert word in text  # no heading is broken


def test_few_repetitions_get_a_note(runs):
    evaluated(runs, replace(NELDER_MEAD, repetition=0), 20)
    assert any("fewer than 5 repetitions" in note for note in read(runs).notes)
    for r in range(1, 5):
        evaluated(runs, replace(NELDER_MEAD, repetition=r), 20)
    assert not any("fewer than" in note for note in read(runs).notes)
    assert math.isclose(rows(runs)[0]["evaluations"]["mean"], 20)
