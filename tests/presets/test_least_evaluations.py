"""A cap on evaluations holds, and one that leaves nothing to a model is refused beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import opro_cli as opro_package
from tests.loopback import gemini
from tests.planning import write

FLAGS = ("--display", "none", "--json")


@pytest.fixture(autouse=True)
def _mine() -> None:
    write("def loss(x, y):\n    return x * x + y\n", "mine.py")
    write(
        "problem:\n  kind: custom\n  objective: mine.py:loss\n"
        "  parameters: {x: {low: -5, high: 5}, y: {low: 0, high: 3, type: int}}\n"
        "  starts: [{x: 4, y: 3}]\n"
    )


def test_a_cap_that_leaves_no_point_of_the_model_is_refused(opro, serve):
    server = serve([gemini("[1, 2]")])
    for cap in ("3", "6"):
        done = opro("run-opro", "mine.yaml", "--max-evaluations", cap, *FLAGS)
        assert done.exit_code == 2, done.output
        assert (
            f"max_evaluations is {cap}, and opro needs at least 7: 6 for the starting points, and "
            "1 for a point of the model." in done.stderr
        )
        assert "allow at least 7" in done.stderr
    assert not server.asked
    assert not list(Path().glob("runs/*/run.json"))
    done = opro("run-opro", "mine.yaml", "--max-evaluations", "7", *FLAGS)
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["evaluations"], found["steps"]) == (7, 1)


@pytest.mark.parametrize(("cap", "starts"), [(1, 1), (3, 3), (6, 6), (8, 6)])
@pytest.mark.parametrize("optimizer", ["random", "local-search"])
def test_without_a_model_the_cap_holds_for_the_starting_points(opro, cap, starts, optimizer):
    words = ("run-baseline", "-O", optimizer, "mine.yaml", "--max-evaluations", str(cap))
    done = opro(*words, *FLAGS)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["evaluations"] == cap
    assert opro("replay", "runs").exit_code == 0
    log = next(Path().glob("runs/*/events.jsonl")).read_text().splitlines()
    (started,) = (line for line in map(json.loads, log) if line["type"] == "started")
    assert len(started["pairs"]) == starts


def test_check_refuses_it_too(opro, serve):
    serve([])
    with Path("mine.yaml").open("a") as file:
        file.write("max_evaluations: 3\n")
    done = opro("check", "mine.yaml")
    assert done.exit_code != 0
    assert "opro needs at least 7" in done.output


def test_a_budget_in_python_leaves_a_point_to_the_model(serve):
    server = serve([gemini("[1.5]")])
    called = []
    found = opro_package.minimize(
        lambda x: called.append(x) or abs(x), {"x": (-5.0, 5.0)}, model="gemini-x", budget=3,
        settings={"opro.points_per_step": 1},
    )  # fmt: skip
    assert found.nfev == len(called) == 3
    assert server.asked
    with pytest.raises(opro_package.OproError, match="opro needs at least 2") as caught:
        opro_package.minimize(lambda x: x, {"x": (-5.0, 5.0)}, model="gemini-x", budget=1)
    assert "budget.evaluations is 1" in caught.value.message


def test_a_space_that_is_all_starting_points_needs_no_model(serve):
    server = serve([])
    found = opro_package.minimize(
        lambda n: n, {"n": (1, 3)}, model="gemini-x", starts=[{"n": 1}, {"n": 2}, {"n": 3}]
    )
    assert (found.nfev, found.value) == (3, 1)
    assert not server.asked


def test_a_cap_that_no_step_fits_in_is_answered_with_one_that_fits(opro):
    words = ("run-opro", "exp1", "--target", "w=15,b=14", "--reps", "1", "--max-steps", "1")
    done = opro(*words, "--model", "local", "--max-calls", "1", "--display", "none")
    assert done.exit_code == 3, done.stderr
    said = done.stderr.splitlines()
    assert "stopped: 0 of 1 calls are made, and the next request counts as 8" in said
    assert said[-1] == "continue with: opro resume --max-calls 8"
    again = opro(*said[-1].split()[3:], *FLAGS)
    assert again.exit_code in (0, 3), again.stderr
    assert json.loads(again.stdout)["calls"] == 8
