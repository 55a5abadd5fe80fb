"""Runs that are kept: continued by the same call, read as plain data, understood by commands."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

import opro_cli as opro
from tests.chains import by_prompt
from tests.loopback import error, gemini

LINE = {"x": (0.0, 1.0)}
RANDOM = {"optimizer": "random", "budget": 12, "runs": "runs", "name": "line"}
MODEL = "gemini-3.5-flash-lite"


def square(x: float) -> float:
    return x * x


def test_the_same_call_asks_nothing_again():
    calls = []
    first = opro.minimize(lambda x: calls.append(x) or x, LINE, **RANDOM)
    again = opro.minimize(lambda x: calls.append(x) or x, LINE, **RANDOM)
    assert (again.run.id, again.best, again.nfev) == (first.run.id, first.best, 12)
    assert len(calls) == 12
    for change in ({"seed": 1}, {"fresh": True}, {"name": "other"}, {"budget": 13}):
        other = opro.minimize(lambda x: x, LINE, **{**RANDOM, **change})
        assert other.run.id != first.run.id
    assert len(opro.Runs.open("runs")) == 5


def stopped_at(call: int) -> tuple[Callable[[float], float], list[float]]:
    """A function that is interrupted in one of its calls, and the calls; its code is the same."""
    calls: list[float] = []
    left = [call]  # the function changes it, so that it is not compared

    def f(x: float) -> float:
        calls.append(x)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        return x

    return f, calls


def interrupt(workers: int = 1) -> list[float]:
    """Begin a run, and leave it with Ctrl-C; the calls."""
    f, calls = stopped_at(7)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        opro.minimize(f, LINE, **RANDOM, workers=workers)
    (note,) = caught.value.__notes__
    assert note.startswith("best so far: 0.")
    assert note.endswith("The same call continues the run.")
    assert signal.getsignal(signal.SIGINT) is before
    return calls


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_leaves_a_run_that_the_same_call_continues(workers):
    first = interrupt(workers)
    (run,) = opro.Runs.open("runs")
    assert run.state == "unfinished"
    made = run.trials()
    assert 5 <= len(made) <= len(first)
    f, calls = stopped_at(0)
    r = opro.minimize(f, LINE, **RANDOM)
    assert (r.run.id, r.nfev, r.success) == (run.id, 12, True)
    assert len(calls) == 12 - len(made)
    assert not {trial["params_x"] for trial in made} & {*calls}


def test_another_function_does_not_continue_an_unfinished_run():
    interrupt()
    with pytest.raises(opro.OproError, match="code .* has changed since") as caught:
        opro.minimize(lambda x: 2 * x, LINE, **RANDOM)
    assert "the same call and fresh=True" in caught.value.hint
    assert "--" not in str(caught.value) + caught.value.hint
    assert opro.minimize(lambda x: 2 * x, LINE, **RANDOM, fresh=True).success


def test_a_function_that_has_changed_is_said_and_a_finished_run_is_not_taken_for_it():
    first = opro.minimize(square, LINE, **RANDOM)
    other = opro.minimize(lambda x: x**3, LINE, **RANDOM)
    assert other.run.id != first.run.id
    assert "has changed" in other.notices[0]


def test_the_commands_understand_the_runs(command):
    r = opro.maximize(square, LINE, **RANDOM)
    listed = command("runs", "list", "--json")
    assert json.loads(listed.stdout)["best"]["value"] == r.value
    assert command("replay", "runs").exit_code == 0
    assert "random" in command("report").stdout
    assert command("runs", "show", "latest").exit_code == 0


def test_the_command_cannot_go_on_with_a_function_that_it_has_not(command):
    interrupt()
    done = command("resume")
    assert done.exit_code == 2
    assert "is a function of a Python program" in done.stderr
    (run,) = opro.Runs.open("runs")
    assert run.state == "unfinished"


@pytest.fixture
def command(request):
    """The command line, under another name than the module."""
    return request.getfixturevalue("opro")


def test_trials_steps_curve_and_events_are_plain_data():
    run = opro.minimize(square, LINE, **RANDOM).run
    trials = run.trials()
    assert [trial["number"] for trial in trials] == list(range(12))
    assert set(trials[0]) == {"number", "step", "value", "source", "why", "note", "params_x"}
    assert [trial["step"] for trial in trials[:5]] == [0] * 5
    assert all(trial["value"] == trial["params_x"] ** 2 for trial in trials)
    curve = run.curve()
    assert [row["evaluations"] for row in curve] == list(range(1, 13))
    assert curve[-1]["best"] == run.value == run.steps()[-1]["best"]
    assert all(a["best"] >= b["best"] for a, b in itertools.pairwise(curve))
    kinds = [event["type"] for event in run.events()]
    assert kinds[0] == "resumed"
    assert kinds[-1] == "stopped"
    assert run.spec["problem"]["parameters"]["x"]["low"] == 0
    assert json.loads(json.dumps(run.summary()))["params_x"] == run.best["x"]


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
def test_a_frame_takes_them():
    import pandas as pd

    run = opro.minimize(square, LINE, **RANDOM).run
    frame = pd.DataFrame(run.trials())
    assert frame["value"].min() == run.value
    assert len(pd.DataFrame(run.events())) == len(list(run.events()))


def test_runs_are_found_by_id_by_place_and_latest():
    made = [opro.minimize(square, LINE, **{**RANDOM, "seed": seed}) for seed in range(3)]
    runs = opro.Runs.open("runs")
    assert len(runs) == 3
    assert runs["latest"].id == runs[-1].id == made[-1].run.id
    assert runs[made[0].run.id].value == made[0].value
    assert [run.id for run in runs[:2]] == [r.run.id for r in made[:2]]
    assert {run.id for run in runs} == {r.run.id for r in made}
    with pytest.raises(opro.OproError):
        runs["nothing"]
    with pytest.raises(opro.OproError, match="no runs directory"):
        opro.Runs.open("nowhere")


def test_a_report_is_that_of_the_command(command):
    r = opro.minimize(square, LINE, **RANDOM)
    printed = command("report", "--format", "markdown").stdout
    assert opro.report("runs", format="markdown") == printed
    assert opro.report(opro.Runs.open("runs"), "markdown") == printed
    assert opro.report([r], "markdown") == opro.report(r.run, "markdown") == printed
    with pytest.raises(opro.OproError, match="format"):
        opro.report("runs", "pdf2")


def test_a_sweep_is_that_of_the_command(serve, command):
    serve(by_prompt)
    preset = "problem: {kind: linear, targets: [{w: 1, b: 2}]}\nbaselines: [random]\n"
    Path("mine.yaml").write_text(preset + "opro: {points_per_step: 2, strategy: paper}\n")
    given = {"model": MODEL, "reps": 2, "max_steps": 2, "max_cost": 1, "runs": "runs"}
    found = opro.sweep("mine.yaml", **given, settings={"seed": 4})
    assert sorted(run.summary()["optimizer"] for run in found) == ["opro"] * 2 + ["random"] * 2
    assert found.stopped == ""
    assert {run.spec["seed"] for run in found} == {4}
    assert opro.report(found) == opro.report("runs")
    words = ["--model", MODEL, "--reps", "2", "--max-steps", "2", "--set", "seed=4"]
    assert "All runs already exist" in command("sweep", "mine.yaml", *words).stderr
    with pytest.raises(opro.OproError, match="no argument 'modle'"):
        opro.sweep("mine.yaml", modle="local")
    assert opro.sweep(
        "mine.yaml", **{**given, "max_cost": None, "max_calls": 1}, fresh=True
    ).stopped


def test_calls_share_an_account(serve):
    server = serve(lambda asked: gemini(json.dumps({"reasoning": "", "solution": {"x": 0.25}})))
    account = opro.Account(calls=5)
    results = []

    def search(seed: int) -> None:
        results.append(opro.minimize(square, LINE, model=MODEL, seed=seed, account=account))

    threads = [threading.Thread(target=search, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 5 == account.spent["calls"]
    assert account.spent["cost"] == pytest.approx(sum(r.cost for r in results))
    assert not any(r.success for r in results)
    assert "5 of 5 calls are made" in results[0].message
    later = opro.minimize(square, LINE, model=MODEL, seed=2, account=account)
    assert later.message.startswith("Stopped: 5 of 5 calls are made.")
    assert len(server.asked) == 5
    with pytest.raises(opro.OproError, match="both by the budget and by the account"):
        opro.minimize(square, LINE, model=MODEL, account=account, budget=opro.Budget(cost=1))
    with pytest.raises(opro.OproError, match=r"budget\.cost is -1"):
        opro.Account(cost=-1)


def test_a_cap_pauses_and_a_larger_budget_continues(serve):
    server = serve(lambda asked: gemini(json.dumps({"reasoning": "", "solution": {"x": 0.25}})))
    kept = {"model": MODEL, "runs": "runs"}
    r = opro.minimize(square, LINE, **kept, budget=opro.Budget(evaluations=20, calls=3))
    assert not r.success
    assert r.message == (
        "Stopped: 3 of 3 calls are made. The same call with a larger budget continues it."
    )
    assert math.isfinite(r.value)
    again = opro.minimize(square, LINE, **kept, budget=opro.Budget(evaluations=20, calls=300))
    assert again.run.id == r.run.id
    assert again.success
    prompts = [asked.body["contents"][0]["parts"][0]["text"] for asked in server.asked]
    assert len(prompts) > 3


def test_a_server_that_fails_is_an_error_and_the_run_is_kept(serve):
    serve([error(403, "PERMISSION_DENIED", "no")])
    with pytest.raises(opro.OproError, match="no"):
        opro.minimize(square, LINE, model=MODEL, runs="runs", budget=20)
    (run,) = opro.Runs.open("runs")
    assert run.state == "failed"
    assert len(run.trials()) == 5
