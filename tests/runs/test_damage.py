"""Full disks, torn and damaged logs, strangers' files, two commands at once: what was written stays
readable, every fault is a sentence, and afterwards the run is resumed."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from opro_cli.core.errors import RunsError
from opro_cli.runs.store import EVENTS_FILE, RUN_FILE, RunStore, open_run
from tests.chains import by_prompt, comparable, only_run

OPRO = [sys.executable, "-m", "opro_cli"]
RUN = ("run-opro", "--preset", "exp1", "--target", "w=15,b=14", "--reps", "1")
SMALL = (*RUN, "--points-per-step", "2", "--max-steps", "2", "--display", "plain")


class Faults:
    """Makes the n-th change of this process on the disk fail: a write half done, all others not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = self.count = 0
        self.number = errno.ENOSPC
        faults, real_open = self, builtins.open

        class File(io.FileIO):
            def write(self, data):  # type: ignore[no-untyped-def]
                if faults.due():
                    super().write(bytes(data)[: len(data) // 2])
                    raise faults.error()
                return super().write(data)

        def opened(file, mode="r", *args, **kwargs):  # type: ignore[no-untyped-def]
            if isinstance(file, int) and mode == "w":
                return io.TextIOWrapper(io.BufferedWriter(File(file, "w")), **kwargs)
            return real_open(file, mode, *args, **kwargs)

        def written(handle, data, real=os.write):  # type: ignore[no-untyped-def]
            if stat.S_ISREG(os.fstat(handle).st_mode) and faults.due():
                real(handle, bytes(data)[: len(data) // 2])
                raise faults.error()
            return real(handle, data)

        def failing(name: str, concerns: Callable[..., object] = lambda *args: True) -> None:
            real = getattr(os, name)

            def call(*args, **kwargs):  # type: ignore[no-untyped-def]
                if concerns(*args) and faults.due():
                    raise faults.error()
                return real(*args, **kwargs)

            monkeypatch.setattr(os, name, call)

        monkeypatch.setattr(builtins, "open", opened)
        monkeypatch.setattr(os, "write", written)
        writing = os.O_WRONLY | os.O_RDWR
        failing("open", lambda path, flags, *mode: flags & writing and not Path(path).is_dir())
        failing("fsync", lambda handle: stat.S_ISREG(os.fstat(handle).st_mode))
        failing("replace")
        failing("mkdir", lambda path, *mode: not Path(path).is_dir())

    def due(self) -> bool:
        self.count += 1
        return self.count == self.at

    def error(self) -> OSError:
        return OSError(self.number, os.strerror(self.number))

    def arm(self, at: int, number: int) -> None:
        self.at, self.count, self.number = at, 0, number


def test_a_write_that_fails_anywhere_stops_the_run_and_loses_nothing(
    opro, serve, monkeypatch, request
):
    serve(by_prompt)
    opro(*SMALL, "--runs-dir", "whole")
    wanted = comparable(only_run("whole"))
    faults = Faults(monkeypatch)
    faults.arm(0, 0)
    opro(*SMALL, "--runs-dir", "counted")
    writes = faults.count
    assert writes > len(wanted)
    numbers = [errno.ENOSPC, errno.EIO, errno.EACCES]
    for at in range(1, writes + 1):
        tried = numbers if request.config.getoption("--long") else [numbers[at % 3]]
        for number in tried:
            root = f"runs-{at}-{number}"
            faults.arm(at, number)
            done = opro(*SMALL, "--runs-dir", root)
            assert done.exit_code in (1, 2), done.output
            assert os.strerror(number) in done.stderr, done.stderr
            assert "this is a bug" not in done.stderr
            faults.arm(0, 0)
            for run in RunStore(Path(root)).all()[0]:  # readable as it is
                list(run.log())
            assert opro(*SMALL, "--runs-dir", root).exit_code == 0
            assert comparable(only_run(root)) == wanted


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB, where one can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "opro-test", str(folder)]
    if shutil.which("mount") is None or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(opro, serve, small_disk):
    server = serve(by_prompt)
    root = ("--runs-dir", small_disk / "runs")
    done = opro(*RUN, "--max-steps", "12", *root, "--display", "plain")
    assert done.exit_code == 1, done.stderr
    assert "No space left on device" in done.stderr
    asked = len(server.asked)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    again = opro("resume", *root, "--display", "none")
    assert again.exit_code == 0, again.stderr
    assert len(server.asked) <= 12 * 8 + 8  # no more than the step in flight is asked again
    assert asked > 0
    shutil.copytree(small_disk / "runs", "kept")
    opro(*RUN, "--max-steps", "12", "--runs-dir", "whole", "--display", "none")
    assert comparable(only_run("kept")) == comparable(only_run("whole"))


def test_an_empty_log_is_a_run_that_was_not_begun(opro, serve):
    serve(by_prompt)
    opro(*SMALL)
    path = only_run()
    wanted = comparable(path)
    (path / EVENTS_FILE).write_bytes(b"")
    assert "unfinished" in opro("runs", "list").stdout
    assert opro("resume", "--display", "none").exit_code == 0
    assert comparable(path) == wanted


def test_a_damaged_middle_is_named_and_not_resumed(opro, serve):
    serve(by_prompt)
    opro(*SMALL, "--max-calls", "2")
    path = only_run() / EVENTS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"value", b"vulue", 1), *lines[2:]]))
    before = path.read_bytes()
    for words in (("resume",), (*SMALL,), ("runs", "show", path.parent.name)):
        done = opro(*words)
        assert done.exit_code == 2
        assert "events.jsonl, line 2" in done.stderr
    assert path.read_bytes() == before
    assert opro("runs", "list").exit_code == 1
    assert opro(*SMALL, "--fresh").exit_code == 0


@pytest.mark.parametrize("cut", ["each byte"])
def test_a_last_record_cut_at_every_byte_is_left_out(opro, serve, cut):
    serve(by_prompt)
    opro(*SMALL)
    path = only_run() / EVENTS_FILE
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    kept = [item.event for item in open_run(path.parent).log()][:-1]
    for end in range(last, len(whole)):
        path.write_bytes(whole[:end])
        assert [item.event for item in open_run(path.parent).log()] == kept


def fill(root: Path, count: int) -> None:
    """Copies of the runs in ``root``, and files that are none."""
    some = sorted(path.parent for path in root.glob("*/run.json"))
    for i in range(count - len(some)):
        copy = root / f"{some[i % len(some)].name}{i:06d}"
        copy.mkdir()
        for name in (RUN_FILE, EVENTS_FILE):
            os.link(some[i % len(some)] / name, copy / name)
    (root / "notes.txt").write_text("mine")
    (root / "a file\nwith a \x1b[31mname").write_text("x")
    (root / ".hidden").mkdir()
    (root / "empty").mkdir()
    (root / "other").mkdir()
    (root / "other" / RUN_FILE).write_text('{"a": 1}')
    (root / "loop").symlink_to(root)
    (root / "gone").symlink_to(root / "nowhere")


def many(opro: Callable, count: int) -> None:
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    fill(Path("runs"), count)
    listed = opro("runs", "list", "--limit", "0", "--json")
    assert listed.exit_code == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == count
    rows = json.loads(opro("report", "--format", "json").stdout)
    assert len(rows) == 2
    assert opro("runs", "show", "latest").exit_code == 0
    again = opro("run-sgd", "--preset", "exp3", "--display", "none")
    assert again.exit_code == 0, again.output


def test_many_runs_and_strangers_files(opro):
    many(opro, 200)


@pytest.mark.long
def test_ten_thousand_runs_and_strangers_files(opro):
    many(opro, 10_000)


def test_two_sweeps_at_once_into_one_directory(serve):
    def slow(asked):
        answer = by_prompt(asked)
        answer.delay = 0.05
        return answer

    serve(slow)
    small = ["--reps", "1", "--max-steps", "2", "--points-per-step", "2", "--display", "none"]
    words = [[*OPRO, "sweep", name, *small] for name in ("exp2", "exp3")]
    two = [subprocess.Popen(w, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for w in words]
    assert [p.communicate() and p.returncode for p in two] == [0, 0]
    assert len(RunStore(Path("runs")).all()[0]) == 8


def test_the_same_sweep_twice_at_once_is_refused_by_its_lock(serve):
    second_is_done = threading.Event()

    def slow(asked):
        second_is_done.wait(60)
        return by_prompt(asked)

    server = serve(slow)
    words = [*OPRO, *SMALL, "--max-steps", "1"]
    first = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not server.asked:
        assert first.poll() is None
    second = subprocess.run(words, capture_output=True, text=True, check=False)
    second_is_done.set()
    first.communicate()
    assert first.returncode == 0
    assert second.returncode == 2
    assert f"being written by process {first.pid} on " in second.stderr


@pytest.mark.parametrize("name", ["../x", "a\x00b", "a\nb", "/etc", "", "latest/../..", "*"])
def test_a_run_is_never_looked_for_outside_its_directory(opro, name):
    opro("run-sgd", "--preset", "exp3", "--display", "none")
    for words in (("runs", "show"), ("report",), ("resume",)):
        done = opro(*words, name)
        assert done.exit_code == 2, (words, done.output)
        assert "\x00" not in done.stderr
        assert len(done.stderr.splitlines()) == 2
    with pytest.raises(RunsError):
        RunStore(Path("runs")).select([name])
