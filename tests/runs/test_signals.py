"""Signals: one that was ignored stays ignored; the first waits for what is in flight."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opro_cli.runs.lock import store_lock
from tests.chains import by_prompt, only_run, open_events

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

OPRO = [sys.executable, "-m", "opro_cli"]
RUN = [
    *("run-opro", "-p", "exp1", "--target", "w=15,b=14", "--reps", "1"),
    *("--points-per-step", "2", "--max-steps", "4"),
]
STEPS = [*RUN, "--strategy", "paper", "--display", "none"]


def wait_for(done, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)


def count(kind: str) -> int:
    return sum(p.read_text().count(f'"type": "{kind}"') for p in Path("runs").glob("*/*.jsonl"))


@pytest.mark.parametrize("name", ["SIGHUP", "SIGINT"])
def test_a_signal_that_was_ignored_at_the_beginning_stays_ignored(serve, name):
    def slow(asked):
        answer = by_prompt(asked)
        answer.delay = 0.2
        return answer

    serve(slow)
    number = getattr(signal, name)
    code = (
        "import os, signal, sys; signal.signal(int(sys.argv[1]), signal.SIG_IGN); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    command = [sys.executable, "-c", code, str(int(number)), *OPRO[1:], *STEPS]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_for(lambda: count("stepped"))
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert count("stepped") == 4


def test_the_first_signal_says_how_long_it_waits(serve):
    def slow(asked):
        answer = by_prompt(asked)
        answer.delay = 1.0
        return answer

    server = serve(slow)
    command = [*OPRO, *RUN, "--display", "plain", "--set", "limits.timeout=55"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    wait_for(lambda: server.asked)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Finishing what is in flight (at most 1m00s); Ctrl-C again leaves at once." in said


def test_an_evaluation_in_flight_is_finished_and_no_other_is_begun():
    Path("loss.py").write_text(
        "import time\ndef loss(x):\n    open('begun', 'a').write('.')\n    time.sleep(1.5)\n"
        "    return x\n"
    )
    Path("mine.yaml").write_text(
        "problem: {kind: custom, objective: loss.py:loss, num_starts: 8, timeout: null,\n"
        "          workers: 2, parameters: {x: {low: 0, high: 9}}}\n"
    )
    words = ["run-baseline", "-O", "random", "-p", "./mine.yaml", "--display", "plain"]
    process = subprocess.Popen(
        [*OPRO, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    wait_for(lambda: Path("begun").exists() and len(Path("begun").read_text()) == 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Finishing what is in flight, however long it takes" in said
    assert Path("begun").read_text() == ".."
    values = [event["value"] for event in open_events(only_run()) if event["type"] == "evaluated"]
    assert len(values) == 2


def test_waiting_for_another_command_is_said_and_ends_with_a_signal(tmp_path):
    async def interrupted() -> int:
        async with store_lock(tmp_path, print):
            command = [*OPRO, "run-sgd", "-p", "exp1", "--runs-dir", str(tmp_path)]
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            assert process.stderr is not None
            assert any("Waiting for another command" in line for line in process.stderr)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        return process.returncode

    assert asyncio.run(interrupted()) == 130
