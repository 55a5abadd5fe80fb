"""A run that failed for good is not to be tried again, and every command calls it failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import opro_cli as opro_package
from tests.planning import write

RUN = ("run-baseline", "-O", "random", "mine.yaml", "--display", "none")
SENTENCE = "No starting point has a value: returned str, not a number."


@pytest.fixture
def failed(opro) -> None:
    write("def loss(x):\n    return 'high'\n", "mine.py")
    write(
        "problem: {kind: custom, objective: 'mine.py:loss', parameters: {x: {low: 0, high: 1}}}\n"
        "max_evaluations: 8\n"
    )
    done = opro(*RUN)
    assert done.exit_code == 1
    assert f"failed (1 run): {SENTENCE}" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "mend the objective, then give the same command: it starts the failed runs again"
    )
    assert "opro resume" not in done.stderr


def test_it_is_not_resumed_and_begun_anew_once_it_is_mended(opro, failed):
    (run,) = Path("runs").glob("*/run.json")
    assert opro("resume").exit_code == 2
    named = opro("resume", run.parent.name)
    assert named.exit_code == 2
    assert "no starting point has a value; there is nothing to resume" in named.stderr
    write("def loss(x):\n    return x\n", "mine.py")
    done = opro(*RUN)
    assert done.exit_code == 0, done.stderr
    assert len(list(Path("runs").glob("*/run.json"))) == 2


def test_replay_says_failed_and_no_command_names_a_class(opro, failed):
    done = opro("replay", "runs")
    assert done.exit_code == 0, done.output
    assert "0 steps (failed)" in done.stdout
    assert json.loads(opro("replay", "runs", "--json").stdout)["state"] == "failed"
    for words in (["report"], ["runs", "show"], ["runs", "list"], ["report", "--format", "html"]):
        assert "NoValues" not in opro(*words).output
    assert SENTENCE.rstrip(".") in opro("runs", "show").stdout


def test_python_says_the_whole_sentence():
    with pytest.raises(opro_package.OproError) as caught:
        opro_package.minimize(lambda x: "high", {"x": (0.0, 1.0)}, optimizer="random", budget=8)
    assert caught.value.message.startswith("No starting point has a value: ")
