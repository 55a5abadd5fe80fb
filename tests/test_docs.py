"""What the documentation shows is what there is, and works."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from opro_cli import engine, presets, problems
from opro_cli.events import Stopped
from opro_cli.spec import RunSpec
from tests.doubles import Scripted
from tests.test_problems import Journal

ROOT = Path(__file__).parent.parent


def block(page: str, language: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found


@pytest.fixture
def paint(monkeypatch, tmp_path):
    """The example of the page, registered as the page says."""
    (tmp_path / "paint.py").write_text(block("adding-a-problem.md", "python"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(problems.KINDS, "paint", "paint:PaintSettings")
    path = tmp_path / "paint.yaml"
    path.write_text(block("adding-a-problem.md", "yaml"))
    yield path
    sys.modules.pop("paint", None)


def test_the_example_problem_has_fewer_than_forty_lines():
    assert len(block("adding-a-problem.md", "python").splitlines()) < 40


def test_the_example_problem_runs(paint, opro):
    preset = presets.resolve(str(paint)).base
    (spec,) = preset.runs(["opro"])
    problem = spec.instance()
    starts = problem.starts(np.random.default_rng(0))
    assert all(problem.space.read(problem.space.render(p)) == p for p in starts)
    assert problem.evaluate((3, 7, 1)) == 0
    journal = Journal()

    def answer(request, sample: int) -> str:
        assert "Help to minimize the distance of a colour" in request.prompt
        return f'{{"reasoning": "", "solution": {{"red": 3, "green": 7, "blue": {4 - sample}}}}}'

    asyncio.run(engine.run(spec, journal, engine.Surroundings(Scripted(answer))))
    assert journal.events[-1] == Stopped(1, "converged")
    assert RunSpec.load(spec.dump()).limits == spec.limits
    done = opro("run-opro", "--preset", paint, "--dry-run", "--model", "local")
    assert done.exit_code == 0, done.output


def test_the_example_objective_on_the_page_is_the_packaged_one():
    shown = block("custom-objective.md", "python"), block("custom-objective.md", "yaml")
    files = "custom_example.py", "custom-example.yaml"
    assert shown == tuple((ROOT / "presets" / name).read_text() for name in files)


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "presets").glob("*.yaml")))
def test_every_preset_can_be_planned_and_printed(name, opro, tmp_path):
    done = opro("sweep", name, "--dry-run", "--model", "local")
    assert done.exit_code == 0, done.output
    assert "Nothing was started." in done.output
    printed = opro("run-opro", "-p", name, "--print-config", "--model", "local")
    assert printed.exit_code == 0, printed.output
    again = tmp_path / f"{name}.yaml"
    again.write_text(printed.stdout)
    base = presets.resolve(name, [presets.Override("opro.model", "local", "--model")]).base
    assert presets.resolve(str(again)).base.dump() == base.dump()
    for spec in base.runs(["opro"]):
        spec.problem.build(spec.target, spec.repetition).starts(np.random.default_rng(0))
