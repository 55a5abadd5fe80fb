"""Reports: what is averaged, what is not, and every cell harmless."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from opro_cli import report
from opro_cli.events import (
    Failed,
    Reading,
    Replied,
    Reply,
    Scored,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.optimizers.base import Limits
from opro_cli.optimizers.opro import OproSettings
from opro_cli.optimizers.sgd import SgdSettings
from opro_cli.problems.linear import LinearSettings
from opro_cli.report import summarize
from opro_cli.report.markdown import escape
from opro_cli.runs import Runs
from opro_cli.spec import RunSpec

PUBLISHED = ({"model": "Gemini", "source": "s", "steps": {"mean": 1.6, "std": 0.49}},)
SPEC = RunSpec(
    preset="mine",
    problem=LinearSettings(targets=[{"w": 15, "b": 14}]),
    repetition=0,
    optimizer=OproSettings(model="local", metaprompt="list", show="mixed"),
    seed=0,
    limits=Limits(5, 3),
    published=PUBLISHED,
)
STARTS = Started(tuple(Scored((i, 14), 1000.0 + i, "start") for i in range(5)))
REPLY = Reply("15, b=14", "stop", "gemma", Usage(100, 8))


def steps(count: int, reason: str | None = "converged"):
    """Events of a run whose every step proposes (1, 1) and whose last finds the target."""
    yield STARTS
    for step in range(1, count + 1):
        yield Replied(step, 0, REPLY)
        found = (15, 14) if step == count and reason == "converged" else (1, 1)
        value = 64.3 if found == (15, 14) else 500.0
        pairs = (Scored(found, value, known=step > 1 and found == (1, 1)),)
        yield Stepped(step, pairs, (Reading(0, "used", found),), 1)
    if reason:
        yield Stopped(count, reason)


@pytest.fixture
def runs(tmp_path) -> Runs:
    return Runs(tmp_path / "runs")


def add(runs: Runs, spec: RunSpec, *events, model: str = "gemma") -> Path:
    run = runs.create(spec, {"model": model})
    log = run.append()
    for event in events:
        log.append(event)
    return run.path


def rows(runs: Runs):
    return json.loads(report.render(summarize(*runs.all()), "json"))


def test_a_row_is_a_target_over_its_repetitions(runs):
    for repetition, count in enumerate([1, 2, 3]):
        add(runs, replace(SPEC, repetition=repetition), *steps(count))
    (row,) = rows(runs)
    assert row["steps"] == {"mean": 2, "std": pytest.approx(0.8164965), "values": [1, 2, 3]}
    assert row["distinct_pairs"]["values"] == [6, 7, 7]
    assert row["recorded_pairs"]["values"] == [6, 7, 8]
    assert (row["reps"], row["converged"], row["failed"], row["unfinished"]) == (3, 3, 0, 0)
    assert row["calls"] == 6
    assert row["tokens"] == {"input": 600, "output": 48}
    assert row["best"] == {"point": {"w": 15, "b": 14}, "value": 64.3}
    assert row["stop_reasons"] == {"converged": 3}
    assert row["target"] == {"w": 15, "b": 14}
    assert (row["preset"], row["problem"], row["optimizer"]) == ("mine", "linear", "opro")
    assert row["model"] == "gemma"
    assert row["published"][0]["steps"]["mean"] == 1.6


def test_failed_and_unfinished_runs_are_counted_and_named_but_not_averaged(runs):
    add(runs, SPEC, *steps(2))
    failed = add(runs, replace(SPEC, repetition=1), *steps(7, None), Failed(7, "LLMError", "gone"))
    unfinished = add(runs, replace(SPEC, repetition=2), *steps(9, None))
    (row,) = rows(runs)
    assert row["steps"]["values"] == [2]
    assert (row["reps"], row["converged"], row["failed"], row["unfinished"]) == (3, 1, 1, 1)
    text = report.render(summarize(*runs.all()), "markdown")
    assert "1/3, 1 failed, 1 unfinished" in text
    assert failed.name in text
    assert "LLMError: gone" in text
    assert unfinished.name in text


def test_a_target_that_was_not_found_says_so_with_the_best_pair(runs):
    add(runs, SPEC, *steps(4, "patience"))
    (row,) = rows(runs)
    assert row["steps"] is None
    assert row["stop_reasons"] == {"patience": 1}
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert "did not converge: best (1, 1), loss 500" in markdown


def test_other_settings_make_other_rows(runs):
    add(runs, SPEC, *steps(1))
    hotter = SPEC.with_optimizer(temperature=1.5)
    add(runs, hotter, *steps(2))
    add(runs, SPEC, *steps(3), model="another")
    assert [row["steps"]["values"] for row in rows(runs)] == [[1], [2], [3]]


def test_the_same_run_made_twice_counts_once_and_is_noted(runs):
    first = add(runs, SPEC, *steps(1))
    add(runs, SPEC, *steps(2))
    add(runs, SPEC, *steps(9, None))  # started again, not finished
    summary = summarize(*runs.all())
    assert [row.steps.values for row in summary.rows] == [(2,)]
    assert first.name in summary.notes[0]


def test_gradient_descent_is_a_column_beside_opro(runs):
    add(runs, SPEC, *steps(2))
    descent = replace(SPEC, optimizer=SgdSettings(), published=())
    gradient = Stepped(121, (Scored((14.99, 14.03), 64.38, "gradient"),), (), 121)
    start = Started((Scored((14, 14), 42747.8, "start"),))
    add(runs, descent, start, gradient, Stopped(121, "converged"))
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert "SGD count" in markdown
    assert "| 15 | 14 | 2 | 0 | 1/1 | 121 |" in markdown
    assert "gradient descent" not in markdown
    sgd = rows(runs)[1]
    assert (sgd["optimizer"], sgd["model"]) == ("sgd", None)
    assert sgd["steps"]["values"] == [121]
    assert sgd["distinct_pairs"] is None is sgd["recorded_pairs"]
    assert sgd["evaluations"]["values"] == [122]


def test_csv_has_what_json_has_flat(runs):
    add(runs, SPEC, *steps(2))
    (row,) = csv.DictReader(io.StringIO(report.render(summarize(*runs.all()), "csv")))
    assert row["target.w"] == "15"
    assert row["steps.mean"] == "2.0"
    assert row["steps.values"] == "2"
    assert row["settings.opro.temperature"] == "1.0"
    assert row["published.0.steps.mean"] == "1.6"


HOSTILE = "[red]x[/red] | `code` <b>&amp;</b>\x1b[31m\x1b]8;;http://x\x07\n\u202e $x$ ~~y~~"


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_text_from_elsewhere_reaches_no_format_unescaped(runs, form):
    add(runs, replace(SPEC, preset=HOSTILE), *steps(1), model=HOSTILE)
    failed = replace(SPEC, preset=HOSTILE, repetition=1)
    add(runs, failed, *steps(1, None), Failed(1, "LLMError", HOSTILE), model=HOSTILE)
    text = report.render(summarize(*runs.all()), form)
    assert "\x1b" not in text
    assert "\x07" not in text
    if form in ("table", "markdown"):
        assert "\u202e" not in text
    if form == "markdown":
        assert "<b>" not in text
        for part in text.split("\n\n"):  # every row of a table has as many cells as its heading
            lines = [line for line in part.splitlines() if line.startswith("|")]
            assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1
        assert text.count("\n| ") > 4
    if form == "table":
        assert "[red]x[/red]" in text  # shown as it is, not read as markup


def test_markdown_leaves_names_readable():
    assert escape("num_points=5 and w_true") == "num_points=5 and w_true"
    assert escape("_x_ *y* a|b <i>") == r"\_x\_ \*y\* a\|b \<i\>"


def test_an_empty_report_is_an_empty_list(runs):
    assert rows(runs) == []
