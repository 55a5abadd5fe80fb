"""Benchmark functions have their minimum where it was moved to; the model is not told where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.problems.benchmark_functions import FUNCTIONS, BenchmarkFunctionSettings


def made(name: str, dim: int = 3, repetition: int = 0, **more):
    target = {"function": name, "dim": dim}
    return BenchmarkFunctionSettings(targets=[target], **more).build(target, repetition)


def minimum(problem):
    """The moved minimum, as a point that can be proposed."""
    return problem.space.from_values(list(problem.target))


@pytest.mark.parametrize("name", FUNCTIONS)
class TestEveryFunction:
    def test_its_minimum_is_zero_at_a_point_that_can_be_proposed(self, name):
        problem = made(name)
        point = minimum(problem)
        assert problem.evaluate(point) == pytest.approx(0, abs=1e-9)
        assert problem.solved(point, 0.0)

    @given(seed=st.integers(0, 2**32 - 1))
    def test_no_point_has_a_lower_value(self, name, seed):
        problem = made(name)
        for point in problem.starts(np.random.default_rng(seed)):
            assert problem.evaluate(point) >= -1e-9

    def test_the_model_is_told_neither_name_nor_minimum(self, name):
        problem = made(name)
        pairs = [(p, problem.evaluate(p)) for p in problem.starts(np.random.default_rng(0))]
        for form in ("instruct", "list"):
            text = FORMS[form].write(problem, pairs, 1.0).text
            assert name not in text.lower()
        told = made(name, neutral=False)
        assert name in FORMS["instruct"].write(told, pairs, 1.0).text.lower()

    def test_the_shift_changes_with_the_repetition_and_stays_in_the_middle(self, name):
        first, second = made(name), made(name, repetition=1)
        assert minimum(first) != minimum(second)
        low, high = FUNCTIONS[name].bounds
        for value in minimum(first):
            assert low + 0.19 * (high - low) <= value <= high - 0.19 * (high - low)

    def test_without_a_shift_it_has_the_minimum_of_the_textbooks(self, name):
        problem = made(name, shifted=False)
        assert minimum(problem) == (FUNCTIONS[name].minimum,) * 3


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [  # by hand, from the formulas
        ("sphere", (1, 2, 2), 9),
        ("rosenbrock", (0, 0, 0), 2),
        ("rosenbrock", (1, 2, 4), 101),
        ("rastrigin", (1, 0, 0), 1),
        ("ackley", (1, 1, 1), 20 - 20 * np.exp(-0.2)),
        ("griewank", (0, 0, 0), 0),
        ("zakharov", (1, 0, 0), 1 + 0.25 + 0.0625),
    ],
)
def test_values_are_those_of_the_formulas(name, point, value):
    assert made(name, shifted=False).evaluate(point) == pytest.approx(value)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"function": "rosenbrok", "dim": 2}, "rosenbrok"),
        ({"function": "rosenbrock", "dim": 1}, "dim of rosenbrock"),
        ({"function": "sphere", "dim": 1.5}, "dim of sphere"),
        ({"function": "sphere"}, "a function and a dim"),
    ],
)
def test_other_targets_are_refused(target, said):
    with pytest.raises(ValidationError, match=said):
        BenchmarkFunctionSettings(targets=[target])
