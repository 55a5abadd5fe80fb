"""`opro compare`, and a sweep over several models: one table, paired, with a sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.loopback import gemini

OWN = """
problem:
  kind: custom
  objective: mine.py:loss
  parameters: {lr: {low: 0, high: 1}, depth: {low: 1, high: 9, type: int}}
  starts: [{lr: 0.5, depth: 5}]
  num_starts: 1
  value: loss
opro: {points_per_step: 1, tries: 1, perturb: 0}
reps: 6
max_steps: 2
sweep: {opro.temperature: [1.0, 1.5]}
"""
FIRST, SECOND = "gemini-2.5-flash", "gemini-2.5-flash-lite"
MODELS = ("--model", FIRST, "--model", SECOND)


@pytest.fixture
def own(serve):
    """An objective of one's own, and two models of which the second proposes better points."""
    Path("mine.py").write_text("def loss(lr, depth):\n    return lr + depth / 10\n")
    Path("mine.yaml").write_text(OWN)

    def answer(asked):
        step = len(server.asked)
        second = SECOND in asked.path
        values = {"lr": step % 97 / (1000 if second else 100), "depth": 1 if second else 6}
        return gemini(json.dumps({"reasoning": "", "solution": values}), model=_named(asked.path))

    server = serve(answer)
    return server


def _named(path: str) -> str:
    return SECOND if SECOND in path else FIRST


def test_two_models_on_an_own_objective_make_one_table_and_a_sentence(opro, own):
    done = opro("compare", "mine.yaml", *MODELS)
    assert done.exit_code == 0, done.output
    assert len(list(Path("runs").glob("*/run.json"))) == 12  # the sweep of the preset is left out
    assert done.stdout.count("side by side") == 1
    assert done.stdout.count("─┼─") > 1
    assert sum("┼" in line for line in done.stdout.splitlines()) == 1
    said = " ".join(done.stdout.split())
    assert f"{SECOND} is better than {FIRST}: the loss of {SECOND} is lower by" in said
    assert "p = 0.031, 6 pairs." in said
    assert "6 pairs of runs show a difference from about 1.4 standard deviations" in done.stderr
    asked = len(own.asked)
    again = opro("compare", "mine.yaml", *MODELS, "--format", "markdown")
    assert len(own.asked) == asked  # nothing is paid for twice
    assert f"| {FIRST} |" in again.stdout
    assert "| better |" in again.stdout
    assert "All runs already exist" in again.stderr


def test_the_result_of_a_comparison_is_json_too(opro, own):
    done = opro("compare", "mine.yaml", *MODELS, "--json", "--reps", "2")
    assert done.exit_code == 0, done.output
    *results, last = map(json.loads, done.stdout.splitlines())
    assert all(result["best"]["parameters"].keys() == {"lr", "depth"} for result in results)
    first, second = last["contests"][0]["contenders"]
    assert (first["name"], second["name"]) == (FIRST, SECOND)
    assert second["verdict"] == second["against"]["verdict"] == "too few"
    assert second["sentence"].startswith("Too few to tell: 2 pairs of runs")
    assert second["against"]["baseline"] == FIRST


def test_the_first_named_is_held_against_also_where_its_runs_are_newer(opro, own):
    opro("compare", "mine.yaml", "--model", SECOND, "--model", FIRST, "--reps", "1")
    done = opro("compare", "mine.yaml", *MODELS, "--reps", "1")
    assert f"each against {FIRST}, by target and repetition" in done.stdout


def test_optimizers_are_compared_without_a_model(opro, own):
    done = opro("compare", "mine.yaml", "-O", "random", "-O", "local-search")
    assert done.exit_code == 0, done.output
    assert "each against random" in done.stdout
    assert own.asked == []


def test_models_are_held_against_an_optimizer_that_asks_none(opro, own):
    done = opro("compare", "mine.yaml", "--model", FIRST, "-O", "random", "--reps", "1")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert f"each against opro, by target and repetition; {FIRST} is asked" in said
    assert "the typical loss is the same" in said  # of two starting points, nothing was better


def test_a_sweep_takes_several_models(opro, own):
    words = ("--reps", "1", "--set", "sweep={}")
    done = opro("sweep", "mine.yaml", *MODELS, *words)
    assert done.exit_code == 0, done.output
    assert "mine: comparison" in done.stdout
    assert "mine: side by side" in done.stdout
    assert "cannot show a difference" in done.stderr
    report = opro("report")
    assert "mine: side by side" in report.stdout


def test_a_dry_run_says_what_so_many_repetitions_would_show(opro, own):
    done = opro("compare", "mine.yaml", *MODELS, "--dry-run")
    said = " ".join(done.stdout.split())
    assert "6 pairs of runs show a difference from about 1.4 standard deviations" in said
    few = opro("compare", "mine.yaml", *MODELS, "--dry-run", "--reps", "3")
    assert "at least 6 are needed (--reps)" in " ".join(few.stdout.split())
    plan = json.loads(opro("compare", "mine.yaml", *MODELS, "--dry-run", "--json").stdout)
    assert plan["resolution"].startswith("6 pairs of runs show")
    assert own.asked == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", FIRST), "There is nothing to compare opro with gemini-2.5-flash with."),
        (("--model", FIRST, "--model", FIRST), "There is nothing to compare"),
        (("-O", "random"), "There is nothing to compare random with."),
        (("-O", "randon"), "no optimizer 'randon'"),
        ((*MODELS, "--format", "pdf"), "there is no format 'pdf'"),
    ],
)
def test_what_cannot_be_compared_is_said_before_anything_starts(opro, own, words, message):
    done = opro("compare", "mine.yaml", *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not list(Path("runs").glob("*/run.json"))


def test_the_paired_table_is_shown_again_and_written_to_a_file(opro):
    Path("mine.py").write_text("def loss(lr, depth):\n    return lr + depth / 10\n")
    Path("mine.yaml").write_text(OWN)
    line = ("compare", "mine.yaml", "-O", "random", "-O", "tpe")
    done = opro(*line)
    assert done.exit_code == 0, done.output
    assert "next: opro report --compare --preset mine" in done.stderr
    again = opro("report", "--compare", "--preset", "mine")
    assert again.stdout == done.stdout
    assert opro(*line, "-o", "made.csv").exit_code == 0
    rows = list(csv.DictReader(Path("made.csv").read_text().splitlines()))
    paired = {row["optimizer"]: row for row in rows}["tpe"]
    assert paired["side_by_side.verdict"] in ("better", "worse", "no evidence")
    assert 0 < float(paired["side_by_side.against.signed_rank_p"]) <= 1
    assert paired["side_by_side.against.baseline"] == "random"
    for state in ("finished", "out of evaluations", "stopped"):
        assert len(opro("runs", "list", "--state", state, "--json").stdout.splitlines()) == 12
    assert opro("runs", "list", "--state", "gone").exit_code == 2


def test_a_run_that_is_done_is_shown_with_the_word_for_its_value_and_steps_that_can_come(opro):
    Path("mine.py").write_text("def loss(lr, depth):\n    return lr + depth / 10\n")
    Path("mine.yaml").write_text(OWN)
    line = ("run-baseline", "mine.yaml", "-O", "random", "--reps", "1", "--set", "sweep={}")
    budget = ("--max-evaluations", "17", "--max-steps", "14", "--display", "plain")
    first = opro(*line, *budget).stderr
    assert "step 1/2, " in first  # two steps of eight points, after one starting point
    assert "stopped after 2 steps" in first
    again = opro(*line, *budget).stderr
    assert "All runs already exist" in again
    (said,) = [text for text in again.splitlines() if "stopped after" in text]
    assert " loss " in said
    assert " value " not in said


def test_what_hands_type_by_habit_leads_on(opro):
    Path("mine.py").write_text("def loss(lr, depth):\n    return lr + depth / 10\n")
    Path("mine.yaml").write_text(OWN)
    assert "tpe" in opro("compare", "mine.yaml", "-O", "bayesian", "-O", "random").stderr
    assert "-O NAME" in opro("compare", "mine.yaml", "--baseline", "random").output
    assert opro("run-baseline", "mine.yaml", "-O", "random").exit_code == 0
    for command in ("report", "plot"):
        assert "did you mean --preset mine?" in opro(command, "mine.yaml").stderr
    assert "seconds" in opro("plot", "--axis", "time").stderr
    Path("three.yaml").write_text(OWN.replace("depth: {low", "c: {low: 0, high: 1}, depth: {low"))
    Path("mine.py").write_text("def loss(lr, depth, c):\n    return lr\n")
    Path("three.yaml").write_text(
        Path("three.yaml").read_text().replace("depth: 5", "depth: 5, c: 0")
    )
    assert opro("run-baseline", "three.yaml", "-O", "random").exit_code == 0
    drawn = opro("plot", "-p", "three", "-k", "landscape", "-o", "x.svg")
    assert "needs a problem of two numbers" in drawn.stderr
