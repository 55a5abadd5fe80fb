"""The help: on one screen, in groups, with what a shell completes; and words typed by habit."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from opro_cli.cli.app import COMMANDS, app
from opro_cli.cli.options.habits import HABITS
from tests.planning import PROBLEM, write

ROOT = typer.main.get_command(app)
EVERY = ["", "runs", "help", *COMMANDS]


def command_of(words: str):
    command = ROOT
    for word in words.split():
        command = command.commands[word]
    return command


@pytest.mark.parametrize("words", EVERY)
def test_the_help_fits_a_screen_and_leaves_no_option_out(opro, words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = opro(*words.split(), "-h")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert "…\n" not in done.stdout.replace("…\n  ", "")
    assert "Example: opro" in done.stdout
    for parameter in command_of(words).params:
        assert parameter.opts[0] in done.stdout or parameter.metavar in done.stdout
    assert opro(*words.split(), "--help").stdout == done.stdout


@pytest.mark.parametrize("words", ["run-opro", "sweep", "runs list"])
def test_all_of_it_is_explained_on_demand(opro, words):
    shown = opro("help", "--all", *words.split()).stdout
    for parameter in command_of(words).params:
        assert " ".join(parameter.help.split()) in re.sub(r"\s+", " ", shown)
    assert "\n  Also " not in shown
    assert opro("help", *words.split()).stdout == opro(*words.split(), "-h").stdout


def test_options_stand_in_groups(opro):
    shown = opro("run-opro", "-h").stdout
    places = [
        shown.index(f"\n{heading}:\n") for heading in ("Problem", "Model", "Budget", "Output")
    ]
    assert places == sorted(places)
    assert places[2] < shown.index("--max-cost") < places[3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("run", "There is no command 'run'. Type: opro run-opro"),
        ("list", "Type: opro runs list"),
        ("reprot", "Did you mean: opro report"),
        ("runs ls", "Type: opro runs list"),
        ("runs delete 2026", "Type: opro runs rm RUN"),
        ("models list", "Type: opro models"),
        ("presets ls", "Type: opro presets"),
        ("help nonsense", "There is no command 'nonsense'."),
        ("help run-opro more", "opro run-opro has no command 'more'."),
    ],
)
def test_a_word_typed_by_habit_leads_on(opro, words, said):
    done = opro(*words.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr


def test_every_habit_leads_to_a_command_that_there_is():
    for group, habits in HABITS.items():
        known = command_of("" if group == "opro" else group).commands
        for word, leads in habits.items():
            assert word not in known, word
            program, *words = leads.split()
            assert program == "opro"
            assert words[0].startswith("--") or words[0] in ROOT.commands, leads
            inner = getattr(ROOT.commands.get(words[0]), "commands", {})
            assert not inner or len(words) == 1 or words[1] in inner, leads


class TestPreset:
    def test_it_is_given_without_an_option(self, opro):
        write(PROBLEM, "mine.yaml")
        for words in (
            ("run-opro", "--model", "local"),
            ("run-sgd",),
            ("run-baseline", "-O", "sgd"),
        ):
            done = opro(*words, "mine.yaml", "--dry-run")
            assert done.stdout.startswith("mine: 1 run"), done.output
            assert opro(*words, "-p", "mine.yaml", "--dry-run").stdout == done.stdout
            assert opro(*words, "mine.yaml", "-p", "mine.yaml", "--dry-run").exit_code == 0


def completed(line: str, **env: str) -> list[str]:
    """What bash is offered at the end of a line."""
    words = line.split(" ")
    asked = {
        "_OPRO_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from opro_cli.__main__ import main; main()"],
        env={**os.environ, **asked, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split()


def test_a_shell_completes_names(tmp_path):
    run = Path("elsewhere/20261122-220312-exp1-opro-w15-b14-r1-3f9a")
    run.mkdir(parents=True)
    (run / "run.json").touch()
    for line, offered in (
        ("opro run-opro ex", "exp1"),
        ("opro sweep --model gemini-3.5", "gemini-3.5-flash-lite"),
        ("opro run-baseline -O nel", "nelder-mead"),
        ("opro report --format mark", "markdown"),
        ("opro runs list --state unf", "unfinished"),
        ("opro runs show --runs-dir elsewhere 2026", run.name),
        ("opro help run-s", "run-sgd"),
    ):
        assert offered in completed(line), line
