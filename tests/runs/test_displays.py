"""An error of a display ends no run: what is paid is kept, then the command fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from opro_cli.core.errors import OutputError
from opro_cli.core.events import Stopped
from opro_cli.presets.resolve import resolve
from opro_cli.runs.progress import Display, Displays, RunView
from tests.chains import by_prompt

TARGETS = resolve("exp1").base.problem.targets
RUN = ("run-opro", "--preset", "exp1", "--points-per-step", "2", "--strategy", "paper")
SMALL = (*RUN, "--max-steps", "2", "--reps", "1", "--display", "none")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_behind_the_data_loses_no_reply(opro, serve):
    def slow(asked):
        answer = by_prompt(asked)
        answer.delay = 0.05 if len(server.asked) < 5 else 0.5
        return answer

    server = serve(slow)
    command = [sys.executable, "-m", "opro_cli", *SMALL, "--json", "--set", "limits.concurrency=8"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "The output cannot be written: No space left on device." in done.stderr
    logs = "".join(path.read_text() for path in Path("runs").glob("*/events.jsonl"))
    assert logs.count('"type": "replied"') == len(server.asked)
    assert '"type": "failed"' not in logs
    unfinished = len(TARGETS) - logs.count('"type": "stopped"')  # none on a very slow machine
    done = opro("resume", "--display", "none")
    assert done.exit_code == (0 if unfinished else 2), done.output


def test_the_first_error_is_remembered_and_told_and_the_others_are_shown(tmp_path):
    shown: list[str] = []

    class Broken(Display):
        def event(self, run, event):
            raise OutputError(f"no {len(told)}")

    class Good(Display):
        def event(self, run, event):
            shown.append("event")

    told: list[OutputError] = []
    displays = Displays([Broken(), Good()], told.append)
    view = RunView("a", None)  # type: ignore[arg-type]
    for _ in range(3):
        displays.event(view, Stopped(1, "max_steps"))
    assert shown == ["event"] * 3
    assert [error.message for error in told] == ["no 0"]
    assert displays.error is told[0]
