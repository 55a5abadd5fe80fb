"""An objective that has changed: which runs are of which version, and how each is chosen."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PRESET = """
problem:
  kind: custom
  objective: mine.py:err
  parameters: {x: {low: 0, high: 1}}
  num_starts: 1
  value: err
max_steps: 1
"""
RUN = ("run-baseline", "mine.yaml", "-O", "random", "-O", "tpe")


@pytest.fixture
def changed(opro) -> list[str]:
    """Two runs of an earlier objective, then two of the one that is there; the ids, by version."""
    Path("mine.yaml").write_text(PRESET)
    for power in (2, 4):
        Path("mine.py").write_text(f"def err(x):\n    return x**{power}\n")
        assert opro(*RUN).exit_code == 0
    listed = map(json.loads, opro("runs", "list", "--json").stdout.splitlines())
    return [facts["run"] for facts in reversed(list(listed))]


def test_the_list_shows_the_versions_and_which_is_there(opro, changed):
    lines = opro("runs", "list").stdout.splitlines()
    assert lines[0].split()[-1] == "version"
    assert [line.endswith("(now)") for line in lines[1:]] == [True, True, False, False]
    hashes = [re.findall(r"[0-9a-f]{12}", line)[-1] for line in lines[1:]]
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]


def test_one_version_needs_no_column(opro):
    Path("mine.yaml").write_text(PRESET)
    Path("mine.py").write_text("def err(x):\n    return x\n")
    opro(*RUN)
    assert "version" not in opro("runs", "list").stdout
    assert "as it is now" not in opro("report").stdout


def test_the_difference_names_the_objective(opro, changed):
    said = opro("runs", "diff", changed[0], changed[2]).stdout
    assert re.search(r"^objective: [0-9a-f]{12} → [0-9a-f]{12}$", said, re.MULTILINE)
    same = opro("runs", "diff", changed[2], changed[2])
    assert "objective" not in same.stdout


@pytest.mark.parametrize("words", [(), ("--compare",), ("--format", "markdown")])
def test_the_report_says_which_version_a_table_is_of_and_when_it_was_run(opro, changed, words):
    said = re.sub(r"\s+", " ", opro("report", *words).stdout)
    for state in ("an earlier version", "as it is now"):
        assert re.search(rf"objective [0-9a-f]{{12}}, {state}; run \d{{4}}-\d\d-\d\d \d\d:", said)
    Path("mine.py").unlink()  # then nobody can say
    said = re.sub(r"\s+", " ", opro("report", *words).stdout)
    assert re.search(r"objective [0-9a-f]{12}; run ", said)


def test_tables_that_differ_in_a_setting_of_the_problem_say_in_which(opro, changed):
    assert opro(*RUN, "--set", "problem.description=trains well").exit_code == 0
    said = re.sub(r"\s+", " ", opro("report").stdout)
    assert "as it is now; description trains well; run" in said
    assert "as it is now; description (empty); run" in said
    assert re.search(r"Best err on mine \(objective \w+; description trains well\)", said)


def test_a_figure_is_of_the_version_that_is_there_and_ids_choose_the_other(opro, changed):
    done = opro("plot", "-p", "mine", "-o", "fig.svg")
    assert done.exit_code == 0, done.output
    assert "drawn: mine with objective" in done.stderr
    assert "as it is now" in done.stderr.partition("not drawn")[0]
    assert f"opro plot {' '.join(changed[:2])}" in done.stderr
    assert opro("plot", *changed[:2], "-o", "other.svg").exit_code == 0
    assert Path("fig.svg").read_text() != Path("other.svg").read_text()
    both = opro("plot", *changed, "-o", "both.svg")
    assert both.exit_code == 2
    titles = re.findall(r"mine \(objective ([0-9a-f]{12})\): best err", both.stderr)
    assert len(set(titles)) == 2
