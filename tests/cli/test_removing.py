"""``opro runs rm``: what it removes, what it asks, and what stays."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from opro_cli.runs.lock import WriterLock
from tests.planning import PROBLEM, write


@pytest.fixture
def runs(opro) -> list[Path]:
    """Two finished runs, by name."""
    write(PROBLEM + "max_evaluations: 8\nreps: 2\n")
    assert opro("run-baseline", "-O", "random", "mine.yaml").exit_code == 0
    return sorted(path.parent for path in Path("runs").glob("*/run.json"))


def test_it_removes_and_says_what(opro, runs):
    first, second = runs
    done = opro("runs", "rm", first.name, "--yes")
    assert (done.exit_code, done.stdout) == (0, f"removed {first}\n")
    assert not first.exists()
    assert second.exists()
    done = opro("runs", "rm", second.name[-6:], "--yes", "--json")
    assert json.loads(done.stdout) == {"removed": second.name}
    assert opro("runs", "list").stdout == ""


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 2)])
def test_it_asks_first(runs, answer, left):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "opro_cli", "runs", "rm", runs[0].name[:15]]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    os.write(ours, f"{answer}\n".encode())
    _, said = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "Remove 2 runs for good?" in said
    assert all(str(run) in said for run in runs)
    assert sum(run.exists() for run in runs) == left


def test_where_nobody_can_be_asked_nothing_is_removed(opro, runs):
    done = opro("runs", "rm", runs[0].name)
    assert done.exit_code == 2
    assert "hint: add --yes" in done.stderr
    assert runs[0].exists()


def test_a_run_that_is_being_written_stays(opro, runs):
    first, second = runs
    lock = WriterLock(Path("runs"))
    lock.claim(first, {"pid": 7, "host": "here"})
    done = opro("runs", "rm", first.name, second.name, "--yes")
    lock.close()
    assert done.exit_code == 1
    assert "is being written by process 7 on here" in done.stderr
    assert (first / "events.jsonl").exists()
    assert not second.exists()
    assert opro("runs", "rm", first.name, "--yes").exit_code == 0


def test_no_link_is_followed(opro, runs):
    precious = Path("precious")
    precious.mkdir()
    (precious / "run.json").write_bytes((runs[0] / "run.json").read_bytes())
    link = Path("runs/30000101-000000-link")
    link.symlink_to(precious.resolve(), target_is_directory=True)
    (runs[0] / "inner").symlink_to(precious.resolve(), target_is_directory=True)
    done = opro("runs", "rm", "30000101", runs[0].name, "--yes")
    assert done.exit_code == 1
    assert "is a link, which is not followed" in done.stderr
    assert link.is_symlink()
    assert (precious / "run.json").exists()
    assert not runs[0].exists()


def test_only_runs_are_removed_and_damaged_ones_are(opro, runs):
    other = Path("runs/notes")
    other.mkdir()
    done = opro("runs", "rm", "notes", "--yes")
    assert done.exit_code == 2
    assert other.is_dir()
    (runs[0] / "run.json").write_text("damaged")
    assert opro("runs", "rm", runs[0].name, "--yes").exit_code == 0
    assert not runs[0].exists()


def test_the_filters_of_the_list_name_the_runs_to_remove(opro):
    for name in ("random", "tpe"):
        assert opro("run-baseline", "exp1", "-O", name, "--target", "w=15,b=14",
                    "--set", "max_steps=2").exit_code == 0  # fmt: skip
    assert opro("runs", "rm", "--yes").exit_code == 2
    assert opro("runs", "rm", "-O", "tpe", "--state", "failed", "--yes").exit_code == 2
    assert opro("runs", "rm", "-O", "tpe").exit_code == 2  # nobody to ask
    done = opro("runs", "rm", "-O", "tpe", "-p", "exp1", "--state", "finished", "--yes")
    assert done.exit_code == 0, done.output
    left = {path.name.split("-")[3] for path in Path("runs").glob("2*")}
    assert left == {"random"}
