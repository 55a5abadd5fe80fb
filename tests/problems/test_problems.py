"""Every problem keeps its protocol, and every optimizer runs on it or says why not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.errors import UsageError
from opro_cli.core.events import (
    Evaluated,
    Evaluation,
    Prompted,
    Reply,
    Started,
    Stepped,
    Stopped,
)
from opro_cli.core.events.json_form import from_json, to_json
from opro_cli.core.optimizer import Limits, OptimizerContext
from opro_cli.core.problem import Continuous, Measurement, Rowed, Textual
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.optimizers.gradient_descent import Differentiable
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.replies import read_reply
from opro_cli.presets.spec import RunSpec
from opro_cli.problems import PROBLEMS
from opro_cli.problems.custom.in_process import BoundFunction, CallableSettings
from opro_cli.problems.custom.parameters import Mixed
from opro_cli.problems.spaces.tours import Tours
from opro_cli.problems.tsp.heuristics import TourProblem
from tests.doubles import Scripted, run_spec
from tests.grammar import gbnf_to_regex
from tests.objectives import bowl

HERE = str(Path(__file__).parent.parent)
"""The folder of objectives.py."""
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
    "instructions": {
        "generated": "labels",
        "metric": "label",
        "split": {"train": 10, "dev": 5, "test": 5},
    },
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


EXAMPLES["callable"] = {**EXAMPLES["custom"], "objective": "bowl"}
del EXAMPLES["callable"]["folder"]


async def measure_bowl(arguments: dict) -> Measurement:
    return Measurement(bowl(**arguments))


def settings(kind: str):
    made = PROBLEMS[kind].model_validate({"kind": kind, **EXAMPLES[kind]})
    return made.bound(BoundFunction(measure_bowl)) if isinstance(made, CallableSettings) else made


def build_problem(kind: str):
    made = settings(kind)
    return made.build(made.targets[0], 0)


INSTANCES = {kind: build_problem(kind) for kind in PROBLEMS}


ROWED = [kind for kind, problem in INSTANCES.items() if isinstance(problem.space, Rowed)]
"""The problems whose points can be drawn, and continued as a list."""


def any_point(space, rng: np.random.Generator):
    if isinstance(space, Tours):
        return space.from_values(rng.permutation(space.cities).tolist())
    if isinstance(space, Mixed):
        return space.draw(rng)
    return space.from_values([float(rng.uniform(r.low, r.high)) for r in space.ranges])


def test_there_is_an_example_of_every_kind():
    assert set(EXAMPLES) == set(PROBLEMS)


def fits(name: str, problem) -> bool:
    """Whether an optimizer can work on a problem: gradients, a cube, distances, or texts."""
    if isinstance(problem.space, Textual):
        return name in ("opro", "fixed", "rephrase", "one-step", "no-scores", "halving")
    if name == "sgd":
        return isinstance(problem, Differentiable) and bool(problem.optimum)
    if name in ("nelder-mead", "cma-es", "tpe", "quadratic-fit"):
        return isinstance(problem.space, Continuous)
    if name in ("nearest-neighbour", "farthest-insertion", "two-opt"):
        return isinstance(problem, TourProblem)
    return name in ("opro", "random", "local-search")


@pytest.mark.parametrize("kind", list(PROBLEMS))
class TestEveryProblem:
    def test_its_section_has_its_kind_and_a_summary(self, kind):
        made = settings(kind)
        assert made.kind == kind
        assert made.summary
        dumped = made.model_dump(mode="json")
        assert type(made).model_validate(dumped).model_dump(mode="json") == dumped

    def test_starts_are_distinct_points_that_the_generator_alone_decides(self, kind):
        problem = INSTANCES[kind]
        starts = problem.starts(np.random.default_rng(3))
        assert starts
        assert len(starts) == len(set(starts))
        assert starts == build_problem(kind).starts(np.random.default_rng(3))
        for point in starts:
            assert problem.space.from_values(problem.space.to_values(point)) == point

    @pytest.mark.parametrize("name", list(OPTIMIZERS))
    def test_an_optimizer_that_cannot_work_on_it_says_so(self, kind, name):
        problem = INSTANCES[kind]
        section = OPTIMIZERS[name]()
        if not fits(name, problem):
            with pytest.raises(UsageError) as caught:
                section.build(OptimizerContext(problem, None))
            assert caught.value.hint


@pytest.mark.parametrize("kind", ROWED)
class TestEveryProblemOfRows:
    @given(seed=st.integers(0, 2**32 - 1))
    def test_writing_and_reading_are_inverses(self, kind, seed):
        space = INSTANCES[kind].space
        point = any_point(space, np.random.default_rng(seed))
        line = space.render(point)
        assert line.startswith(space.prefix)
        assert len(line) <= space.max_chars
        assert space.read(line) == point
        values = json.loads(json.dumps(space.to_values(point)))
        assert space.from_values(values) == point
        assert space.from_values(list(point)) == point
        jsonschema.validate(values, space.schema())
        assert re.fullmatch(gbnf_to_regex(space.grammar()), line.removeprefix(space.prefix))
        event = Started((Evaluation(point, 1.0),))
        assert from_json(json.loads(json.dumps(to_json(event)))) == event

    @given(seed=st.integers(0, 2**32 - 1))
    def test_replies_of_the_requested_shape_are_read_in_both_forms(self, kind, seed):
        problem = INSTANCES[kind]
        point = any_point(problem.space, np.random.default_rng(seed))
        reply = json.dumps({"reasoning": "r", "solution": problem.space.to_values(point)})
        assert read_reply(Reply(reply, "stop", "m"), "instruct", problem.space) == [point]
        rest = problem.space.render(point).removeprefix(problem.space.prefix)
        assert read_reply(Reply(rest + "\n", "stop", "m"), "list", problem.space) == [point]

    def test_both_meta_prompts_show_the_pairs_and_state_the_task(self, kind):
        problem = INSTANCES[kind]
        points = problem.starts(np.random.default_rng(0))
        pairs = [(point, 10.0 - i) for i, point in enumerate(points)]
        for form in ("instruct", "list"):
            text = FORMS[form].write(problem, pairs, 1.0).text
            positions = [text.index(problem.space.render(point)) for point in points]
            assert positions == sorted(positions)
            assert "\n\n\n" not in text
        instruct = FORMS["instruct"].write(problem, pairs, None).text
        assert problem.text.task in instruct
        assert problem.text.direction in instruct

    @pytest.mark.parametrize("name", list(OPTIMIZERS))
    def test_every_optimizer_that_fits_runs_on_it(self, kind, name):
        """Twice, with the same events."""
        section = OPTIMIZERS[name]()
        if not fits(name, INSTANCES[kind]):
            return
        if name == "sgd":
            section = section.model_copy(update={"max_iterations": 50})
        spec = RunSpec("p", settings(kind), 0, section, 0, Limits(3))
        assert RunSpec.load(json.loads(json.dumps(spec.dump()))).dump() == spec.dump()
        first, second = run(spec), run(spec)
        assert first == second
        assert isinstance(first[0], Started)
        assert isinstance(first[-1], Stopped)
        if name == "opro":
            assert sum(isinstance(e, Prompted) for e in first) == 3
            assert any(
                p.source == "model" for e in first if isinstance(e, Stepped) for p in e.pairs
            )


def run(spec: RunSpec) -> list:
    space = spec.build_problem().space

    def answer(request, sample: int) -> str:
        point = any_point(space, np.random.default_rng([request.seed, sample]))
        return json.dumps({"reasoning": "r", "solution": space.to_values(point)})

    events = run_spec(spec, Scripted(answer))
    return [event for event in events if not isinstance(event, Evaluated)]
