"""The files of a runs directory on machines as they are: few handles, a home, an id taken twice."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from datetime import datetime
from pathlib import Path

import pytest

from opro_cli.core.errors import RunsError
from opro_cli.presets.environment import Environment
from opro_cli.runs import store
from opro_cli.runs.checks import replay
from opro_cli.runs.store import EVENTS_FILE, RunStore, runs_directory
from tests.chains import by_prompt, only_run, open_events

SGD = ("run-sgd", "-p", "exp1", "--target", "w=15,b=14", "--display", "none", "--fresh")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_a_paid_reply_is_kept_where_no_handle_is_free(opro, serve):
    def slow(asked):
        answer = by_prompt(asked)
        answer.delay = 0.3
        return answer

    server = serve(slow)
    words = "run-opro -p exp1 --target w=15,b=14 --reps 1 --max-steps 1 --points-per-step 80"
    code = textwrap.dedent(
        f"""
        import resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        sys.argv = ["opro", *{words!r}.split(), "--concurrency", "80", "--display", "none"]
        from opro_cli.__main__ import main
        main()
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    kept = [event for event in open_events(only_run()) if event["type"] == "replied"]
    assert len(kept) == len(server.asked)
    assert done.returncode in (0, 1)
    assert "this is a bug" not in done.stderr
    opro("resume", "--display", "none")
    assert len(server.asked) == 80  # each was bought once


def test_a_handle_in_reserve_is_taken_and_filled_again(tmp_path):
    code = textwrap.dedent(
        """
        import os, resource, sys
        from pathlib import Path
        from opro_cli.runs.disk import files
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        files.reserve_handles()
        taken = []
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        path = Path(sys.argv[1])
        for _ in range(20):
            files.append_bytes(path, b"a line")
        files.sync_file(path)
        files.write_whole(path.with_name("whole"), "text")
        assert files.read_whole(path) == b"a line" * 20
        """
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "log"], check=True)


def test_an_id_that_is_taken_is_never_deleted(opro, monkeypatch):
    class Fixed(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 11, 25, 12, tzinfo=tz)

    monkeypatch.setattr(store, "datetime", Fixed)
    monkeypatch.setattr(store.secrets, "token_hex", lambda count=8: "ab" * count)
    sessions = iter(range(9))
    monkeypatch.setattr(
        "opro_cli.runs.lock.secrets", type("", (), {"token_hex": lambda n: f"s{next(sessions)}"})
    )
    opro(*SGD)
    before = (only_run() / EVENTS_FILE).read_bytes()
    name = only_run().name
    assert opro(*SGD).exit_code == 0
    assert (Path("runs") / name / EVENTS_FILE).read_bytes() == before
    runs, damaged = RunStore(Path("runs")).all()
    assert (len(runs), damaged) == (2, [])
    assert len(RunStore(Path("runs")).of(runs[0].spec())[0]) == 2  # found by its hash


def test_a_tilde_is_the_home(opro, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    Path(".env").write_text("OPRO_RUNS_DIR=~/mine\n")
    assert opro(*SGD).exit_code == 0
    assert opro(*SGD, "--runs-dir=~/yours").exit_code == 0
    assert {p.name for p in (tmp_path / "home").iterdir()} == {"mine", "yours"}
    assert not Path("~").exists()
    assert opro("report", "--output=~/report.txt").exit_code == 0
    assert (tmp_path / "home" / "report.txt").exists()
    with pytest.raises(RunsError, match="no such home directory"):
        runs_directory(Path("~nobody-of-this-name/runs"), Environment())


def test_without_shared_memory_a_replay_takes_one_process(opro, monkeypatch):
    opro(*SGD)
    monkeypatch.setattr(replay, "FEW", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    def missing(*args, **kwargs):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", missing)
    done = opro("replay", "runs", "runs")
    assert done.exit_code == 0, done.output
    assert "2 of 2 runs recomputed identically." in done.stderr


def test_a_runs_directory_that_cannot_be_listed_is_a_sentence(opro, monkeypatch):
    opro(*SGD)

    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    for words in (("runs", "list"), ("report",)):
        done = opro(*words)
        assert done.exit_code == 2
        assert "cannot be read: Permission denied." in done.stderr
