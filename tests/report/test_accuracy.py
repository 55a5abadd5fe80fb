"""Reports of instructions: what is compared, what counts, what is said, and what is escaped."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from opro_cli import report
from opro_cli.core.events import (
    Answers,
    Evaluation,
    Failed,
    Judged,
    ParsedSolution,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
    Verdict,
)
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.report.summary import summarize
from opro_cli.report.tables.accuracy import published_text
from opro_cli.runs.store import RunStore
from tests.scorers import write_data

SPEC = RunSpec(
    preset="mine",
    problem=InstructionsSettings(
        data="data.jsonl",
        metric="label",
        split={"train": 20, "dev": 20, "test": 100},
        scorer={"model": "openai:scorer"},
    ),
    repetition=0,
    optimizer=OproSettings(model="openai:optimizer", strategy="paper"),
    seed=0,
    limits=Limits(4, None, per_step=8),
)
FIXED = replace(SPEC, optimizer=OPTIMIZERS["fixed"]())
START = "0" * 50 + "1" * 50


def right(count: int, of: int = 20) -> str:
    return "1" * count + "0" * (of - count)


def scored(text: str, detail: str, source: str = "model") -> Evaluation:
    return Evaluation((text,), detail.count("1") / len(detail), source, detail=detail)


def verdict(text: str, part: str, detail: str) -> Verdict:
    return Verdict((text,), part, detail.count("1") / len(detail), detail)


def found(
    text: str = "Be exact.", train: int = 18, dev: int = 16, test: str = right(90, 100)
) -> Sequence[object]:
    """The events of a run that finds a text."""
    reply = Reply("x", "stop", "optimizer", Usage(100, 10), cost=0.001)
    tested = (
        verdict("", "start", START),
        verdict("Think.", "control", right(55, 100)),
        verdict("Lucky.", "trained", right(48, 100)),
        verdict(text, "chosen", test),
    )
    finalists = verdict("Lucky.", "finalist", right(9)), verdict(text, "finalist", right(dev))
    return [
        Started((scored("", right(8), "start"),), 20),
        Answers("scorer", 20, 0, 20, Usage(2000, 200), 0.02),
        Replied(1, 0, reply),
        Stepped(
            1,
            (scored(text, right(train)), scored("Lucky.", right(19))),
            (ParsedSolution(0, "used", (text,)), ParsedSolution(0, "echo")),
            40,
        ),
        Judged("dev", finalists),
        Answers("scorer", 380, 100, 280, Usage(28000, 2800), 0.28),
        Judged("test", tested),
        Stopped(1, "max_steps"),
    ]


@pytest.fixture
def runs(tmp_path) -> RunStore:
    return RunStore(tmp_path / "runs")


def add(runs: RunStore, spec: RunSpec, events, **about) -> str:
    run = runs.create(spec, {"model": "openai:optimizer", **about})
    log = run.open_log()
    for event in events:
        log.append(event)
    return run.id


def shown(runs: RunStore, form: str = "table", width: int = 200, **options) -> str:
    return report.render(summarize(*runs.all(), **options), form, width)


def flat(text: str) -> str:
    return " ".join(text.split())


def facts(runs: RunStore) -> list[dict]:
    return json.loads(shown(runs, "json"))


def test_a_row_has_the_accuracies_the_gain_and_a_verdict(runs):
    add(runs, SPEC, found())
    text = flat(shown(runs))
    assert "opro │ 1/1 │ 90/100 (83–94%) │ +40.0" in text
    assert "│ 50/100 │ <0.001 │ 18/20 │ 16/20 │ 50/10 │ 400 │ $0.0010 │ $0.3000" in text
    assert "opro: better than the start: +40.0" in text
    assert 'opro found: "Be exact."' in text
    assert 'on test: "Think." 55/100, "Lucky." 48/100 (best by train)' in text
    assert "solved" not in text.split("How the replies")[0]


def test_the_best_on_train_is_not_what_is_reported(runs):
    add(runs, SPEC, found(train=15))
    (row,) = facts(runs)
    assert row["accuracy"]["instruction"] == "Be exact."
    assert row["accuracy"]["train"]["rate"] == 0.75
    assert row["accuracy"]["gap"] == pytest.approx(0.75 - 0.9)
    assert row["accuracy"]["gain"]["better"] - row["accuracy"]["gain"]["worse"] == 40


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (START[:10] + "1" * 90, "better than the start: +40.0"),
        (START.replace("1", "0", 40), "worse than the start: -40.0"),
        ("1" * 3 + START[3:], "no evidence of a gain: +3.0"),
        (START, "no evidence of a gain: every test answer is as good as under the start"),
    ],
)
def test_the_verdict_says_what_the_test_can_show(runs, test, said):
    add(runs, SPEC, found(test=test))
    text = flat(shown(runs))
    assert said in text
    if test == START:
        assert "at most 3.0 points (3/n)" in text
        assert "│ 0 (at most 3.0) │" in text


def test_of_several_runs_dev_chooses_and_the_gain_is_the_mean(runs):
    add(runs, SPEC, found("Best on dev.", dev=19, test=right(70, 100)))
    add(runs, replace(SPEC, repetition=1), found("Best on test.", dev=12, test=right(99, 100)))
    add(runs, replace(SPEC, repetition=2), found("Worse.", dev=11, test=START.replace("1", "0", 5)))
    (row,) = facts(runs)
    found_ = row["accuracy"]
    assert found_["instruction"] == "Best on dev."
    assert found_["gain"]["difference"] == pytest.approx((20 + 49 - 5) / 300)
    assert found_["gain"]["p"] is None
    assert found_["runs_better"] == 2
    low, high = found_["gain"]["interval"]
    assert low < 0.05 < 0.35 < high
    text = flat(shown(runs))
    assert "mean of 3 runs; 2 of 3 runs beat it" in text
    assert '"Best on test."' not in text


def test_runs_that_failed_or_are_not_finished_are_named_and_not_counted(runs):
    add(runs, SPEC, found(dev=10))
    half = found("Half.", dev=20)[:-1]
    paused = add(runs, replace(SPEC, repetition=1), [*half, Stopped(1, "max_cost")])
    failed = add(runs, replace(SPEC, repetition=2), [*half, Failed(1, "ServerError", "no")])
    text = flat(shown(runs))
    assert "│ 1/3, 1 failed, 1 unfinished │" in text
    assert 'found: "Be exact."' in text
    assert f"1 unfinished run is not counted: {paused}" in text
    assert f"1 failed run is not counted: {failed}" in text
    assert facts(runs)[0]["accuracy"]["runs"] == 1


def test_without_a_finished_run_there_is_no_verdict(runs):
    add(runs, SPEC, [*found()[:3]])
    text = flat(shown(runs))
    assert "no finished run" in text
    assert "no verdict: no run is finished." in text
    assert facts(runs)[0]["accuracy"]["instruction"] is None


def test_without_a_test_no_accuracy_is_taken_for_one(runs):
    events = [e for e in found() if not (isinstance(e, Judged) and e.split == "test")]
    add(runs, SPEC, events)
    text = flat(shown(runs))
    assert "no verdict: there is no test" in text
    assert 'found: "Be exact."' in text  # 34 right of 40; "Lucky." has 28


def test_optimizers_are_compared_on_the_same_test_examples(runs):
    add(runs, SPEC, found(test=right(90, 100)))
    add(runs, FIXED, found("Answer only.", dev=10, test=right(70, 100)))
    text = flat(shown(runs))
    assert "opro │ fixed │ 90/100 │ 70/100 │ +20.0" in text
    assert "│ 20/0 │ <0.001 │ better │ 60 │ 60" in text
    opro, fixed = facts(runs)
    assert opro["paired"][0]["baseline"] == "fixed"
    assert opro["paired"][0]["difference"] == pytest.approx(0.2)
    assert "paired" not in fixed
    assert "fixed │ opro │ 70/100 │ 90/100 │ -20.0" in flat(shown(runs, baseline="opro"))


def test_another_split_is_another_table(runs):
    add(runs, SPEC, found())
    split = SPEC.problem.split.model_copy(update={"seed": 1})
    other = SPEC.problem.model_copy(update={"split": split})
    add(runs, replace(FIXED, problem=other), found("Think."))
    assert "optimizers on the same test examples" not in shown(runs)


def test_fixed_instructions_tell_whether_there_is_room(runs):
    texts = [scored(f"Fixed {i}.", ("1" * 10 + "0" * 10) if i < 6 else "?" * 20) for i in range(7)]
    events = list(found("Fixed 1."))
    events[0] = Started((scored("", right(19), "start"),), 20)
    events[3] = Stepped(1, tuple(texts), (), 140)
    add(runs, FIXED, events)
    text = flat(shown(runs))
    assert "Room: 8 fixed instructions differ by 95 points on 20 training examples" in text
    assert "there is room." in text


def test_equal_fixed_instructions_show_no_room(runs):
    texts = [scored(f"Fixed {i}.", "".join("01"[(j + i) % 2] for j in range(20))) for i in range(7)]
    events = list(found("Fixed 1."))
    events[0] = Started((scored("", right(11), "start"),), 20)
    events[3] = Stepped(1, tuple(texts), (), 140)
    add(runs, FIXED, events)
    assert "less than the noise" in flat(shown(runs))


def test_the_most_frequent_answer_is_from_the_recorded_data_or_not_shown(runs):
    write_data(Path("data.jsonl"), 200)
    digest = SPEC.problem.digests()["data"]
    add(runs, SPEC, found(test=right(51, 100)), digests={"problem.data": digest})
    assert 'The most frequent answer ("' in flat(shown(runs))
    write_data(Path("data.jsonl"), 199)
    assert "The most frequent answer" not in shown(runs)


@pytest.mark.parametrize("test", [86.5, {"mean": 86.5}])
def test_published_figures_stand_beside_ours(test):
    found = {"model": "PaLM 2-L", "source": "Table 7", "train": 84, "test": test, "note": "A_begin"}
    assert published_text(found) == "PaLM 2-L 86.5 test, 84.0 train (A_begin)"


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(runs, width):
    add(runs, SPEC, found("word " * 100))
    add(runs, FIXED, found("Think."))
    assert max(cell_len(line) for line in shown(runs, width=width).splitlines()) <= width


HOSTILE = "Be <script>alert(1)</script> | [red]\x1b[2J`#`\u202e\nnew line *bold*"


def test_an_instruction_is_whole_and_acts_on_nothing(runs):
    long = f"{HOSTILE} {'x' * 3000} END"
    add(runs, SPEC, found(long))
    table, markdown = shown(runs), shown(runs, "markdown")
    assert "END" in table
    assert "END" in markdown
    for text in (table, markdown, shown(runs, "csv")):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "<script>" not in markdown
    assert facts(runs)[0]["accuracy"]["instruction"] == long


def test_csv_has_every_accuracy_in_a_column(runs):
    add(runs, SPEC, found())
    (row,) = csv.DictReader(io.StringIO(shown(runs, "csv")))
    assert row["accuracy.test.right"] == "90.0"
    assert row["accuracy.verdict"] == "better"
    assert row["accuracy.cost.scorer"] == "0.30000000000000004"
    assert row["accuracy.controls.0.instruction"] == "Think."


def test_scores_between_are_shown_as_a_share(runs):
    events = list(found())
    start = Verdict(("",), "start", 0.25, "C" * 50 + "B" * 50)
    events[6] = Judged("test", (start, Verdict(("Be exact.",), "chosen", 0.6, "F" * 100)))
    add(runs, SPEC, events)
    text = flat(shown(runs))
    assert "60.0% of 100" in text
    assert "better than the start" in text
