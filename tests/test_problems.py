"""What every problem does, and how every optimizer that can does on it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli import engine, optimizers, problems
from opro_cli.engine import Surroundings
from opro_cli.errors import UsageError
from opro_cli.events import Prompted, Reply, Started, Stepped, Stopped, from_json, to_json
from opro_cli.metaprompt import FORMS
from opro_cli.optimizers import Limits
from opro_cli.optimizers.sgd import Differentiable
from opro_cli.optimizers.sieve import read_reply
from opro_cli.problems.base import Continuous
from opro_cli.problems.mixed import Mixed
from opro_cli.problems.tour import Tours
from opro_cli.spec import RunSpec
from opro_cli.tours import TourProblem
from tests.doubles import Scripted
from tests.test_space import gbnf_to_regex

HERE = str(Path(__file__).parent)
EXAMPLES = {
    "linear": {
        "targets": [{"w": 3.7, "b": -12.25}],
        "num_input_decimals": 2,
        "tolerance": {"w": 0.1, "b": 0.5},
    },
    "multilinear": {"targets": [{"w1": 3, "w2": -7, "w3": 1, "b": 5}], "num_features": 3},
    "sine": {"targets": [{"a": 3, "omega": 1.5, "phi": 0.5, "c": 2}]},
    "network": {"targets": [{"w": 3, "b": 5}], "hidden": 3},
    "tsp": {"targets": [{"cities": 12}]},
    "functions": {"targets": [{"function": "rosenbrock", "dim": 3}]},
    "custom": {
        "objective": "objectives.py:bowl",
        "folder": HERE,
        "parameters": {
            "x": {"low": 1e-5, "high": 1, "scale": "log"},
            "n": {"low": 1, "high": 8, "type": "int"},
            "kernel": {"choices": ["rbf", "poly"]},
        },
        "starts": [{"x": 0.5, "n": 2, "kernel": "rbf"}],
    },
}


def settings(kind: str):
    return problems.settings_of(kind).model_validate({"kind": kind, **EXAMPLES[kind]})


def instance(kind: str):
    made = settings(kind)
    return made.build(made.targets[0], 0)


PROBLEMS = {kind: instance(kind) for kind in problems.KINDS}


def any_point(space, rng: np.random.Generator):
    if isinstance(space, Tours):
        return space.from_values(rng.permutation(space.cities).tolist())
    if isinstance(space, Mixed):
        return space.drawn(rng)
    return space.from_values([float(rng.uniform(r.low, r.high)) for r in space.ranges])


def test_there_is_an_example_of_every_kind():
    assert set(EXAMPLES) == set(problems.KINDS)


def suits(name: str, problem) -> bool:
    """Whether an optimizer can work on a problem: gradients, a cube, or distances."""
    if name == "sgd":
        return isinstance(problem, Differentiable) and bool(problem.optimum)
    if name in ("nelder-mead", "cma-es", "tpe", "quadratic-fit"):
        return isinstance(problem.space, Continuous)
    if name in ("nearest-neighbour", "farthest-insertion", "two-opt"):
        return isinstance(problem, TourProblem)
    return True


@pytest.mark.parametrize("kind", problems.KINDS)
class TestEveryProblem:
    def test_its_section_has_its_kind_and_a_summary(self, kind):
        made = settings(kind)
        assert made.kind == kind
        assert made.summary
        assert type(made).model_validate(made.model_dump(mode="json")) == made

    def test_starts_are_distinct_points_that_the_generator_alone_decides(self, kind):
        problem = PROBLEMS[kind]
        starts = problem.starts(np.random.default_rng(3))
        assert starts
        assert len(starts) == len(set(starts))
        assert starts == instance(kind).starts(np.random.default_rng(3))
        for point in starts:
            assert problem.space.from_values(problem.space.to_values(point)) == point

    @given(seed=st.integers(0, 2**32 - 1))
    def test_writing_and_reading_are_inverses(self, kind, seed):
        space = PROBLEMS[kind].space
        point = any_point(space, np.random.default_rng(seed))
        line = space.render(point)
        assert line.startswith(space.lead)
        assert len(line) <= space.max_chars
        assert space.read(line) == point
        values = json.loads(json.dumps(space.to_values(point)))
        assert space.from_values(values) == point
        assert space.from_values(list(point)) == point
        jsonschema.validate(values, space.schema())
        assert re.fullmatch(gbnf_to_regex(space.grammar()), line.removeprefix(space.lead))
        event = Started((engine.Scored(point, 1.0),))
        assert from_json(json.loads(json.dumps(to_json(event)))) == event

    @given(seed=st.integers(0, 2**32 - 1))
    def test_replies_as_asked_for_are_read_in_both_forms(self, kind, seed):
        problem = PROBLEMS[kind]
        point = any_point(problem.space, np.random.default_rng(seed))
        reply = json.dumps({"reasoning": "r", "solution": problem.space.to_values(point)})
        assert read_reply(Reply(reply, "stop", "m"), "instruct", problem.space) == [point]
        rest = problem.space.render(point).removeprefix(problem.space.lead)
        assert read_reply(Reply(rest + "\n", "stop", "m"), "list", problem.space) == [point]

    def test_both_meta_prompts_show_the_pairs_and_say_what_is_wanted(self, kind):
        problem = PROBLEMS[kind]
        points = problem.starts(np.random.default_rng(0))
        pairs = [(point, 10.0 - i) for i, point in enumerate(points)]
        for form in ("instruct", "list"):
            text = FORMS[form].write(problem, pairs, 1.0).text
            positions = [text.index(problem.space.render(point)) for point in points]
            assert positions == sorted(positions)
            assert "\n\n\n" not in text
        instruct = FORMS["instruct"].write(problem, pairs, None).text
        assert problem.wording.task in instruct
        assert problem.wording.direction in instruct

    @pytest.mark.parametrize("name", optimizers.NAMES)
    def test_every_optimizer_runs_on_it_or_says_why_not(self, kind, name):
        """Twice, with the same events."""
        problem = PROBLEMS[kind]
        section = optimizers.settings_of(name)()
        if not suits(name, problem):
            with pytest.raises(UsageError):
                section.build(optimizers.Task(problem, None))
            return
        if name == "sgd":
            section = section.model_copy(update={"max_iterations": 50})
        spec = RunSpec("p", settings(kind), 0, section, 0, Limits(3))
        assert RunSpec.load(json.loads(json.dumps(spec.dump()))) == spec
        first, second = events(spec), events(spec)
        assert first == second
        assert isinstance(first[0], Started)
        assert isinstance(first[-1], Stopped)
        if name == "opro":
            assert sum(isinstance(e, Prompted) for e in first) == 3
            assert any(
                p.source == "model" for e in first if isinstance(e, Stepped) for p in e.pairs
            )


def events(spec: RunSpec) -> list:
    space = spec.instance().space

    def answer(request, sample: int) -> str:
        point = any_point(space, np.random.default_rng([request.seed, sample]))
        return json.dumps({"reasoning": "r", "solution": space.to_values(point)})

    journal = Journal()
    llm = Scripted(answer) if spec.optimizer.needs_model else None
    asyncio.run(engine.run(spec, journal, Surroundings(llm)))
    return journal.events


class Journal:
    def __init__(self) -> None:
        self.events: list = []

    def emit(self, event) -> None:
        self.events.append(event)

    async def settle(self) -> None:
        pass
