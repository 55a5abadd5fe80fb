"""Values as text for a meta-prompt: decimals where they are set, else significant digits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.core.numbers import distinct, significant
from opro_cli.core.problem import ProblemText
from opro_cli.core.text import point
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.custom.problem import CustomSettings
from opro_cli.problems.tsp.problem import TspSettings

DIGITS = ProblemText("f", "x", value_decimals=None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.5e-11, "2.5e-11"),
        (3e155, "3e+155"),
        (0.00123456789, "0.00123457"),
        (-0.0, "0"),
        (17.0, "17"),
        (98765.4321, "98765.4"),
        (7654321.25, "7654321"),
        (3e9, "3e+09"),
        (float("inf"), "inf"),
    ],
)
def test_a_value_has_six_significant_digits_and_an_exponent_where_it_is_shorter(value, text):
    assert significant(value) == text
    assert DIGITS.render_value(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_is_short_and_near(value):
    text = significant(value)
    assert len(text) <= 13
    assert float(text) == pytest.approx(value, rel=1e-5, abs=5e-324)


def test_values_that_differ_look_different():
    assert distinct([5000000.25, 5000000.5]) == ["5000000.2", "5000000.5"]
    assert distinct([1 / 3, 2 / 3]) == ["0.333333", "0.666667"]
    # By rounding errors alone they do not.
    assert distinct([0.1 + 0.2, 0.3]) == ["0.3", "0.3"]
    assert distinct([]) == []
    assert DIGITS.render_values([1e-7, 1.0000001e-7]) == ["1e-07", "1.0000001e-07"]


def test_decimals_that_are_set_keep_their_meaning():
    cut, two = (ProblemText("f", "x", value_decimals=n) for n in (0, 2))
    assert cut.render_values([12.9, 1e-9]) == ["12", "0"]
    assert two.render_values([12.999, 1e-9]) == ["13.00", "0.00"]


@pytest.mark.parametrize("form", ["instruct", "list", "rows"])
def test_tiny_values_are_told_apart_in_a_prompt(form):
    settings = CustomSettings(objective="f.py:f", parameters={"x": {"low": 0, "high": 9}})
    problem = settings.build({}, 0)
    pairs = [((float(x),), x * 1e-12) for x in (3, 2, 1)]
    shown = FORMS[form].write(problem, pairs, None).shown
    assert [value for _, value in shown] == ["3e-12", "2e-12", "1e-12"]


def test_a_recorded_run_keeps_its_decimals():
    found = 0
    for path in Path(__file__).parent.parent.glob("data/*/*/run.json"):
        data = json.loads(path.read_text())["spec"]
        spec = RunSpec.load(data)
        if "num_output_decimals" in data["problem"]:
            found += 1
            assert (
                spec.build_problem().text.value_decimals == data["problem"]["num_output_decimals"]
            )
    assert found


def test_defaults_of_published_experiments_stay():
    assert TspSettings(targets=[{"cities": 9}]).num_output_decimals == 0
    own = TspSettings(coordinates=[[0, 0], [0, 1], [1, 1], [1, 0.5]])
    assert own.num_output_decimals is None


def test_points_show_true_false_and_null():
    assert point((0.25, True, None, False, "rbf", 1)) == "(0.25, true, null, false, rbf, 1)"
