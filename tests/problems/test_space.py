"""Writing a point and reading it are inverses; values that are no point are refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.problem import Continuous, InvalidSolution
from opro_cli.problems.spaces.coordinates import Range, rounded
from opro_cli.problems.spaces.named import Box
from tests.grammar import gbnf_to_regex

NAMES = st.lists(
    st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), min_size=1, max_size=4, unique=True
)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    ranges = []
    for name in draw(NAMES):
        low = draw(st.integers(-1000, 999))
        high = draw(st.integers(low + 1, 1000))
        ranges.append(Range(name, low, high, draw(st.integers(0, 3))))
    return Box(ranges)


@st.composite
def points(draw: st.DrawFn) -> tuple[Box, tuple]:
    box = draw(boxes())
    unrounded = [draw(st.floats(r.low, r.high)) for r in box.ranges]
    return box, box.from_values(unrounded)


@given(points())
def test_render_and_read_are_inverses(case):
    box, point = case
    assert box.read(box.render(point)) == point
    assert box.render(point).startswith(box.prefix)
    assert len(box.render(point)) <= box.max_chars


@pytest.mark.parametrize(
    ("decimals", "half", "even"), [(0, 14.5, 14), (0, 15.5, 16), (1, 0.25, 0.2)]
)
def test_halfway_but_for_a_rounding_error_is_halfway(decimals, half, even):
    a = Range("a", -20, 20, decimals)
    below, above = np.nextafter(half, -np.inf), np.nextafter(half, np.inf)
    assert [a.nearest(float(v)) for v in (below, half, above)] == [even] * 3
    assert a.nearest(half + 1e-6) != a.nearest(half - 1e-6)


@given(points())
def test_values_and_json_are_inverses(case):
    box, point = case
    assert box.from_values(json.loads(json.dumps(box.to_values(point)))) == point
    assert box.from_values(list(point)) == point


@given(points())
def test_the_grammar_admits_every_rendered_point(case):
    box, point = case
    text = box.render(point).removeprefix(box.prefix)
    assert re.fullmatch(gbnf_to_regex(box.grammar()), text)


BOX = Box([Range("w", -100, 100), Range("b", -100, 100)])


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"w": 101, "b": 0}, "out_of_range"),
        ({"w": 1e300, "b": 0}, "out_of_range"),
        ({"w": 10**400, "b": 0}, "out_of_range"),
        ({"w": float("nan"), "b": 0}, "non_finite"),
        ({"w": float("inf"), "b": 0}, "non_finite"),
        ({"w": "1e999", "b": 0}, "non_finite"),
        ({"w": "NaN", "b": 0}, "non_finite"),
        ({"w": "0x10", "b": 0}, "unparsable"),
        ({"w": "１２", "b": 0}, "unparsable"),
        ({"w": "--5", "b": 0}, "unparsable"),
        ({"w": "1_0", "b": 0}, "unparsable"),
        ({"w": True, "b": 0}, "unparsable"),
        ({"w": None, "b": 0}, "unparsable"),
        ({"w": [1], "b": 0}, "unparsable"),
        ({"w": 1}, "unparsable"),
        ([1, 2, 3], "unparsable"),
        ([], "unparsable"),
    ],
)
def test_values_that_are_no_point_are_refused(values, status):
    with pytest.raises(InvalidSolution) as caught:
        BOX.from_values(values)
    assert caught.value.status == status


def test_numbers_are_rounded_half_to_even_as_numpy_does():
    assert BOX.from_values([14.5, 15.5]) == (14, 16)
    assert BOX.from_values(["-0.4", "2.0"]) == (0, 2)


def test_points_of_whole_numbers_are_python_integers():
    assert all(type(v) is int for v in BOX.from_values([1.0, "2"]))


def test_ranges_are_described_in_words():
    assert BOX.describe() == "w and b are whole numbers from -100 to 100"
    mixed = Box([Range("lr", 0, 1, 3), Range("depth", 1, 8)])
    assert "lr is a number with 3 decimals from 0.000 to 1.000" in mixed.describe()


@given(points())
def test_a_point_is_its_own_nearest_and_comes_back_from_the_cube(case):
    box, point = case
    assert box.nearest(point) == point
    unit = box.to_unit(point)
    assert ((unit >= -1e-12) & (unit <= 1 + 1e-12)).all()
    assert box.from_unit(unit) == point
    assert isinstance(box, Continuous)


@given(boxes(), st.data())
def test_the_nearest_point_is_one_of_the_space_and_no_farther_than_half_a_step(box, data):
    anywhere = tuple(data.draw(st.floats(-2000, 2000)) for _ in box.ranges)
    nearest = box.nearest(anywhere)
    assert box.from_values(nearest) == nearest
    for r, value, there in zip(box.ranges, anywhere, nearest, strict=True):
        if r.low <= value <= r.high:
            assert abs(value - there) <= 0.5 * 10**-r.decimals + 1e-9


def test_a_point_that_is_not_finite_is_left_as_it_is():
    box = Box([Range("w", 0, 1), Range("b", 0, 1)])
    assert box.nearest((float("inf"), 0.2)) == (float("inf"), 0.2)


@given(boxes(), st.integers(0, 2**32))
def test_samples_are_points_of_the_space_and_follow_the_seed(box, seed):
    sampled = box.sample(np.random.default_rng(seed))
    assert box.from_values(sampled) == sampled
    assert sampled == box.sample(np.random.default_rng(seed))


def test_samples_are_uniform_up_to_both_ends():
    box = Box([Range("w", -2, 2)])
    rng = np.random.default_rng(0)
    counts = np.bincount([box.sample(rng)[0] + 2 for _ in range(5000)])
    assert len(counts) == 5
    assert counts.min() > 900


@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(-(10**15), 10**15),
        st.builds(lambda n, d: (n + 0.5) / 10**d, st.integers(-9999, 9999), st.integers(0, 9)),
    ),
    st.one_of(st.integers(0, 9), st.integers(0, 110)),
)
def test_rounding_one_number_is_numpys_rounding(value, decimals):
    with np.errstate(over="ignore", invalid="ignore"):
        expected = float(np.round(value, decimals)) + 0.0
    found = rounded(value, decimals)
    assert type(found) is float
    assert found == expected or (found != found and expected != expected)
