"""The processes of an objective: what they can touch, how many there are, and when they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opro_cli.problems.custom import guard
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.workers import Slots, Workers

LINUX = sys.platform == "linux"


def measure(source: str, xs=(1.0,), name: str = "loss", **how):
    """The values of a function in a file."""
    Path("mine.py").write_text(source)

    async def run():
        async with Workers(ObjectiveCall(f"mine.py:{name}", str(Path.cwd()), **how)) as workers:
            return await workers.evaluate([{"x": x} for x in xs])

    return asyncio.run(run())


def value(source: str, **how) -> float:
    (found,) = measure(source, **how)
    assert not found.why
    return found.value


def running(pid: int) -> bool:
    """Whether there is such a process; a zombie is one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pids: list[int], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(running, pids)):
            return True
        time.sleep(0.01)
    return False


def pids_in(path: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = path.read_text().split() if path.exists() else []
        if len(found) >= count:
            return [int(pid) for pid in found]
        time.sleep(0.01)
    raise AssertionError("they were not started")


SPREADS = """
import os, subprocess, sys, time
from pathlib import Path

def note(pid):
    with open("pids", "a") as file:
        file.write(f"{pid}\\n")

def loss(x):
    wait = [sys.executable, "-c", "import time; time.sleep(300)"]
    note(subprocess.Popen(wait).pid)
    note(subprocess.Popen(wait, start_new_session=SESSION).pid)
    note(os.getpid())
    HANG
    return x
"""

PARENT = """
import asyncio, os, signal, sys
from opro_cli.problems.custom import guard
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.workers import Workers

guard.HOW = sys.argv[1]

async def run():
    async with Workers(ObjectiveCall("mine.py:loss", os.getcwd())) as workers:
        if sys.argv[2] == "leave":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 130)
        await workers.evaluate([{"x": 1.0}])

asyncio.run(run())
"""


def spreads(hang: str = "time.sleep(300)", session: bool = LINUX) -> str:
    return SPREADS.replace("SESSION", str(session)).replace("HANG", hang)


# Code that does not give Python's lock away for a while: no thread of the same process runs then.
BUSY = "sum(range(3 * 10**9))"


@pytest.mark.parametrize(
    ("how", "ends", "hang"),
    [
        ("process", signal.SIGKILL, "time.sleep(300)"),
        ("process", signal.SIGTERM, "time.sleep(300)"),
        ("process", signal.SIGKILL, BUSY),
        ("thread", signal.SIGKILL, "time.sleep(300)"),
    ],
)
@pytest.mark.parametrize("way", ["leave", "default"])
def test_they_end_with_the_command_however_it_ends(how, ends, hang, way, tmp_path):
    Path("mine.py").write_text(spreads(hang, session=LINUX and how == "process"))
    parent = subprocess.Popen([sys.executable, "-c", PARENT, how, way])
    try:
        pids = pids_in(tmp_path / "pids", 3)
        parent.send_signal(ends)
        parent.wait(10)
        assert gone(pids)
    finally:
        parent.kill()


@pytest.mark.parametrize("hang", ["time.sleep(300)", "os._exit(3)", "return x"])
def test_what_a_call_has_started_ends_with_its_process(hang, tmp_path):
    measure(spreads(hang), timeout=3)
    assert gone(pids_in(tmp_path / "pids", 3))


@pytest.mark.parametrize("how", ["process", "thread"])
def test_its_standard_input_is_empty(how, monkeypatch):
    monkeypatch.setattr(guard, "HOW", how)
    source = """
import subprocess, sys
def loss(x):
    child = subprocess.run(["cat"], stdout=subprocess.PIPE, timeout=20).stdout
    return x + len(child) + len(sys.stdin.read()) + len(input("go on?"))
"""
    assert [found.value for found in measure(source, [1, 2])] == [1, 2]


def test_nothing_that_it_writes_becomes_its_value():
    source = """
import os
def loss(x):
    print('{"value": -5.0}', flush=True)
    for number in range(3, 400):
        for text in (b'{"value": -5.0}\\n', b'[1, {"token": 1}]\\n', b'[' * 99999 + b'\\n',
                     b'x' * 2_000_000, b'{"value": -5.0, "token": "'):
            try:
                os.write(number, text)
            except OSError:
                pass
    return x
"""
    assert [found.value for found in measure(source, [1, 2, 3], timeout=30)] == [1, 2, 3]


def test_one_that_closes_every_descriptor_fails_alone():
    source = """
import os, time
def loss(x):
    if x == 1:
        os.closerange(3, 4096)
    return x
"""
    found = measure(source, [1, 2], timeout=30)
    assert found[0].why and found[1].value == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_copy_of_the_process_answers_nothing():
    assert value("import os\ndef loss(x):\n    return x if os.fork() else -5") == 1


@pytest.mark.skipif(not LINUX, reason="/proc is asked")
def test_its_children_inherit_no_pipe():
    source = """
import os, subprocess
def loss(x):
    listed = ["ls", "-l", "/proc/self/fd"]
    out = subprocess.run(listed, capture_output=True, text=True, close_fds=False).stdout
    return float(sum("pipe:" in line for line in out.splitlines()))
"""
    assert value(source) == 2  # its own two, for what it prints


def test_workers_are_counted_for_all_runs_of_a_command():
    Path("mine.py").write_text("""
import os, time
def loss(x):
    with open("log", "a") as file:
        file.write("+")
    time.sleep(0.05)
    with open("log", "a") as file:
        file.write("-")
    return os.getpid()

other = loss
""")

    async def one(name: str) -> list[float]:
        call = ObjectiveCall(f"mine.py:{name}", str(Path.cwd()), workers=2)
        async with Workers(call) as workers:
            return [m.value for m in await workers.evaluate([{"x": x} for x in range(3)])]

    async def run() -> list[list[float]]:
        return await asyncio.gather(*(one(name) for name in ["loss"] * 4 + ["other"] * 4))

    found = asyncio.run(run())
    assert len({pid for pids in found[:4] for pid in pids}) == 2
    at, most = 0, 0
    for sign in Path("log").read_text():
        at += 1 if sign == "+" else -1
        most = max(most, at)
    assert most == 2
    assert gone([int(pid) for pids in found for pid in pids])


def test_who_waits_longest_has_the_next_slot_and_a_cancelled_one_gives_it_back():
    order = []

    async def take(slots: Slots, name: str, limit: int, until: asyncio.Event) -> None:
        async with slots.one(limit):
            order.append(name)
            await until.wait()

    async def run() -> None:
        slots, until = Slots(), asyncio.Event()
        asked = [("a", 2), ("b", 2), ("only", 1), ("c", 2), ("d", 2)]
        tasks = {n: asyncio.create_task(take(slots, n, limit, until)) for n, limit in asked}
        await asyncio.sleep(0.01)
        assert order == ["a", "b"]
        tasks["c"].cancel()
        tasks["a"].cancel()
        await asyncio.sleep(0.01)
        assert order == ["a", "b"]  # one is running: "only" waits, and whoever came after it
        until.set()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert order == ["a", "b", "only", "d"]
        assert slots.taken == 0

    asyncio.run(run())


SHADOWS = ("json", "random", "socket", "typing", "inspect", "importlib", "ctypes", "asyncio")


@pytest.mark.parametrize("objective", ["mine.py:loss", "mine:loss"])
@pytest.mark.parametrize("beside", [True, False])
def test_no_file_is_taken_for_a_module_of_the_standard_library(objective, beside, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "near.py").write_text("FIVE = 5")
    (home / "mine.py").write_text("""
import asyncio, json, random, socket, subprocess
from near import FIVE
async def loss(x):
    random.seed(0)
    return json.loads(str(FIVE))
""")
    for name in SHADOWS:
        (home if beside else tmp_path).joinpath(f"{name}.py").write_text("raise SystemExit(9)")

    async def run():
        async with Workers(ObjectiveCall(objective, str(home))) as workers:
            return await workers.evaluate([{"x": 1}])

    (found,) = asyncio.run(run())
    assert (found.value, found.why) == (5, "")


def test_they_are_started_without_the_package_in_the_way(tmp_path):
    """A folder of the name of ours, or a module of that of a file of ours, changes nothing."""
    for name in ("opro_cli", "guard", "worker", "problem"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit(9)")
    assert value("def loss(x): return 2 * x") == 2


def test_an_answer_is_json_with_the_token_of_its_request():
    """The worker by itself, as the other side of the pipe sees it."""
    from opro_cli.problems.custom import worker

    Path("mine.py").write_text("def loss(x): return x")
    command = [sys.executable, "-P", worker.__file__, guard.HOW]
    load = {"objective": "mine.py:loss", "folder": "", "names": ["x"], "token": "one"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        answers = []
        for request in (load, {"arguments": {"x": 4}, "token": "two"}):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            while not (line := process.stdout.readline().strip()):
                pass
            answers.append(json.loads(line))
        process.stdin.close()
        process.wait(10)
    assert answers == [{"ready": True, "token": "one"}, {"value": 4.0, "token": "two"}]
