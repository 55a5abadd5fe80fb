"""Parameters of every kind are written and read; impossible ones are refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from opro_cli.core.problem import InvalidSolution
from opro_cli.problems.custom.parameters import Mixed, Parameter
from opro_cli.problems.spaces.coordinates import LogIntegers, LogRange
from tests.grammar import gbnf_to_regex


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    kind = draw(st.sampled_from(["float", "log", "int", "whole log", "choices"]))
    if kind == "choices":
        words = st.one_of(
            st.from_regex(r"[a-z][a-z0-9_.+-]{0,5}", fullmatch=True),
            st.integers(-100, 100),
            st.booleans(),
            st.none(),
        )
        choices = draw(st.lists(words, min_size=1, max_size=5, unique_by=lambda c: str(c).lower()))
        choices = [c for c in choices if str(c) not in ("null", "true", "false")]
        return Parameter(choices=choices or ["a"])
    if kind == "log":
        low, more = draw(st.integers(-12, 5)), draw(st.integers(1, 9))
        digits = draw(st.integers(1, 6))
        return Parameter(low=10.0**low, high=10.0 ** (low + more), scale="log", digits=digits)
    if kind == "whole log":
        low = draw(st.integers(1, 10**6))
        high = low + draw(st.integers(1, 10**7))
        return Parameter(low=low, high=high, type="int", scale="log")
    low = draw(st.integers(-99, 98))
    high = draw(st.integers(low + 1, 99))
    return Parameter(low=low, high=high, type=kind, digits=draw(st.integers(1, 6)))


@given(st.lists(parameters(), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_points_drawn_are_written_and_read_back(made, seed):
    space = Mixed({f"p{i}": parameter for i, parameter in enumerate(made)})
    point = space.draw(np.random.default_rng(seed))
    line = space.render(point)
    assert space.read(line) == point
    assert len(line) <= space.max_chars
    assert re.fullmatch(gbnf_to_regex(space.grammar()), line.removeprefix(space.prefix))
    for parameter, value in zip(made, point, strict=True):
        if parameter.choices is None:
            assert parameter.low <= value <= parameter.high
            assert parameter.type == "float" or isinstance(value, int)


def test_a_logarithmic_scale_is_drawn_from_evenly():
    parameter = Parameter(low=1e-6, high=1, scale="log")
    rng = np.random.default_rng(0)
    values = [parameter.draw(rng) for _ in range(1000)]
    assert 400 < sum(value < 1e-3 for value in values) < 600


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "either choices, or low and high"),
        ({"low": 1}, "either choices, or low and high"),
        ({"low": 1, "high": 2, "choices": ["a"]}, "either choices, or low and high"),
        ({"low": 2, "high": 1}, "low must be below high"),
        ({"low": 0, "high": 1, "scale": "log"}, "at least 1e-99"),
        ({"low": 0.5, "high": 8, "type": "int"}, "cannot be written as an int"),
        ({"low": 0.12345, "high": 1}, "with digits: 3; set digits: 6"),
        ({"low": 1.2345e-3, "high": 1, "scale": "log"}, "with digits: 3; set digits: 5"),
        ({"low": 1, "high": 1e300}, "at most 1e"),
        ({"choices": []}, "at least one"),
        ({"choices": ["a", "a"]}, "all different"),
        ({"choices": ["two words"]}, "two words"),
        ({"choices": ["a,b"]}, "a,b"),
        ({"choices": [float("inf")]}, "not finite"),
        ({"low": True, "high": 3}, "not true or false"),
        ({"low": 1e-3, "high": 9, "digits": 2}, "digits: 2; set digits: 4, or scale: log"),
        ({"low": 0.1234567890123, "high": 1}, "digits: 3, nor with 12; round it"),
        ({"low": 7, "high": 7}, r"a single value is `choices: \[value\]`"),
        ({"low": 0.5, "high": 8, "type": "int"}, "leave out `type: int`"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        Parameter(**settings)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"lower": 1, "upper": 2}, "lower is called low; upper is called high"),
        ({"options": ["a"]}, "options is called choices"),
        ({"low": 1, "high": 9, "log_scale": True}, "log_scale is written `scale: log`"),
        ({"low": 1, "high": 9, "scale": "logarithmic"}, "is written `scale: log`"),
        ({"low": 1, "high": 9, "scale": "lin"}, "is written `scale: linear`"),
        ({"low": 1, "high": 9, "q": 2}, "`choices: "),
        ({"low": 1, "high": 9, "type": "integer"}, "`type: integer` is written `type: int`"),
        ({"low": 1, "high": 9, "type": "double"}, "`type: double` is written `type: float`"),
        ({"type": "bool"}, r"`choices: \[true, false\]`, without a type"),
        ({"dist": "loguniform", "low": 1, "high": 2}, "is written `scale: log`"),
        ({"dist": "uniform", "low": 1, "high": 2}, "is left out"),
        ({"low": 1, "high": 9, "default": 3}, "in `problem.starts`"),
        ({"low": 1, "high": 9, "precision": 3}, "precision is called digits"),
        ({"choices": [{"a": 1}]}, "give each of these a name"),
        ([2, 8], "a range is written `{low: 2, high: 8}`"),
        (["a", "b"], r"a list of choices is written `{choices: \[a, b\]}`"),
        ("log(1, 9)", "a parameter is written `{low: 0, high: 1}`"),
        (4, "a parameter is"),
        (None, "a parameter is"),
    ],
)
def test_a_parameter_of_another_program_is_told_how_it_is_written_here(written, said):
    with pytest.raises(ValidationError, match=said):
        Parameter.model_validate(written)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"choices": [1, 10], "scale": "log"}, "scale"),
        ({"choices": [1, 10], "type": "int"}, "type"),
        ({"low": 1, "high": 9, "type": "int", "digits": 2}, "digits"),
        ({"low": 1, "high": 9, "type": "int", "scale": "log"}, ""),
        ({"low": 1, "high": 9, "digits": 2}, ""),
    ],
)
def test_a_setting_without_effect_is_named(settings, said):
    assert Parameter(**settings).without_effect() == said


def test_whole_numbers_have_a_logarithmic_scale_everywhere():
    space = Mixed({"n": Parameter(low=1, high=10**6, type="int", scale="log")})
    (n,) = space.coordinates
    rng = np.random.default_rng(0)
    for draw in (space.draw, space.sample):
        found = [draw(rng)[0] for _ in range(1000)]
        assert 400 < sum(value < 1000 for value in found) < 600
        assert all(type(value) is int and 1 <= value <= 10**6 for value in found)
    near_low = [n.neighbor(2, rng) for _ in range(1000)]
    near_high = [n.neighbor(500_000, rng) for _ in range(1000)]
    assert {1, 2, 3} < set(near_low) and max(near_low) <= 2 * 10**1.5 + 1
    assert min(near_high) >= 500_000 / 10**1.5 - 1 and sum(v > 500_000 for v in near_high) > 400
    assert n.to_unit(1) == 0 and n.to_unit(10**6) == 1
    assert n.to_unit(1000) == pytest.approx(0.5)
    assert n.from_unit(0.5) == 1000 and n.from_unit(-1) == 1
    assert n.schema() == {"type": "integer", "minimum": 1, "maximum": 10**6}
    assert n.describe() == "n is a whole number from 1 to 1000000, on a logarithmic scale"
    assert "E" not in n.render(10**6) and n.parse("31.6") == 32


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_whole_numbers_are_the_same_after_the_unit_cube(a, b):
    low, high = min(a, b), max(a, b) + 1
    n = LogIntegers("n", low, high)
    for value in (low, high, (low + high) // 2, int((low * high) ** 0.5)):
        assert n.from_unit(n.to_unit(value)) == value


SPACE = Mixed(
    {
        "lr": Parameter(low=1e-5, high=1, scale="log"),
        "depth": Parameter(low=1, high=8, type="int"),
        "kernel": Parameter(choices=["rbf", 16, True, None]),
    }
)


@pytest.mark.parametrize(
    ("values", "point"),
    [
        ({"lr": 0.01234, "depth": 3, "kernel": "rbf"}, (0.0123, 3, "rbf")),
        ({"lr": "1e-3", "depth": 3.2, "kernel": 16}, (0.001, 3, 16)),
        (["1", "8", "true"], (1.0, 8, True)),
        ([1, 8, None], (1.0, 8, None)),
        ([1, 8, 16.0], (1.0, 8, 16)),
        ([1, 8, "1.6e1"], (1.0, 8, 16)),
        ([1, 8, "None"], (1.0, 8, None)),
        ([1, 8, "True"], (1.0, 8, True)),
    ],
)
def test_values_are_rounded_and_choices_found(values, point):
    found = SPACE.from_values(values)
    assert found == point
    assert list(map(type, found)) == list(map(type, point))


@pytest.mark.parametrize(
    ("values", "status", "why"),
    [
        ({"lr": 2, "depth": 3, "kernel": "rbf"}, "out_of_range", "lr is outside 1.00e-05 to"),
        ({"lr": -1, "depth": 3, "kernel": "rbf"}, "out_of_range", "lr is outside"),
        ({"lr": 0, "depth": 3, "kernel": "rbf"}, "out_of_range", "lr is outside"),
        ({"lr": 1, "depth": 9, "kernel": "rbf"}, "out_of_range", "depth is outside"),
        ({"lr": 1, "depth": 3, "kernel": "linear"}, "out_of_range", "none of rbf, 16, true, null"),
        ({"lr": "x", "depth": 3, "kernel": "rbf"}, "unparsable", "not a number"),
        ({"lr": 1, "depth": 3}, "unparsable", "no value for kernel"),
        ([1, 2], "unparsable", "not 3 values"),
    ],
)
def test_values_that_are_no_point_are_refused(values, status, why):
    with pytest.raises(InvalidSolution, match=why) as caught:
        SPACE.from_values(values)
    assert caught.value.status == status


def test_constraints_are_described_in_words():
    assert SPACE.describe() == (
        "lr is a number from 1.00e-05 to 1.00e+00, on a logarithmic scale, depth is a whole "
        "number from 1 to 8 and kernel is one of rbf, 16, true, null"
    )


def test_one_digit_needs_no_decimal_point():
    assert LogRange("lr", 1e-5, 1.0, digits=1).render(0.0002) == "2e-04"
