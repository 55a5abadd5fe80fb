"""One command writes a run, whatever lies in the directory of locks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from opro_cli.core.errors import RunLocked
from opro_cli.runs.lock import WRITER, WriterLock, store_lock, writer_of
from opro_cli.runs.provenance import process
from opro_cli.runs.store import EVENTS_FILE
from tests.chains import by_prompt, locks, only_run

OPRO = [sys.executable, "-m", "opro_cli"]
SMALL = ("exp1", "--target", "w=15,b=14", "--points-per-step", "3", "--display", "none")
RUN = ("run-opro", "--preset", *SMALL, "--reps", "1")


def test_a_second_writer_is_refused_and_a_dead_ones_lock_is_taken_over(opro, serve):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "2", "--max-calls", "3")
    path = only_run()
    assert locks() == set()
    other = WriterLock(path.parent)  # this process is the other one
    other.claim(path, process())
    log = (path / EVENTS_FILE).read_bytes()
    for words in (("resume", "--max-calls", "99"), (*RUN, "--max-steps", "2")):
        done = opro(*words)
        assert done.exit_code == 2
        assert f"process {os.getpid()} on" in done.stderr
    assert (path / EVENTS_FILE).read_bytes() == log
    assert json.loads((path / WRITER).read_text())["session"] == other.session
    assert opro("runs", "list", "--state", "running").stdout.count(path.name) == 1
    other.release(path)
    other.close()
    assert opro("runs", "list", "--state", "running").stdout == ""
    dead = killed_writer(path)
    assert (path / WRITER).exists()
    assert locks() == {f"{dead}.lock"}
    assert opro("runs", "list", "--state", "running").stdout == ""
    assert opro("resume", "--max-calls", "99", "--display", "none").exit_code == 0
    assert not (path / WRITER).exists()
    assert locks() == set()


def killed_writer(path: Path) -> str:
    """The session of a process that claimed a run and was killed."""
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from opro_cli.runs.lock import WriterLock\n"
        "from opro_cli.runs.provenance import process\n"
        "path = Path(sys.argv[1]); lock = WriterLock(path.parent); lock.claim(path, process())\n"
        "print(lock.session, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    return done.stdout.strip()


def test_a_finished_run_is_no_obstacle_while_another_command_makes_it_again(opro, serve):
    serve(by_prompt)
    opro(*RUN, "--max-steps", "1")
    finished = only_run()
    opro(*RUN, "--max-steps", "1", "--fresh", "--max-calls", "2")
    (second,) = {p.parent for p in Path("runs").glob("*/run.json")} - {finished}
    other = WriterLock(second.parent)
    other.claim(second, process())
    done = opro(*RUN, "--max-steps", "1")
    assert done.exit_code == 0, done.stderr
    assert "All runs already exist" in done.stderr
    other.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "[" * 100_000,
        '{"pid": "x"}',
        '{"pid": 1, "host": "else", "began": "1"}',  # of an older version
        '{"session": 5}',
        '{"session": ""}',
        '{"session": "../store"}',
        '{"session": "store"}',
        '{"session": "0123456789abcdef"}',  # a command that has ended
    ],
)
def test_a_lock_file_of_any_content_is_no_trap(tmp_path, text):
    run = tmp_path / "run"
    run.mkdir()
    (run / WRITER).write_text(text)
    assert writer_of(run) is None
    lock = WriterLock(tmp_path)
    lock.claim(run, process())
    assert writer_of(run)["session"] == lock.session
    lock.release(run)
    assert not (run / WRITER).exists()
    lock.release(run)
    lock.close()
    lock.close()
    assert locks(tmp_path) == set()


def test_a_claim_of_another_command_is_never_given_back(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    first, second = WriterLock(tmp_path), WriterLock(tmp_path)
    first.claim(run, {})
    with pytest.raises(RunLocked):
        second.claim(run, {})
    second.release(run)
    assert writer_of(run)["session"] == first.session
    first.claim(run, {})  # its own claim is none against itself
    first.close()
    assert writer_of(run) is None
    second.claim(run, {})
    first.release(run)
    assert writer_of(run)["session"] == second.session
    second.close()


def test_a_run_named_as_locked_by_a_link_is_no_trap(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "precious").write_text("mine")
    (run / WRITER).symlink_to(tmp_path / "precious")
    lock = WriterLock(tmp_path)
    lock.claim(run, {})
    lock.release(run)
    lock.close()
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("session", ["x" * 9000, "../../precious", "", "a\n", "link", 5, None])
def test_a_forged_claim_is_none_and_touches_nothing(tmp_path, session):
    root = tmp_path / "runs"
    (root / "run").mkdir(parents=True)
    (root / ".locks").mkdir()
    (tmp_path / "precious.lock").write_text("mine")
    (root / ".locks" / "link.lock").symlink_to(tmp_path / "precious.lock")
    (root / "run" / WRITER).write_text(json.dumps({"session": session}))
    assert writer_of(root / "run") is None
    assert (tmp_path / "precious.lock").read_text() == "mine"


def test_one_command_at_a_time_looks_for_runs_and_the_other_is_told(tmp_path):
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from opro_cli.runs.lock import store_lock\n"
        "async def hold():\n"
        "    async with store_lock(Path(sys.argv[1]), print):\n"
        "        print('held', flush=True); sys.stdin.read()\n"
        "asyncio.run(hold())\n"
    )
    command = [sys.executable, "-c", code, tmp_path]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    said: list[str] = []
    timer = threading.Timer(2.0, other.stdin.close)
    timer.start()

    async def take() -> float:
        began = time.monotonic()
        async with store_lock(tmp_path, said.append):
            return time.monotonic() - began

    assert asyncio.run(take()) > 1.5
    timer.join()
    other.wait()
    other.stdout.close()
    assert len(said) == 1
    assert "Waiting for another command" in said[0]
    asyncio.run(take())
    assert len(said) == 1
