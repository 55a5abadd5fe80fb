"""What ``opro runs`` says of runs: which there are, and where their settings come from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.loopback import gemini, solution
from tests.planning import PROBLEM, write

SWEPT = (
    PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\n" + "sweep: {opro.max_num_pairs: [5, 6]}\n"
)


def settings(text: str) -> dict[str, tuple[str, str]]:
    """The settings that ``runs show`` prints: value and source by key."""
    found = {}
    for line in text.partition("\nsettings\n")[2].partition("\n\n")[0].splitlines():
        key, _, rest = line.strip().partition(": ")
        value, _, source = rest.partition("  # ")
        found[key] = value, source
    return found


class TestShow:
    def test_every_setting_has_its_true_source(self, opro, serve):
        serve([gemini(solution(9, 9))])
        write(SWEPT, "swept.yaml")
        done = opro("sweep", "swept.yaml", "--seed", "7", "--set", "opro.show=best")
        assert done.exit_code == 0, done.output
        told = settings(opro("runs", "show", "latest").stdout)
        assert told["settings.max_num_pairs"] == ("6", "swept.yaml, sweep")
        assert told["settings.points_per_step"] == ("1", "swept.yaml")
        assert told["settings.show"] == ('"best"', "--set opro.show")
        assert told["settings.metaprompt"] == ('"instruct"', 'resolved from "auto" (default)')
        assert told["settings.fill"] == ("true", "resolved from null (default)")
        assert told["settings.candidates_per_call"][1] == "default"
        assert told["target.w"] == ("1", "swept.yaml")
        assert told["per_step"] == ("1", "swept.yaml")
        assert told["seed"] == ("7", "--seed")
        assert told["patience"] == ("null", "default")
        for identity in ("preset", "optimizer", "repetition", "axes.opro.max_num_pairs"):
            assert told[identity][1] == ""

    def test_the_folder_of_an_objective_is_the_presets_and_unknown_sources_are_said(self, opro):
        write("def loss(x):\n    return x * x\n", "mine.py")
        custom = "kind: custom, objective: 'mine.py:loss', parameters: {x: {low: -1, high: 1}}"
        write(f"problem: {{{custom}}}\nmax_evaluations: 8\n")
        assert opro("run-baseline", "-O", "random", "-p", "mine.yaml").exit_code == 0
        told = settings(opro("runs", "show", "latest").stdout)
        assert told["problem.folder"][1] == "the preset's folder"
        assert told["problem.num_starts"] == ("5", "default")


class TestList:
    @pytest.fixture(autouse=True)
    def _runs(self, opro):
        write(PROBLEM + "max_evaluations: 8\n")
        assert opro("run-baseline", "-O", "random", "-p", "mine.yaml").exit_code == 0

    @pytest.mark.parametrize("command", [("runs", "list"), ("runs", "list", "--json"), ("report",)])
    def test_a_preset_without_runs_is_answered_with_those_that_have_some(self, opro, command):
        done = opro(*command, "--preset", "TYPO")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "There is no run of a preset 'TYPO'." in done.stderr
        assert "presets of the runs: mine" in done.stderr
        assert "did you mean mine?" in opro(*command, "--preset", "mien").stderr

    def test_a_preset_may_be_named_by_its_file(self, opro):
        done = opro("runs", "list", "--json", "--preset", "mine.yaml")
        assert json.loads(done.stdout)["preset"] == "mine"

    @pytest.mark.parametrize("command", ["list", "show"])
    def test_the_best_point_has_its_names_in_json(self, opro, command):
        best = json.loads(opro("runs", command, "--json").stdout)["best"]
        assert list(best["parameters"]) == ["w", "b"]
        assert list(best["parameters"].values()) == best["point"]

    def test_a_state_that_no_run_has_is_said(self, opro):
        done = opro("runs", "list", "--state", "failed")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "No run in runs matches --state failed." in done.stderr


class TestShort:
    """What is listed on a narrow screen, and found again by what is listed."""

    def test_the_list_fits_80_columns_and_an_end_names_a_run(self, opro, serve, monkeypatch):
        serve([gemini(solution(9, 9))])
        write(PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\n")
        assert opro("run-opro", "mine.yaml").exit_code == 0
        monkeypatch.setattr("opro_cli.cli.runs.listing.width", lambda: 80)
        heading, line = opro("runs", "list").stdout.splitlines()
        assert len(line) <= 80
        assert heading.split()[0] == "run"
        short = line.split()[0]
        assert len(short) == 4
        (run,) = (path.parent.name for path in Path("runs").glob("*/run.json"))
        assert run.endswith(short)
        assert opro("runs", "show", short).stdout.splitlines()[0] == run

    def test_the_list_is_filtered_by_optimizer_model_and_state(self, opro, serve):
        serve([gemini(solution(9, 9))])
        write(PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\nbaselines: [sgd]\n")
        assert opro("sweep", "mine.yaml").exit_code == 0

        def listed(*words: str) -> list[str]:
            done = opro("runs", "list", "--json", *words)
            return [json.loads(line)["optimizer"] for line in done.stdout.splitlines()]

        assert sorted(listed()) == ["opro", "sgd"]
        assert listed("--optimizer", "sgd") == ["sgd"]
        assert listed("--model", "gemini-3.5-flash-lite") == ["opro"]
        assert listed("--status", "converged") == ["sgd"]
        assert listed("-O", "sgd", "--state", "stopped") == []
        done = opro("runs", "list", "-O", "sgd", "--model", "local")
        assert "No run in runs matches --optimizer sgd --model local." in done.stderr
        assert "did you mean sgd?" in opro("runs", "list", "-O", "sdg").stderr

    def test_without_a_run_the_last_one_of_a_model_is_shown_result_first(self, opro, serve):
        assert "There are no runs in runs." in opro("runs", "show").stderr
        serve([gemini(solution(1, 2))])
        write(PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\nbaselines: [sgd]\n")
        assert opro("run-opro", "mine.yaml").exit_code == 0
        assert opro("run-sgd", "mine.yaml").exit_code == 0
        name, found, *rest = opro("runs", "show").stdout.splitlines()
        assert "-opro-" in name
        assert found == "found     w = 1, b = 2"
        assert rest[1].startswith("state     solved after 1 step in ")
        assert rest[2].endswith(", 1 call, 125 tokens")

    def test_a_sweep_says_first_what_it_runs(self, opro, serve):
        serve([gemini(solution(1, 2))])
        write(PROBLEM + "max_steps: 2\nopro: {points_per_step: 1}\nbaselines: [sgd]\n")
        assert opro("run-sgd", "mine.yaml").exit_code == 0
        said = opro("sweep", "mine.yaml").stderr.splitlines()
        began = said.index("plan: 1 run of mine (1 of 2 are done already)")
        assert said[began + 1] == "  opro with gemini-3.5-flash-lite: 1 run, at most 2 steps"
        assert said[began + 2].startswith("  about 3 (2 to 4) model calls, about $0.0")
        assert "plan:" not in opro("sweep", "mine.yaml").stderr


def test_looking_at_a_run_executes_nothing_that_it_names(opro):
    mark = "from pathlib import Path\nPath('ran').touch()\n"
    write(mark + "def loss(x):\n    return x * x\n", "mine.py")
    custom = "kind: custom, objective: 'mine.py:loss', parameters: {x: {low: -1, high: 1}}"
    write(f"problem: {{{custom}}}\nmax_evaluations: 8\nreps: 2\n")
    assert opro("run-baseline", "-O", "random", "-p", "mine.yaml").exit_code == 0
    ran = Path("ran")
    ran.unlink()  # made by the run itself
    first, second = sorted(path.name for path in Path("runs").glob("2*"))
    looks = [
        ("runs", "list"),
        ("runs", "show", first),
        ("runs", "show", first, "--step", "1"),
        ("runs", "diff", first, second),
        ("report",),
        ("report", "-f", "json", "--baseline", "random"),
        ("replay", "runs"),
    ]
    for words in looks:
        assert opro(*words).exit_code == 0, words
        assert not ran.exists(), words


@pytest.mark.model
def test_the_order_in_which_a_local_model_was_shown_the_inputs_is_the_one_that_is_said(opro):
    opro("run-opro", "quickstart", "--target", "w=17,b=17", "--max-steps", "2")
    orders = []
    for step in ("1", "2"):
        shown = opro("runs", "show", "latest", "--step", step).stdout
        orders += re.findall(r"written as \((\w), (\w)\)", shown)
        first, *_ = orders[-1]
        replies = re.findall(r"\|  (-?\d+) (-?\d+)\n.*→ \w[\w ]* \((-?\d+), (-?\d+)\)", shown)
        assert replies
        for *written, w, b in replies:
            assert written == ([w, b] if first == "w" else [b, w])
    assert {first for first, _ in orders} == {"w", "b"}
