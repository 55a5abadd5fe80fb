"""What the documentation shows is what there is, and works."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from opro_cli.cli.flags import Options
from opro_cli.cli.options.overrides import overrides_of
from opro_cli.core.events import Stopped
from opro_cli.presets import resolve
from opro_cli.presets.environment import Environment
from opro_cli.presets.spec import RunSpec
from opro_cli.problems import PROBLEMS
from tests.datasets import PREPARED
from tests.doubles import Scripted, run_spec
from tests.loopback import gemini
from tests.pages import ROOT, blocks, write_files

DICE = "problem: {kind: dice, targets: [{a: 3, b: 5}]}\nopro: {points_per_step: 3}\n"


@pytest.fixture
def dice(monkeypatch, tmp_path):
    """A preset of the example problem on the page, registered by a call."""
    write_files(ROOT / "docs" / "extending.md")
    monkeypatch.syspath_prepend(str(tmp_path))
    PROBLEMS.add("dice", "my_problem:DiceSettings")
    path = tmp_path / "dice.yaml"
    path.write_text(DICE)
    yield path
    PROBLEMS.remove("dice")
    sys.modules.pop("my_problem", None)


def test_the_example_problem_runs(dice, opro):
    preset = resolve.resolve(str(dice)).base
    (spec,) = preset.runs(["opro"])
    problem = spec.build_problem()
    starts = problem.starts(np.random.default_rng(0))
    assert all(problem.space.read(problem.space.render(p)) == p for p in starts)
    assert problem.evaluate((3, 5)) == 0

    def answer(request, sample: int) -> str:
        assert "Help to minimize a function of two inputs, a and b." in request.prompt
        return f'{{"reasoning": "", "solution": {{"a": 3, "b": {4 + sample}}}}}'

    assert run_spec(spec, Scripted(answer))[-1] == Stopped(1, "converged")
    assert RunSpec.load(spec.dump()).limits == spec.limits
    done = opro("run-opro", "--preset", dice, "--dry-run", "--model", "local")
    assert done.exit_code == 0, done.output


def test_the_example_objective_on_the_page_is_the_packaged_one():
    shown = {block.text for block in blocks(ROOT / "docs" / "custom-objective.md")}
    files = "custom_example.py", "custom-example.yaml"
    assert shown >= {(ROOT / "presets" / name).read_text() for name in files}


def test_the_example_of_a_text_on_the_page_runs(opro, serve):
    write_files(ROOT / "docs" / "custom-objective.md")
    patterns = (r"[0-9.]+", r"[+-]?[0-9]+(\.[0-9]+)?(e[0-9]+)?")
    asked = []

    def answer(request):
        asked.append(request.body["contents"][0]["parts"][0]["text"])
        return gemini(f"<INS>{patterns[len(asked) > 4]}</INS>")

    serve(answer)
    done = opro("run-opro", "-p", "pattern.yaml", "--model", "gemini-2.5-flash", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["reason"] == "converged"
    assert "Each of these texts is a pattern, and was tried." in asked[0]
    assert "The aim: to maximize the number of words that a Python regular" in asked[0]
    assert "higher is better" in asked[0]
    replayed = opro("replay", "runs")
    assert replayed.exit_code == 0, replayed.output


def _given(words: tuple[str, ...]) -> dict[str, str]:
    return {
        name.removeprefix("--"): value for name, value in zip(words[::2], words[1::2], strict=True)
    }


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "presets").glob("*.yaml")))
def test_every_preset_can_be_planned_and_printed(name, opro, tmp_path):
    write, options = PREPARED.get(name, (lambda: None, ()))
    write()
    words = ("--model", "local", *options)
    done = opro("sweep", name, "--dry-run", *words)
    assert done.exit_code == 0, done.output
    assert "Nothing was started." in done.output
    printed = opro("run-opro", "-p", name, "--print-config", *words)
    assert printed.exit_code == 0, printed.output
    again = tmp_path / f"{name}.yaml"
    again.write_text(printed.stdout)
    given = overrides_of(Options("run-opro", _given(words)), Environment(), ["opro"])
    base = resolve.resolve(name, given).base
    assert resolve.resolve(str(again)).base.dump() == base.dump()
    for spec in base.runs(["opro"]):
        spec.problem.build(spec.target, spec.repetition).starts(np.random.default_rng(0))
