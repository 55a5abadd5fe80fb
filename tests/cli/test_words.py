"""What a person copies, reads on a small terminal, or is told before anything starts."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opro_cli.cli.console import run_command, say
from tests.loopback import Loopback, chat, error, gemini, solution
from tests.planning import PROBLEM, write

OPRO = [sys.executable, "-m", "opro_cli"]

SMALL = ("--target", "w=15,b=14", "--reps", "1", "--points-per-step", "1", "--max-steps", "2")


PAPER = (*SMALL, "--strategy", "paper")


class TestPrintedCommands:
    @pytest.mark.parametrize(
        "name",
        ["plain", "two words", "don't", "a$HOME", "a\\b", "a;b", "-rf", "a\tb", "\x1b[2J'\\"],
    )
    def test_a_command_to_go_on_with_works_when_it_is_pasted(self, name):
        server = Loopback([gemini(solution(1, 2))])
        with server.serving() as url:
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            env = {**os.environ, "GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": url, "PATH": path}
            words = ["run-opro", *PAPER, "--max-calls", "1", f"--runs-dir=./{name}"]
            paused = subprocess.run(
                [*OPRO, *words], env=env, capture_output=True, text=True, check=False
            )
            assert paused.returncode == 3, paused.stderr
            line = paused.stderr.splitlines()[-1].removeprefix("continue with: ")
            assert line.startswith("opro resume --runs-dir")
            done = subprocess.run(
                ["bash", "-c", line], env=env, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == 2

    def test_the_place_of_the_runs_is_in_every_command(self, opro, serve):
        serve([gemini("I cannot say.")])
        done = opro("run-opro", *SMALL, "--runs-dir", "my runs", "--display", "none")
        shown = [line for line in done.stderr.splitlines() if "opro " in line]
        assert len(shown) == 2
        assert all(line.endswith(" --runs-dir 'my runs'") for line in shown)

    def test_a_sweep_is_named_by_a_path_that_can_be_pasted(self, opro):
        write(PROBLEM + "sweep: {problem.num_points: [10, 20]}\n", "two words.yaml")
        done = opro("run-sgd", "-p", "./two words.yaml", "--display", "none")
        assert "opro sweep 'two words.yaml'" in done.stderr


class TestInAscii:
    def test_borders_bars_and_marks_are_ascii_where_nothing_else_can_be_shown(self):
        env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        done = subprocess.run(
            [*OPRO, "run-sgd", "-p", "exp3", "--display", "rich"],
            env=env,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        out, err = done.stdout.decode("ascii"), done.stderr.decode("ascii")
        assert "\\u" not in out
        assert "\\u" not in err
        assert "| 243943" in out
        assert "+ 2 runs ended; sgd: 2 solved" in err

    def test_other_characters_are_escaped_and_utf_8_is_left_alone(self, monkeypatch):
        for encoding, shown in (("ascii", "\\u65e5 -> - ..."), ("utf-8", "日 → – …")):
            raw = io.BytesIO()
            monkeypatch.setattr("sys.stderr", io.TextIOWrapper(raw, encoding=encoding))
            run_command(lambda: say("日 → – …") or 0)
            assert raw.getvalue().decode(encoding).strip() == shown


class TestHiddenPresets:
    def test_a_preset_of_the_folder_that_hides_a_packaged_one_is_named(self, opro):
        Path("presets").mkdir()
        Path("presets/exp1.yaml").write_text(PROBLEM)
        for words in (
            ("run-sgd", "-p", "exp1", "--display", "none"),
            ("run-opro", "-p", "exp1", "--dry-run"),
            ("sweep", "exp1", "--print-config"),
            ("presets",),
        ):
            done = opro(*words)
            assert "note: exp1 is ./presets/exp1.yaml, not the packaged preset" in done.stderr
        assert "note:" not in opro("run-sgd", "-p", "./presets/exp1.yaml", "--dry-run").stderr
        assert "note:" not in opro("run-sgd", "-p", "exp2", "--dry-run").stderr

    def test_a_link_to_the_packaged_one_and_a_name_of_ones_own_are_not(self, opro):
        from opro_cli.presets.files import folders

        Path("presets").mkdir()
        Path("presets/exp1.yaml").symlink_to(folders()[1] / "exp1.yaml")
        Path("presets/mine.yaml").write_text(PROBLEM)
        for name in ("exp1", "mine"):
            assert opro("run-sgd", "-p", name, "--dry-run").stderr == ""


class TestDryRun:
    def test_a_known_price_needs_no_key(self, opro):
        done = opro("run-opro", "--model", "gemini-3.5-flash-lite", *SMALL, "--dry-run", "--json")
        total = json.loads(done.stdout)
        assert total["total"]["cost"][1] > 0
        assert "needs an API key" in total["unavailable"][0]
        text = opro("run-opro", "--model", "gemini-3.5-flash-lite", *SMALL, "--dry-run").stdout
        assert "model calls, about $0.00" in text
        priced = ("--set", "opro.price_input=1", "--set", "opro.price_output=2")
        own = opro("run-opro", "--model", "openai:mine", *priced, *SMALL, "--dry-run").stdout
        assert "unknown" not in own

    def test_an_objective_is_not_imported(self, opro):
        Path("mine.py").write_text("open('imported', 'w')\ndef loss(x): return x\n")
        write(
            "problem: {kind: custom, objective: mine.py:loss, parameters: {x: {low: 0, high: 9}}}\n"
        )
        for option in ("--dry-run", "--print-config"):
            for command in (("run-opro", "-p"), ("run-baseline", "-O", "random", "-p"), ("sweep",)):
                assert opro(*command, "./mine.yaml", option).exit_code == 0
                assert not Path("imported").exists()


class TestReports:
    def test_a_misspelt_preset_is_said_to_have_no_run(self, opro):
        assert opro("report", "--preset", "exp3").exit_code == 0  # there are no runs at all
        opro("run-sgd", "-p", "exp3", "--display", "none")
        done = opro("report", "--preset", "ex3")
        assert done.exit_code == 2
        assert "There is no run of a preset 'ex3'" in done.stderr
        assert "did you mean exp3?" in done.stderr
        assert opro("report", "--preset", "presets/exp3.yaml").exit_code == 0

    def test_the_ending_of_the_file_is_its_format(self, opro):
        opro("run-sgd", "-p", "exp3", "--display", "none")
        for name, begins in (
            ("a.md", "#"),
            ("a.CSV", "preset,"),
            ("a.json", "["),
            ("a.txt", "exp3"),
            ("a.html", "<!DOCTYPE html>"),
        ):
            assert opro("report", "-o", name).exit_code == 0
            assert Path(name).read_text().lstrip().startswith(begins), name
        assert opro("report", "-o", "a.docx", "-f", "markdown").exit_code == 0
        done = opro("report", "-o", "b.docx")
        assert done.exit_code == 2
        assert "no format for .docx" in done.stderr
        assert not Path("b.docx").exists()


class TestGivingUp:
    def test_the_cause_and_the_setting_that_helps_are_said(self, opro, serve):
        serve([gemini(None, finish="MAX_TOKENS")])
        done = opro("run-opro", *SMALL[:-2], "--max-steps", "40", "--display", "none")
        assert done.exit_code == 1
        assert re.search(r"stopped \(1 run\): no usable reply \(\d+ times: ", done.stderr)
        assert "hint: raise opro.max_output_tokens" in done.stderr


class TestChangedPresets:
    """A run without a reply is nothing that a corrected command could lose."""

    @pytest.fixture
    def served(self, monkeypatch):
        def answer(asked):
            if asked.body["model"] != "right":
                return error(404, "NOT_FOUND", f"model {asked.body['model']} not found")
            return chat(solution(3, 3), model="right")

        with Loopback(answer).serving() as url:
            monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
            yield

    def test_a_mistyped_model_does_not_stand_in_the_way(self, opro, served):
        assert opro("run-opro", "-m", "openai:rigth", *SMALL).exit_code == 1
        done = opro("run-opro", "-m", "openai:right", *SMALL)
        assert done.exit_code == 0, done.stderr

    @pytest.mark.parametrize("other", [("--reps", "2"), ("--target", "w=3,b=4"), ("--seed", "8")])
    def test_nor_do_another_target_more_repetitions_or_another_seed(self, opro, served, other):
        words = ["run-opro", "-m", "openai:rigth", "-p", "exp1", *SMALL, "--seed", "7"]
        assert opro(*words).exit_code == 1
        words[2] = "openai:right"
        option, value = other
        words[words.index(option) + 1] = value
        done = opro(*words)
        assert done.exit_code == 0, done.stderr

    def test_more_repetitions_resume_the_runs_that_are_there(self, opro, served):
        words = ["run-opro", "-m", "openai:right", "-p", "exp1", *SMALL]
        assert opro(*words, "--max-calls", "1").exit_code == 3
        words[words.index("--reps") + 1] = "2"
        done = opro(*words)
        assert done.exit_code == 0, done.stderr
        assert len(list(Path("runs").glob("*/run.json"))) == 2

    def test_a_run_with_replies_is_not_left_behind(self, opro, served):
        write(PROBLEM + "opro: {temperature: 1.0, points_per_step: 1}\nmax_steps: 2\n")
        words = ("run-opro", "-m", "openai:right", "-p", "./mine.yaml", "--display", "none")
        assert opro(*words, "--max-calls", "1").exit_code == 3
        write(PROBLEM + "opro: {temperature: 0.5, points_per_step: 1}\nmax_steps: 2\n")
        done = opro(*words)
        assert done.exit_code == 2
        assert "opro.temperature was 1.0 and is 0.5" in done.stderr


class TestWrongCommands:
    """Each message names what is wrong and a way out, in one or two sentences."""

    @pytest.fixture(autouse=True)
    def _folder(self):
        Path("folder").mkdir()
        Path("obj.py").write_text("def loss(x):\n    return x\n")
        write(PROBLEM, "lin.yaml")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("run-opro lin.yaml -p exp1", "Two presets are given: lin.yaml and exp1."),
            ("run-baseline lin.yaml", "No optimizer is given."),
            ("run-baseline lin.yaml", "as in -O NAME; optimizers for lin.yaml: opro, sgd, random,"),
            ("run-baseline -O random cma-es", "cma-es is an optimizer, not a preset."),
            ("run-opro -p folder", "folder is no preset: a preset is a file whose name ends in"),
            ("run-opro -p obj.py", "opro init obj.py writes a preset for it"),
            ("run-opro -p obj.py:loss", "obj.py:loss is a function, and no preset."),
            ("run-opro lin", "did you mean lin.yaml?"),
            ("run-opro -p ./folder", "folder: is a directory."),
            ("run-opro -p lin.yaml --model locl", "did you mean local?"),
            ("run-opro -p lin.yaml --model ./a.gguf", "did you mean local:./a.gguf?"),
            ("run-opro -p lin.yaml --model gpt", "models: auto, local"),
            (
                "run-opro -p lin.yaml --objective obj.py:loss",
                "--objective is for problems of kind custom",
            ),
            ("run-opro -p lin.yaml --set problem.bonds=3", "did you mean problem.bounds?"),
            ("run-baseline -O two-opt -p lin.yaml", "choose another optimizer, or leave two-opt"),
            ("run-baseline -O random -p lin.yaml --runs-dir obj.py", "obj.py is not a directory."),
            ("report --runs-dir obj.py", "The runs directory obj.py is not a directory."),
            ("runs list --runs-dir obj.py", "The runs directory obj.py is not a directory."),
            ("report -f pdf", "formats: table, markdown, csv, json"),
            ("report -o folder", "--output folder is a directory."),
        ],
    )
    def test_a_wrong_command_is_answered(self, opro, words, said):
        done = opro(*words.split())
        assert done.exit_code == 2
        assert said in done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr

    def test_a_cap_that_is_none_is_answered(self, opro, serve):
        serve([gemini(solution(1, 2))])
        assert opro("run-opro", *PAPER, "--max-calls", "1", "--display", "none").exit_code == 3
        for cap, said in (
            ("0", "--max-calls 0: it should be greater than 0."),
            ("x", "--max-calls: 'x' is no"),
        ):
            done = opro("resume", "--max-calls", cap)
            assert done.exit_code == 2
            assert f"error: {said}" in done.stderr
            assert "alue error" not in done.stderr
