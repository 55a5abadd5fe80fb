"""A space that is written wrongly is answered before the function is called."""

from __future__ import annotations

import math

import pytest

import opro_cli as opro


@pytest.mark.parametrize(
    ("entry", "said", "hint"),
    [
        (("1", 12), "bounds are finite numbers", "as in (1, 12); choices are written as a list"),
        (("1", "12"), "bounds are finite numbers", "as in (1, 12); choices are written as a list"),
        ((1, math.nan), "bounds are finite numbers", "as in (1, 12)"),
        ((0.0, math.inf), "bounds are finite numbers", "as in (1, 12)"),
        ((None, 3), "bounds are finite numbers", "as in (1, 12)"),
        ((12, 1), "the first bound is the lower one", "as in (1, 12)"),
        ((0.5, 0.5), "the first bound is the lower one", "leave out a parameter"),
        (opro.log("1e-6", 100), "bounds are finite numbers", "as in opro.log(1, 12)"),
        (opro.log(0, 100), "a logarithmic scale begins above 0", "as in opro.log(1e-6, 100)"),
        (opro.log(-1.0, 1.0), "a logarithmic scale begins above 0", "as in opro.log(1e-6, 1.0)"),
        (opro.log(10, 1), "the first bound is the lower one", "as in opro.log(1, 10)"),
    ],
)
def test_bounds_that_are_none_are_refused_with_how_to_write_them(entry, said, hint):
    called = []
    with pytest.raises(opro.OproError, match=said) as caught:
        opro.minimize(lambda d: called.append(d), {"d": entry}, optimizer="random", budget=2)
    assert hint in caught.value.hint
    assert str(caught.value).startswith("space.d ")
    assert not called


@pytest.mark.parametrize(
    ("space", "said"), [({}, "The space is empty"), ([("d", (1, 2))], "The space is no mapping")]
)
def test_a_space_without_parameters_is_refused(space, said):
    with pytest.raises(opro.OproError, match=said):
        opro.minimize(lambda d: 1.0, space, optimizer="random", budget=2)


@pytest.mark.parametrize("entry", [("a", "b"), ["1", "12"], ("1", "2", "4"), (True, False)])
def test_a_sequence_of_words_is_one_of_choices(entry):
    found = opro.minimize(lambda d: 1.0, {"d": entry}, optimizer="random", budget=8)
    assert {trial["params_d"] for trial in found.run.trials()} == set(entry)
