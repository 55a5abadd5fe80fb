"""Commands that are slightly wrong: each answer leads on."""

from __future__ import annotations

import pytest

from tests.loopback import gemini, solution
from tests.planning import PROBLEM, write


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["report", "--html"], "There is no option --html. Type: -o report.html"),
        (["plot", "--svg"], "Type: -o figure.svg"),
        (["exp1"], "There is no command 'exp1'. It is a preset. Type: opro run-opro exp1"),
        (["run-opro", "exp1", "-O", "cma-es"], "opro run-baseline PRESET --optimizer NAME"),
        (["run-opro", "exp1", "--budget=10"], "There is no option --budget. Type: --max-eval"),
        (["sweep", "exp1", "--n-trials", "10"], "Type: --max-evaluations N"),
        (["compare", "exp1", "--trials", "9"], "Type: --max-evaluations N"),
        (["check", "exp1", "--max-evaluations", "9"], "--max-evaluations N --dry-run"),
        (["run-opro", "--target", "w=15", "b=14"], "comma between them: --target w=15,b=14"),
        (["run-opro", "exp1", "--target=w=15", "b=14"], "--target w=15,b=14"),
        (["run-baseline", "exp1", "-O", "gradient-descent"], "did you mean sgd?"),
        (["run-baseline", "exp1", "-O", "xyzzy"], "the preset exp1 has sgd"),
        (["init", "my.py", "loss"], "File and function are one word. Type: opro init my.py:loss"),
        (["run-opro", "paper"], "the paper's: exp1 to exp4, tsp10 to tsp50"),
        (["run-opro", "paper"], "--strategy paper"),
        (["run-opro", "exp1", "--reps", "two"], "reps: 'two' is no whole number (as in 15)."),
        (["run-baseline", "dates"], "No optimizer is given."),
        (["run-opro", "quickstart", "--model", "gemma", "--dry-run"], "did you mean local?"),
        (
            ["run-opro", "quickstart", "--strategy", "opro", "--dry-run"],
            "it should be 'paper' or 'adaptive'; for instructions also 'reflect'",
        ),
    ],
)
def test_the_answer_leads_on(opro, typed, said):
    done = opro(*typed)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_only_optimizers_that_fit_the_preset_are_listed(opro):
    instructions = opro("run-baseline", "dates").stderr
    assert "fixed" in instructions
    assert "nelder-mead" not in instructions
    line = opro("run-baseline", "exp1", "-O", "xyzzy").stderr
    assert "nelder-mead" in line
    assert "fixed" not in line
    assert "two-opt" not in line


def test_two_given_targets_are_two_targets(opro):
    done = opro("run-sgd", "exp1", "--target", "w=15,b=14", "--target", "w=3,b=5", "--dry-run")
    assert done.exit_code == 0
    assert "w=15 b=14, w=3 b=5" in done.stdout


@pytest.fixture
def ran(opro, serve):
    """Runs of a model and of gradient descent, on one preset."""
    serve([gemini(solution(9, 9)), gemini(solution(1, 2))])
    write(PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\nbaselines: [sgd]\n")
    assert opro("sweep", "mine.yaml").exit_code == 0
    return opro


@pytest.mark.parametrize("command", [("plot",), ("report",), ("runs", "list")])
def test_a_preset_in_the_place_of_a_run(ran, command):
    done = ran(*command, "mine")
    assert done.exit_code != 0
    assert "did you mean --preset mine?" in done.stderr
    assert "--preset" not in ran("runs", "show", "mine").stderr


def test_a_step_without_a_record_is_answered_with_those_that_have_one(ran):
    (run,) = (line.split()[0] for line in ran("runs", "list", "-O", "sgd").stdout.splitlines()[1:])
    done = ran("runs", "show", run, "--step", "2")
    assert done.exit_code == 2
    assert "steps are recorded: 1, " in done.stderr
    shown = ran("runs", "show", run, "--step", "1").stdout
    assert shown.startswith("proposed by sgd\n  → (")
    assert ran("runs", "show", run, "--step", "0").stdout.startswith("starting points\n  → (")


def test_the_points_of_random_search_stand_beside_the_replies(opro, serve):
    serve([gemini(solution(9, 9))])
    write(PROBLEM + "max_steps: 1\nopro: {points_per_step: 4, strategy: adaptive}\n")
    assert opro("run-opro", "mine.yaml").exit_code == 0
    shown = opro("runs", "show", "--step", "1").stdout
    _, _, drawn = shown.partition("\nproposed by random search\n")
    assert drawn.count("\n  → (") + drawn.startswith("  → (") == 3
    assert all(" value " in line for line in drawn.splitlines())


def test_a_difference_is_told_in_the_words_of_a_preset(opro, serve):
    serve([gemini(solution(9, 9))])
    write(PROBLEM + "max_steps: 1\nopro: {points_per_step: 1}\n")
    assert opro("run-opro", "mine.yaml").exit_code == 0
    assert opro("run-opro", "mine.yaml", "--strategy", "paper").exit_code == 0
    first, second = (
        line.split()[0] for line in reversed(opro("runs", "list").stdout.splitlines()[1:])
    )
    told = opro("runs", "diff", first, second).stdout
    assert 'opro.strategy: "adaptive" → "paper"' in told
    assert "settings." not in told
    assert "result." not in told


def test_a_dry_run_of_fixed_instructions_lists_them_and_says_what_the_calls_are(opro):
    shown = opro("run-baseline", "dates", "-O", "fixed", "--dry-run").stdout
    assert "Answer with the final answer only." in shown
    assert "7 points × 20 on train + 280 on dev and test" in shown  # a start is one of the six
    assert "420 model calls" in shown
    assert "5 steps" not in shown


def test_a_line_that_a_grammar_limits_is_estimated_by_its_grammar(opro):
    shown = " ".join(opro("run-opro", "quickstart", "-m", "local", "--dry-run").stdout.split())
    assert "3 output tokens a reply; middle: until patience ends it, 7.5 tokens" in shown


def test_the_other_ending_of_a_preset_is_named(opro):
    write(PROBLEM)
    for typed in ("mine.yml", "./mine.yml"):
        done = opro("run-opro", typed)
        assert done.exit_code == 2
        assert f"did you mean {typed.replace('yml', 'yaml')}?" in done.stderr


@pytest.mark.parametrize("command", [("check",), ("run-baseline", "-O", "random")])
def test_a_start_of_a_parameter_that_is_gone_is_an_error_that_names_it(opro, command):
    write("def loss(x):\n    return x\n", "mine.py")
    write(
        "problem: {kind: custom, objective: 'mine.py:loss', parameters: {x: {low: 0, high: 1}},\n"
        "  starts: [{x: 0.5, momentum: 0.9}]}\n"
    )
    done = opro(*command, "mine.yaml")
    assert done.exit_code != 0
    assert "problem.starts has momentum, which is not in problem.parameters." in done.output
    assert "valid starting point" not in done.output
