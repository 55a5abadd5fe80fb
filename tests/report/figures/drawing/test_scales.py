"""Scales: places, ticks and labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.report.figures.drawing.scales import Scale, decades, fitting, nice_step, plain, power

SIZES = st.floats(1e-9, 1e12)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=9), st.sampled_from([None, True]))
def test_every_number_has_a_place_on_a_scale_that_fits_it(values, log):
    scale = fitting(values, 0, 100, log=log)
    places = [scale(v) for v in sorted(values)]
    assert all(-1e-9 <= place <= 100 + 1e-9 for place in places)
    assert places == sorted(places)
    ticks = scale.ticks()
    assert ticks == sorted(set(ticks))
    assert len(scale.labels(ticks)) == len(ticks) <= 20


@given(SIZES, SIZES)
def test_a_scale_of_decades_begins_with_a_power_of_ten_and_has_a_decade(a, b):
    scale = decades([a, b, 0.0, -1.0], 300, 0)
    assert math.log10(scale.low) == pytest.approx(round(math.log10(scale.low)))
    assert scale.high / scale.low >= 10 * (1 - 1e-9)
    assert scale.low <= min(a, b) * (1 + 1e-6)
    assert max(a, b) <= scale.high * (1 + 1e-6)


def test_minus_infinity_has_a_row_of_its_own():
    scale = Scale(1, 100, 200, 0, log=True, floor=230)
    assert [scale(v) for v in (-math.inf, 1, 10, 100)] == [230, 200, pytest.approx(100), 0]


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.05, 0, "0.05"),
        (1500, 0, "1,500"),
        (20_000, 0, "20k"),
        (3e6, 0, "3M"),
        (-0.25, 0.25, "−0.25"),
        (0.0, 0.5, "0.0"),
        (0.5, 0.5, "0.5"),
        (-1e-18, 0.2, "0"),
        (12_500, 500, "12.5k"),
    ],
)
def test_numbers_are_written_as_people_write_them(value, step, text):
    assert plain(value, step) == ("0" if value == 0 else text)


def test_powers_of_ten_have_their_exponent_apart():
    assert power(1000) == ("10", "3")
    assert power(1e-4) == ("10", "−4")
    assert power(2e6) == ("2·10", "6")


def test_a_step_is_a_round_number():
    assert [nice_step(v) for v in (0.3, 1, 1.1, 4, 7)] == [0.5, 1, 2, 5, 10]
