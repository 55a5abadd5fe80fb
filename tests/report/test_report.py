"""Reports: which runs are averaged, the notes, the formats, and that every cell is harmless."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from opro_cli import report
from opro_cli.core.errors import UsageError
from opro_cli.core.events import (
    Evaluation,
    Failed,
    ParsedSolution,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.gradient_descent import GradientDescentSettings
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.report.formats.markdown import escape
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests import recording
from tests.recording import STARTS, add

PUBLISHED = ({"model": "Gemini", "source": "s", "steps": {"mean": 1.6, "std": 0.49}},)
SPEC = replace(recording.SPEC, limits=Limits(5, 3), published=PUBLISHED)
REPLY = Reply("15, b=14", "stop", "gemma", Usage(100, 8))


def steps(count: int, reason: str | None = "converged"):
    """Events of a run whose steps propose (1, 1), and whose last step finds the target."""
    yield STARTS
    for step in range(1, count + 1):
        yield Replied(step, 0, REPLY)
        found = (15, 14) if step == count and reason == "converged" else (1, 1)
        value = 64.3 if found == (15, 14) else 500.0
        pairs = (Evaluation(found, value, known=step > 1 and found == (1, 1)),)
        yield Stepped(step, pairs, (ParsedSolution(0, "used", found),), 1)
    if reason:
        yield Stopped(count, reason)


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def rows(runs: RunStore):
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
    assert "1 failed run is left out of the means of steps and evaluations" in text
    assert failed.name in text
    assert "LLMError: gone" in text
    assert unfinished.name in text


def test_an_unsolved_problem_shows_its_best_point(runs):
    add(runs, SPEC, *steps(4, "patience"))
    (row,) = rows(runs)
    assert row["steps"] is None
    assert row["stop_reasons"] == {"patience": 1}
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert "not solved: best (1, 1), value 500" in markdown


def test_other_settings_make_other_rows(runs):
    add(runs, SPEC, *steps(1))
    hotter = SPEC.with_optimizer(temperature=1.5)
    add(runs, hotter, *steps(2))
    add(runs, SPEC, *steps(3), model="another")
    assert [row["steps"]["values"] for row in rows(runs)] == [[1], [2], [3]]


def test_two_runs_of_the_same_spec_count_once_with_a_note(runs):
    first = add(runs, SPEC, *steps(1))
    add(runs, SPEC, *steps(2))
    add(runs, SPEC, *steps(9, None))  # started again, not finished
    summary = summarize(*runs.all())
    assert [row.steps.values for row in summary.rows] == [(2,)]
    assert "2 earlier runs with the same settings are left out" in summary.notes[0]
    assert first.name in summary.notes[0]


def test_gradient_descent_is_a_column_beside_opro(runs):
    add(runs, SPEC, *steps(2))
    descent = replace(SPEC, optimizer=GradientDescentSettings(), published=())
    gradient = Stepped(121, (Evaluation((14.99, 14.03), 64.38, "gradient"),), (), 121)
    start = Started((Evaluation((14, 14), 42747.8, "start"),))
    add(runs, descent, start, gradient, Stopped(121, "converged"))
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert GradientDescentSettings.column in markdown
    assert "| 15 | 14 | 2 | 0 | 1/1 | 121 |" in markdown
    assert "gradient descent" not in markdown
    sgd = rows(runs)[1]
    assert (sgd["optimizer"], sgd["model"]) == ("sgd", None)
    assert sgd["steps"]["values"] == [121]
    assert sgd["distinct_pairs"] is None is sgd["recorded_pairs"]
    assert sgd["evaluations"]["values"] == [122]


def test_csv_is_json_with_dotted_keys(runs):
    add(runs, SPEC, *steps(2))
    (row,) = csv.DictReader(io.StringIO(report.render(summarize(*runs.all()), "csv")))
    assert row["target.w"] == "15"
    assert row["steps.mean"] == "2.0"
    assert row["steps.values"] == "2"
    assert row["settings.opro.temperature"] == "1.0"
    assert row["published.0.steps.mean"] == "1.6"


HOSTILE = "[red]x[/red] | `code` <b>&amp;</b>\x1b[31m\x1b]8;;http://x\x07\n\u202e $x$ ~~y~~"


@pytest.mark.parametrize("form", ["table", "markdown", "csv", "json"])
def test_untrusted_text_is_escaped_in_every_format(runs, form):
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


CUSTOM = CustomSettings(
    objective="mine:accuracy",
    parameters={"lr": {"low": 0, "high": 1}},
    direction="maximize",
    value="accuracy",
)


def test_without_a_goal_a_run_is_finished_and_never_unsolved(runs):
    events = [
        Started((Evaluation((0.25,), 0.5, "start"),)),
        Replied(1, 0, REPLY),
        Stepped(1, (Evaluation((0.5,), 0.75),), (ParsedSolution(0, "used", (0.5,)),), 1),
        Stopped(1, "max_steps"),
    ]
    for repetition in range(2):
        add(runs, replace(SPEC, problem=CUSTOM, published=(), repetition=repetition), *events)
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert "finished: best (0.5), accuracy 0.75" in markdown
    assert "| finished |" in markdown
    assert "| 2/2 |" in markdown
    assert "solved |" not in markdown
    assert "success rate" not in markdown
    (row,) = rows(runs)
    assert (row["converged"], row["stop_reasons"]) == (0, {"max_steps": 2})


def test_with_a_goal_a_run_that_misses_it_is_not_solved(runs):
    goal = CUSTOM.model_copy(update={"goal": 0.9})
    start = Started((Evaluation((0.25,), 0.5, "start"),))
    add(runs, replace(SPEC, problem=goal, published=()), start, Stopped(0, "max_steps"))
    markdown = report.render(summarize(*runs.all()), "markdown")
    assert "not solved: best (0.25), accuracy 0.5" in markdown
    assert "| 0/1 |" in markdown


def test_an_unknown_format_has_a_hint_with_the_nearest():
    with pytest.raises(UsageError) as raised:
        report.FORMATS.check("markdwon", "--format")
    assert raised.value.hint == "did you mean markdown?"


FACTS = {
    "problem.objective": "a" * 64,
    "model.sha256": "b" * 64,
    "model.server": "one.example",
    "model.threads": "2",
    "model.processor": "x86-64-v3",
    "model.engine": "2026.10",
}


class TestContents:
    @pytest.mark.parametrize(
        ("fact", "rows"),
        [
            ("problem.objective", 2),
            ("model.sha256", 2),
            ("model.server", 2),
            ("model.threads", 1),
            ("model.processor", 1),
            ("model.engine", 1),
        ],
    )
    def test_runs_are_apart_only_where_a_decisive_fact_differs(self, runs, fact, rows):
        add(runs, SPEC, *steps(2), digests=FACTS)
        other = {**FACTS, fact: "c" * 64}
        add(runs, replace(SPEC, repetition=1), *steps(2), digests=other)
        assert len(summarize(*runs.all()).rows) == rows
