"""The calls of an objective on an executor: what is sent, what comes back, and who is refused."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from opro_cli.core.errors import OproError, RunFailed, UsageError
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.executors import remote
from opro_cli.problems.custom.executors.base import OpenExecutor
from opro_cli.problems.custom.executors.calls import ExecutorCalls
from opro_cli.problems.custom.executors.shared import shared
from tests.test_secrets import KEY, forms

HERE = str(Path(__file__).parent.parent)
"""The folder of objectives.py."""

EXECUTORS = """
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
import pickle

def note(word):
    with open("log", "a") as file:
        file.write(word + "\\n")

def keep(data):
    with open("sent", "ab") as file:
        file.write(data)

class Noting(ThreadPoolExecutor):
    def submit(self, function, *arguments):
        sent = pickle.dumps((function, arguments))
        future = super().submit(*pickle.loads(sent)[:1], *pickle.loads(sent)[1])
        keep(sent)
        future.add_done_callback(lambda done: keep(pickle.dumps(done.result())))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        note("closed")
        super().shutdown(wait, cancel_futures=cancel_futures)

def make():
    note("opened")
    return Noting(2)

def processes():
    return ProcessPoolExecutor(2, get_context("spawn"))

def raises():
    raise ValueError("the cluster is closed")

def number():
    return 3
"""

LOSS = """
def loss(x):
    return (x - 3) ** 2
"""

PRESET = """
problem:
  kind: custom
  objective: loss.py:loss
  parameters: {x: {low: 0, high: 9}}
  num_starts: 2
max_evaluations: 6
"""


@pytest.fixture
def files():
    """An objective, its preset, and functions that make executors."""
    for name, text in (("makers.py", EXECUTORS), ("loss.py", LOSS), ("p.yaml", PRESET)):
        Path(name).write_text(text)


def calls_of(objective: str, opened: OpenExecutor, folder: str = HERE, **how) -> ExecutorCalls:
    digests = sources.digests(objective, folder)
    return ExecutorCalls(ObjectiveCall(objective, folder, **how), opened, digests)


def on(executor, workers: int = 2) -> OpenExecutor:
    return OpenExecutor("mine.py:make", executor, lambda: workers)


def evaluate(calls: ExecutorCalls, xs):
    return asyncio.run(calls.evaluate([{"x": x} for x in xs]))


def test_every_failure_of_a_call_comes_back_as_from_a_process_here(files):
    with shared("makers.py:processes", "") as opened:
        assert opened.workers() == 2
        calls = calls_of("objectives.py:odd_ones", opened, timeout=2.0)
        calls.check(["x"])
        found = evaluate(calls, range(8))
    assert [e.why for e in found] == [
        "returned nan",
        "returned str, not a number",
        "the process ended with exit code 7",
        "SystemExit: enough",
        "returned inf",
        "no value after 2.0 seconds",
        "returned NoneType, not a number",
        "",
    ]
    assert all(math.isnan(e.value) for e in found[:7])
    assert found[7].value == 7


def test_the_processes_on_a_worker_are_used_again_and_end_when_no_call_comes(monkeypatch, files):
    with ThreadPoolExecutor(1) as executor:
        calls = calls_of("objectives.py:process", on(executor))
        first = evaluate(calls, [1, 2])
        assert evaluate(calls, [3])[0].value == first[0].value == first[1].value
        monkeypatch.setattr(remote, "IDLE", 0.0)
        evaluate(calls, [4])
        again = evaluate(calls, [5])[0].value
        while again == first[0].value:  # it ends by itself
            again = evaluate(calls, [5])[0].value
    assert again > 0


def test_one_executor_serves_all_runs_of_a_command(opro, files):
    done = opro("run-baseline", "-O", "random", "-O", "local-search", "-p", "./p.yaml",
                "--executor", "makers.py:make", "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert Path("log").read_text().split() == ["opened", "closed"]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [run["evaluations"] for run in found] == [6, 6]


def test_nothing_is_opened_where_nothing_is_run(opro, files):
    words = ("run-baseline", "-O", "random", "-p", "./p.yaml", "--executor", "makers.py:make")
    for option in ("--dry-run", "--print-config"):
        assert opro(*words, option).exit_code == 0
    assert not Path("log").exists()
    assert opro(*words).exit_code == 0
    Path("log").unlink()
    for command in (words, ("report",), ("runs", "show", "latest"), ("replay", "runs")):
        assert opro(*command).exit_code == 0
    assert not Path("log").exists()


def test_no_key_is_sent(opro, files, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    Path(".env").write_text(f"OPENAI_API_KEY='{KEY}'\n".replace("\\", "\\\\"))
    done = opro("run-baseline", "-O", "random", "-p", "./p.yaml", "--executor", "makers.py:make")
    assert done.exit_code == 0, done.output
    sent = Path("sent").read_bytes()
    assert sent.count(b"loss.py:loss") > 5
    assert b"value" in sent
    assert not any(form in sent for form in forms())


def test_a_run_begun_here_is_resumed_on_an_executor(opro, files):
    begun = opro("run-baseline", "-O", "random", "-p", "./p.yaml", "--max-time", "0.000001")
    assert begun.exit_code == 3, begun.output
    words = ("run-baseline", "-O", "random", "-p", "./p.yaml", "--max-time", "99")
    done = opro(*words, "--executor", "makers.py:make")
    assert done.exit_code == 0, done.output
    assert len(list(Path("runs").glob("2*"))) == 1
    assert "All runs already exist" in opro(*words, "--set", "problem.workers=1").output


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("makers.py:raises", "ValueError: the cluster is closed"),
        ("makers.py:number", "it returns int, and no executor"),
        ("makers.py:nowhere", "has no function nowhere"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("dusk://here:1", "there is no executor 'dusk'"),
        ("makers.py", "neither dask://host:port nor path/to/file.py:make"),
    ],
)
def test_an_executor_that_cannot_be_opened_is_an_error_before_any_run(opro, files, named, said):
    done = opro("run-baseline", "-O", "random", "-p", "./p.yaml", "--executor", named)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hint: " in done.stderr
    assert not list(Path("runs").glob("2*"))


def test_only_a_custom_objective_has_an_executor(opro, files):
    done = opro("run-baseline", "-O", "random", "-p", "exp1", "--executor", "makers.py:make")
    assert done.exit_code == 2
    assert "--executor is for problems of kind custom" in done.stderr


def test_a_worker_with_other_files_is_refused(files):
    with ThreadPoolExecutor(1) as executor:
        here = on(executor)
        before = calls_of("loss.py:loss", here, str(Path.cwd()))
        Path("loss.py").write_text(LOSS + "# another one\n")
        for wrong in (lambda: before.check(["x"]), lambda: evaluate(before, [1])):
            with pytest.raises(OproError, match="A worker of mine.py:make has another objective"):
                wrong()
        now = calls_of("loss.py:loss", here, str(Path.cwd()))
        assert evaluate(now, [1])[0].value == 4
        Path("loss.py").unlink()
        with pytest.raises(UsageError, match="does not have the objective"):
            before.check(["x"])


def test_processes_with_older_files_are_not_used_for_newer_ones(files):
    with ThreadPoolExecutor(1) as executor:
        assert evaluate(calls_of("loss.py:loss", on(executor), str(Path.cwd())), [1])[0].value == 4
        Path("loss.py").write_text("def loss(x):\n    return -x\n")
        assert evaluate(calls_of("loss.py:loss", on(executor), str(Path.cwd())), [1])[0].value == -1


def test_a_worker_with_another_version_is_refused(files, monkeypatch):
    with ThreadPoolExecutor(1) as executor:
        calls = calls_of("loss.py:loss", on(executor), str(Path.cwd()))
        monkeypatch.setattr(remote, "__version__", "0.0.1")
        with pytest.raises(UsageError, match=r"has opro 0\.0\.1, and not "):
            calls.check(["x"])


def test_a_function_that_a_worker_cannot_load_is_an_error_before_any_run(files):
    with ThreadPoolExecutor(1) as executor:
        calls = calls_of("loss.py:loss", on(executor), str(Path.cwd()))
        with pytest.raises(UsageError, match=r"on a worker of mine.py:make: .* cannot be called"):
            calls.check(["x", "y"])


class Dropping(ThreadPoolExecutor):
    """Drops every call, or breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__(1)
        self.error = error

    def submit(self, function, *arguments):
        future: Future = Future()
        if self.error is None:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(self.error)
        return future


@pytest.mark.parametrize("error", [None, BrokenExecutor("a process has ended")])
def test_a_call_that_is_dropped_is_no_result_of_a_point(error):
    with pytest.raises(RunFailed, match="takes no calls any more") as caught:
        evaluate(calls_of("objectives.py:process", on(Dropping(error))), [1])
    assert "opro resume" in caught.value.hint


def test_what_an_executor_raises_in_the_end_is_why_a_point_has_no_value():
    lost = Dropping(RuntimeError("4 workers died while running it\nsee their logs"))
    (found,) = evaluate(calls_of("objectives.py:process", on(lost)), [1])
    assert found.why == "RuntimeError: 4 workers died while running it"


def test_a_closed_executor_fails_the_run(files):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RunFailed, match="cannot schedule new futures"):
        evaluate(calls_of("objectives.py:process", on(executor)), [1])


def test_its_folder_is_not_looked_in_by_opro_itself(files):
    before = sys.path[:]
    with shared("makers.py:make", "") as opened, shared("makers.py:make", "") as same:
        assert opened is same
        assert sys.path == before
    assert Path("log").read_text().split() == ["opened", "closed"]
