"""A user's function runs in separate processes; its failures are those of a point, not of a run."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from pathlib import Path

import pytest

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.core.events import Evaluated, Started, Stepped, Stopped
from opro_cli.core.events.json_form import from_json, to_json
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.overrides import Override
from opro_cli.presets.resolve import resolve
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.custom.calls import ObjectiveCall
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.custom.workers import Workers, check_objective
from tests.doubles import Scripted, by_sample, run_spec

HERE = str(Path(__file__).parent.parent)
"""The folder of objectives.py."""
ONE = {"x": {"low": 0, "high": 9}}


def evaluate(name: str, xs, **how):
    async def run():
        async with Workers(ObjectiveCall(f"objectives.py:{name}", HERE, **how)) as workers:
            return await workers.evaluate([{"x": x} for x in xs])

    return asyncio.run(run())


def custom(name: str = "bowl", **more) -> CustomSettings:
    return CustomSettings(
        **{"objective": f"objectives.py:{name}", "folder": HERE, "parameters": ONE, **more}
    )


def play(settings: CustomSettings, replies, steps: int = 1) -> list:
    spec = RunSpec("p", settings, 0, OproSettings(points_per_step=len(replies)), 0, Limits(steps))
    return run_spec(spec, Scripted(by_sample(replies)))


def without_values(events: list) -> list:
    return [event for event in events if not isinstance(event, Evaluated)]


def test_every_kind_of_failure_is_nan_with_its_reason():
    found = evaluate("odd_ones", [0, 1, 2, 3, 4, 5, 6, 7], timeout=2.0)
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


def test_an_exception_is_recorded_in_one_line():
    (found,) = evaluate("raises", [1])
    assert found.why == "ValueError: no such thing"


def test_a_process_is_used_again():
    assert len({e.value for e in evaluate("process", [1, 2, 3])}) == 1
    assert evaluate("process", [1])[0].value != os.getpid()


def test_calls_run_in_parallel_where_asked(monkeypatch, tmp_path):
    """Each call returns only once it has met the other."""
    monkeypatch.setenv("MEETING", str(tmp_path))
    assert [e.value for e in evaluate("meet", [1, 2], workers=2, timeout=30)] == [1, 2]


def test_processes_started_by_a_call_are_killed_with_it(monkeypatch, tmp_path):
    monkeypatch.setenv("CHILD", str(tmp_path / "pid"))
    (found,) = evaluate("begets", [1], timeout=3)
    assert found.why == "no value after 3 seconds"
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and running(child):
        time.sleep(0.01)
    assert not running(child)


def running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_failures_are_recorded_with_their_points_and_the_run_continues():
    events = play(custom("odd_ones", starts=[{"x": 8}], num_starts=0), ["[0]", "[1]", "[7]"])
    found = without_values(events)
    values = [event for event in events if isinstance(event, Evaluated)]
    assert {(v.step, v.point) for v in values} == {
        (0, (8.0,)),
        (1, (0.0,)),
        (1, (1.0,)),
        (1, (7.0,)),
    }
    started, stepped = found[0], next(e for e in found if isinstance(e, Stepped))
    assert isinstance(started, Started)
    assert [p.value for p in started.pairs] == [8]
    assert [p.why for p in stepped.pairs] == ["returned nan", "returned str, not a number", ""]
    assert stepped.pairs[2].value == 7
    assert found[-1] == Stopped(1, "max_steps")
    again = from_json(json.loads(json.dumps(to_json(stepped))))
    assert [p.why for p in again.pairs] == [p.why for p in stepped.pairs]


def test_a_run_whose_first_steps_fail_continues():
    settings = custom("odd_ones", starts=[{"x": 8}], num_starts=0)
    assert play(settings, ["[0]", "[1]"], steps=2)[-1] == Stopped(2, "max_steps")


def test_a_goal_is_solved_in_the_direction_asked_for():
    up = custom("odd_ones", direction="maximize", goal=8, starts=[{"x": 7}], num_starts=0)
    assert play(up, ["[8]"])[-1] == Stopped(1, "converged")
    down = custom("odd_ones", goal=7.5, starts=[{"x": 8}], num_starts=0)
    assert play(down, ["[7]"])[-1] == Stopped(1, "converged")
    assert (
        play(custom("odd_ones", starts=[{"x": 8}], num_starts=0), ["[7]"])[-1].reason != "converged"
    )


def test_one_point_is_evaluated_without_a_run():
    parameters = {**ONE, "n": {"low": 1, "high": 3, "type": "int"}, "kernel": {"choices": ["poly"]}}
    made = custom("bowl", parameters=parameters)
    assert made.build({}, 0).evaluate((1.5, 2, "poly")) == 4.0


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("nowhere.py:loss", "there is no file nowhere.py"),
        ("no_such_module:loss", "there is no module no_such_module"),
        ("objectives.py:lost", "objectives.py has no function lost"),
        ("objectives.py:NOT_A_FUNCTION", "has no function NOT_A_FUNCTION"),
        ("objectives.py:bowl", "cannot be called with x (missing a required argument: 'n')"),
        ("broken.py:loss", "broken.py cannot be imported (SyntaxError"),
        ("needy.py:loss", "needy.py needs not_there, which is not installed"),
        ("leaving.py:loss", "leaving.py cannot be imported (SystemExit"),
    ],
)
def test_an_objective_that_cannot_be_called_is_an_error_at_the_beginning(objective, said, tmp_path):
    Path("broken.py").write_text("def loss(:")
    Path("needy.py").write_text("import not_there")
    Path("leaving.py").write_text("raise SystemExit(3)")
    with pytest.raises(UsageError) as caught:
        check_objective(objective, HERE, ("x",))
    assert said in caught.value.message


def test_installed_modules_and_modules_beside_the_preset_are_found():
    check_objective("math:sqrt", "", ())
    check_objective("objectives:raises", HERE, ("x",))


PRESET = """
problem:
  kind: custom
  objective: mine.py:loss
  parameters: {x: {low: 0, high: 9}}
opro: {points_per_step: 2}
max_steps: 2
"""


def write_preset(folder: Path, returns: str = "x") -> Path:
    folder.mkdir()
    (folder / "mine.py").write_text(f"def loss(x):\n    return {returns}\n")
    path = folder / "mine.yaml"
    path.write_text(PRESET)
    return path


def test_the_objective_lies_beside_its_preset(opro, tmp_path):
    path = write_preset(tmp_path / "elsewhere")
    base = resolve(str(path)).base
    assert base.problem.folder == str(path.parent)
    base.problem.check(1)
    done = opro("run-opro", "--preset", path, "--dry-run", "--model", "local")
    assert done.exit_code == 0, done.output


def test_a_flag_names_a_file_from_here(opro, tmp_path):
    path = write_preset(tmp_path / "elsewhere")
    Path("mine.py").write_text("def other(x):\n    return -x\n")
    done = opro("run-opro", "-p", path, "--objective", "mine.py:other", "--print-config")
    assert done.exit_code == 0, done.output
    assert f"{tmp_path}/mine.py:other" in done.output
    done = opro("run-baseline", "-O", "random", "-p", path, "--objective", "mine.py:third")
    assert done.exit_code == 2
    assert "has no function third" in done.output


def test_an_objective_where_the_problem_has_none_is_refused(opro):
    done = opro("run-opro", "-p", "exp1", "--objective", "mine.py:loss", "--print-config")
    assert done.exit_code == 2
    assert "--objective is for problems of kind custom" in done.output
    assert "opro init mine.py:loss" in done.output


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("problem.objective", "no_colon", "not of the form"),
        ("problem.parameters", {}, "at least 1"),
        ("problem.parameters", {"2x": {"low": 0, "high": 1}}, "no name of a Python argument"),
        ("problem.parameters.x.low", 12, "low must be below high"),
        ("problem.parameters.x.hihg", 12, "problem.parameters.x.hihg is not a setting"),
        ("problem.targets", [{"w": 1}], "has none"),
        ("problem.starts", [{"x": 99}], "x is outside"),
        ("problem.timeout", 0, "greater than 0"),
        ("problem.workers", 0, "greater than or equal to 1"),
    ],
)
def test_wrong_settings_are_one_sentence(key, value, said, tmp_path):
    path = write_preset(tmp_path / "elsewhere")
    with pytest.raises(PresetError) as caught:
        resolve(str(path), [Override(key, value, "--set")])
    assert said in caught.value.message
    assert caught.value.hint


def test_a_misspelt_parameter_setting_is_recognised(tmp_path):
    path = write_preset(tmp_path / "elsewhere")
    with pytest.raises(PresetError) as caught:
        resolve(str(path), [Override("problem.parameters.x.hihg", 12, "--set")])
    assert "problem.parameters.x.high" in caught.value.hint


def test_folder_and_number_of_workers_make_no_other_experiment():
    here, there = custom(), custom(folder="/elsewhere", workers=4)
    assert here.summary_of_settings() == there.summary_of_settings()
    assert here.summary_of_settings() != custom(timeout=1).summary_of_settings()


def test_an_estimate_and_a_plan_call_no_objective(opro, tmp_path):
    """The objective would leave a trace."""
    trace = tmp_path / "trace"
    path = write_preset(tmp_path / "elsewhere", f"open({str(trace)!r}, 'w').write('x')")
    done = opro("run-opro", "--preset", path, "--dry-run", "--model", "local")
    assert done.exit_code == 0, done.output
    assert "at most 2 steps" in done.output
    assert not trace.exists()


def test_the_packaged_example_tunes_a_real_classifier():
    base = resolve("custom-example").base
    base.problem.check(1)
    problem = base.problem.build({}, 0)
    assert problem.evaluate((3.3, 0.0021, "rbf", 4)) == pytest.approx(0.994, abs=0.005)
    assert problem.evaluate((1e-3, 1e-6, "rbf", 2)) < 0.5


def test_a_replay_takes_the_recorded_values_and_calls_no_objective(opro, tmp_path):
    path = write_preset(tmp_path / "elsewhere")
    words = ("run-baseline", "--optimizer", "random", "--preset", path, "--display", "none")
    done = opro(*words)
    assert done.exit_code == 0, done.output
    for file in (tmp_path / "elsewhere").glob("*.py"):
        file.unlink()
    replayed = opro("replay", "runs")
    assert replayed.exit_code == 0, replayed.output
    assert ": ok, " in replayed.stdout
