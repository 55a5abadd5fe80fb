"""All optimizers on one footing: statistics, pairs, lost replies, budgets, sweeps, widths."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from opro_cli import report
from opro_cli.events import Reading, Replied, Reply, Scored, Started, Stepped, Stopped, Usage
from opro_cli.optimizers import settings_of
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.problems.linear import LinearSettings, SeedRule, Seeds
from opro_cli.report import summarize
from opro_cli.report.statistics import Stat, bootstrap, sign_test, wilson
from opro_cli.report.summary import Summary
from opro_cli.report.tables import tables
from opro_cli.runs import Runs
from opro_cli.spec import RunSpec

SPEC = RunSpec(
    preset="mine",
    problem=LinearSettings(
        targets=[{"w": 15, "b": 14}],
        seeds=Seeds(noise=SeedRule(first=1, step=1)),
    ),
    repetition=0,
    optimizer=OproSettings(model="local", metaprompt="list", show="mixed"),
    seed=0,
    limits=Limits(500, 60, per_step=8),
)
NELDER_MEAD = replace(SPEC, optimizer=settings_of("nelder-mead")())
STARTS = Started(tuple(Scored((i, 14), 1000.0 + i, "start") for i in range(5)))


@pytest.fixture
def runs(tmp_path) -> Runs:
    return Runs(tmp_path / "runs")


def add(runs: Runs, spec: RunSpec, *events, model: str | None = "gemma") -> Path:
    run = runs.create(spec, {"model": model})
    log = run.append()
    for event in events:
        log.append(event)
    return run.path


def asked(runs: Runs, spec: RunSpec, steps: int, fates=("used",), found: bool = True) -> None:
    """A run with a reply of each of these fates a step."""
    events = [STARTS]
    for step in range(1, steps + 1):
        point = (15, 14) if found and step == steps else (step, 1)
        for sample, _ in enumerate(fates):
            reply = Reply("x", "stop", "gemma", Usage(100, 10, 4), attempts=2, cost=0.001)
            events.append(Replied(step, sample, reply))
        readings = tuple(Reading(i, fate, point) for i, fate in enumerate(fates))
        events.append(Stepped(step, (Scored(point, 64.3 + steps - step),), readings, 1))
    add(runs, spec, *events, Stopped(steps, "converged" if found else "patience"))


def evaluated(runs: Runs, spec: RunSpec, evaluations: int, found: bool = True) -> None:
    """A run of a baseline: one evaluation a step, starts included in the count."""
    steps = evaluations - 5
    events = [STARTS, *(Stepped(s, (Scored((s, 2), 99.0),), (), 1) for s in range(1, steps + 1))]
    reason = "converged" if found else "max_evaluations"
    add(runs, spec, *events, Stopped(steps, reason), model=None)


def read(runs: Runs, baseline: str | None = None) -> Summary:
    return summarize(*runs.all(), baseline=baseline)


def table(runs: Runs, title: str, baseline: str | None = None):
    """The table whose title ends like this, as dictionaries."""
    (found,) = [t for t in tables(read(runs, baseline)) if t.title.endswith(title)]
    headings, body = found.joined()
    return [dict(zip(headings, row, strict=True)) for row in body]


def rows(runs: Runs, baseline: str | None = None):
    return json.loads(report.render(read(runs, baseline), "json"))


class TestStatistics:
    def test_wilsons_interval_is_the_textbooks(self):
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

    def test_the_bootstrap_interval_covers_as_often_as_it_says(self):
        rng = np.random.default_rng(1)
        samples = (rng.normal(10, 3, 30) for _ in range(200))
        covered = sum(low <= 10 <= high for low, high in map(bootstrap, samples))
        assert 178 <= covered <= 199  # 95 % of 200, and a little less for small samples

    def test_the_bootstrap_says_the_same_every_time_and_nothing_of_one_value(self):
        assert bootstrap([1, 5, 9]) == bootstrap([1, 5, 9])
        assert bootstrap([7]) is None
        assert bootstrap([7, 7, 7]) == (7, 7)

    def test_median_and_quartiles_are_numpys(self):
        stat = Stat((1, 2, 3, 4, 100))
        assert (stat.median, stat.quartiles) == (3, (2, 4))
        assert stat.std == pytest.approx(float(np.std([1, 2, 3, 4, 100])))


def test_every_currency_has_a_column_of_its_own(runs):
    for r, steps in enumerate([2, 4]):
        asked(runs, replace(SPEC, repetition=r), steps, fates=("used", "duplicate"))
        evaluated(runs, replace(NELDER_MEAD, repetition=r), 20 + r)
    opro, baseline = table(runs, "on one footing")
    assert opro["evaluations"] == "8±1"
    assert opro["steps"] == "3±1"
    assert (opro["calls"], opro["tokens in"], opro["tokens out"]) == ("6", "600", "60")
    assert opro["cost"] == "$0.0060"
    assert opro["time"].endswith("s")
    assert (baseline["optimizer"], baseline["evaluations"]) == ("nelder-mead", "20.5±0.5")
    assert baseline["calls"] == baseline["tokens in"] == baseline["cost"] == "-"


def test_columns_with_nothing_to_say_are_left_out(runs):
    evaluated(runs, NELDER_MEAD, 20)
    (row,) = table(runs, "on one footing")
    assert "calls" not in row
    assert "cost" not in row
    assert "best" not in row  # all have found the target


def test_medians_and_intervals_stand_beside_the_mean_in_table_and_json(runs):
    for r, evaluations in enumerate([20, 22, 60]):
        evaluated(runs, replace(NELDER_MEAD, repetition=r), evaluations)
    evaluated(runs, replace(NELDER_MEAD, repetition=3), 30, found=False)
    (row,) = table(runs, "evaluations, and what can be trusted")
    assert (row["mean"], row["median"], row["quartiles"]) == ("34", "22", "21–41")
    assert (row["converged"], row["95% of rate"]) == ("3/4", "30–95%")
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
        assert (row["pairs"], row["better/worse/level"]) == ("4", "1/2/1")
        assert row["difference"] == "+0.3"  # −13, +14, 0; where one did not find it, none
        opro, baseline = rows(runs, "nelder-mead")
        (paired,) = opro["paired"]
        assert paired["baseline"] == "nelder-mead"
        assert paired["difference"]["values"] == [-13, 14, 0]
        assert paired["p"] == sign_test(1, 2)
        assert "paired" not in baseline

    def test_a_baseline_that_is_always_the_same_is_paired_with_every_repetition(self, runs):
        same = replace(SPEC, problem=LinearSettings(targets=[{"w": 15, "b": 14}]))
        for r in range(3):
            asked(runs, replace(same, repetition=r), 2)
        evaluated(runs, replace(same, optimizer=settings_of("nelder-mead")()), 20)
        (row,) = table(runs, "against nelder-mead", "nelder-mead")
        assert (row["pairs"], row["better/worse/level"]) == ("3", "3/0/0")

    def test_too_few_pairs_are_said_to_be_too_few(self, runs):
        for r in range(5):
            asked(runs, replace(SPEC, repetition=r), 2)
            evaluated(runs, replace(NELDER_MEAD, repetition=r), 20)
        assert "5 pairs are too few" in report.render(read(runs, "nelder-mead"), "table")
        asked(runs, replace(SPEC, repetition=5), 2)
        evaluated(runs, replace(NELDER_MEAD, repetition=5), 20)
        assert "too few for the sign test" not in report.render(read(runs, "nelder-mead"), "table")

    def test_a_baseline_without_runs_is_said_to_have_none(self, runs):
        asked(runs, SPEC, 2)
        assert any("no runs of cma-es" in note for note in read(runs, "cma-es").notes)


class TestLostReplies:
    def test_a_row_with_lost_replies_is_marked_and_explained(self, runs):
        asked(runs, SPEC, 2, fates=("used", "truncated", "empty"))
        other = replace(SPEC, problem=LinearSettings(targets=[{"w": 2, "b": 30}]))
        asked(runs, other, 2, fates=("used", "out_of_range", "duplicate"), found=False)
        text = report.render(read(runs), "markdown")
        assert text.count("1/1 †") == 1
        assert "w=15 b=14: 2 truncated, 2 empty, of 6" in text
        assert "w=2 b=30:" not in text
        marked, clean = rows(runs)
        assert (marked["replies"]["lost"], clean["replies"]["lost"]) == (4, 0)

    def test_a_mark_is_explained_for_the_cell_of_a_sweep_that_has_it(self, runs):
        for temperature, fates in ((1.0, ("used",)), (1.5, ("used", "blocked"))):
            spec = SPEC.with_optimizer(temperature=temperature)
            asked(runs, replace(spec, axes={"opro.temperature": temperature}), 2, fates)
        text = report.render(read(runs), "table")
        assert "result: w=15 b=14 temperature=1.5: 2 blocked, of 4" in text

    def test_every_fate_is_counted_with_retries_and_idle_steps(self, runs):
        asked(runs, SPEC, 3, fates=("used", "unparsable", "duplicate"))
        (row,) = table(runs, "What became of the replies")
        assert (row["replies"], row["used"], row["unparsable"]) == ("9", "3", "3")
        assert row["retries"] == "9"
        assert "blocked" not in row
        assert "idle" not in row

    def test_a_step_without_a_new_point_is_idle(self, runs):
        known = Stepped(1, (Scored((1, 14), 1001.0, known=True),), (Reading(0, "known", (1, 14)),))
        reply = Replied(1, 0, Reply("x", "stop", "gemma"))
        add(runs, SPEC, STARTS, reply, known, Stepped(2, (), (Reading(0, "empty"),)))
        (row,) = table(runs, "What became of the replies")
        assert row["idle"] == "2"

    def test_totals_by_model(self, runs):
        asked(runs, SPEC, 2)
        asked(runs, SPEC.with_optimizer(temperature=1.5), 3)
        (row,) = table(runs, "Totals by model")
        assert (row["model"], row["runs"], row["calls"]) == ("gemma", "2", "5")
        assert (row["tokens in"], row["tokens out"], row["thinking"]) == ("500", "50", "20")
        assert row["cost"] == "$0.0050"


class TestSettings:
    def test_the_cells_of_a_sweep_are_rows_of_one_table(self, runs):
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

    def test_whatever_tells_two_tables_apart_stands_in_their_subtitles(self, runs):
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

    def test_different_budgets_are_noted(self, runs):
        asked(runs, SPEC, 1)
        evaluated(runs, NELDER_MEAD, 20)
        assert not any("budgets" in note for note in read(runs).notes)
        evaluated(runs, replace(NELDER_MEAD, limits=Limits(500, 60, 50, per_step=8)), 20)
        (note,) = [note for note in read(runs).notes if "budgets" in note]
        assert "opro 4000" in note
        assert "nelder-mead 50" in note

    def test_optimizers_that_see_more_than_values_are_named(self, runs):
        asked(runs, SPEC, 1)
        descent = replace(SPEC, optimizer=settings_of("sgd")())
        evaluated(runs, descent, 20)
        assert any("sgd sees data and gradients" in note for note in read(runs).notes)


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
        "recorded pairs",
        "published: Gemini",
        "quartiles",
        "tokens in",
    ):
        assert word in text  # no heading is broken


def test_few_repetitions_are_said_to_be_few(runs):
    evaluated(runs, replace(NELDER_MEAD, repetition=0), 20)
    assert any("fewer than 5 repetitions" in note for note in read(runs).notes)
    for r in range(1, 5):
        evaluated(runs, replace(NELDER_MEAD, repetition=r), 20)
    assert not any("fewer than" in note for note in read(runs).notes)
    assert math.isclose(rows(runs)[0]["evaluations"]["mean"], 20)
