"""A study: the caller's own loop gives the values."""

from __future__ import annotations

import pytest

import opro_cli as opro

LINE = {"x": (0.0, 1.0)}
RANDOM = {"optimizer": "random", "budget": 12}


def test_a_study_makes_the_same_run_as_minimize():
    study = opro.Study(LINE, **RANDOM)
    assert (study.best, study.run, study.result) == (None, None, None)
    numbers = []
    for t in study:
        numbers.append(t.number)
        t.tell(t.values["x"] ** 2)
    assert numbers == list(range(1, 13))
    r = opro.minimize(lambda x: x**2, LINE, **RANDOM)
    assert (study.best, study.value) == (r.best, r.value)
    assert study.result.message == r.message


def test_a_value_is_in_the_log_at_once_and_leaving_the_loop_leaves_a_run_to_go_on_with():
    study = opro.Study(LINE, **RANDOM, direction="maximize")
    told = []
    for t in study:
        if t.number == 8:
            break
        t.tell(t.values["x"])
        told.append(t.values["x"])
        assert study.value == max(told)
    assert study.result is None
    assert study.run.state == "unfinished"
    waiting = t
    with pytest.raises(opro.OproError, match="was left"):
        waiting.tell(1.0)
    again = [t.tell(t.values["x"]) or t.values["x"] for t in study]
    assert again[0] == waiting.values["x"]
    assert len(told) + len(again) == 12
    assert study.result.nfev == 12


def test_a_trial_can_fail_and_needs_its_value_once():
    study = opro.Study(LINE, **RANDOM)
    for t in study:
        if t.number == 2:
            t.fail("the oven was cold")
        elif t.number == 3:
            t.fail(OSError("no oven"))
        else:
            t.tell(t.values["x"], "warm")
        with pytest.raises(opro.OproError, match="already"):
            t.tell(0)
    trials = study.run.trials()
    assert [trial["why"] for trial in trials[1:3]] == ["the oven was cold", "OSError: no oven"]
    assert trials[0]["note"] == "warm"


def test_a_trial_without_a_value_is_an_error_at_the_next_one():
    with pytest.raises(opro.OproError, match="Trial 1 has no value yet") as caught:
        for _ in opro.Study(LINE, **RANDOM):
            pass
    assert "tell(value) or fail(why)" in caught.value.hint


def test_a_wrong_argument_is_an_error_before_the_first_trial():
    with pytest.raises(opro.OproError, match="direction"):
        opro.Study(LINE, "best")
    with pytest.raises(opro.OproError, match="budge"):
        opro.Study(LINE, budge=3)
    with pytest.raises(opro.OproError, match=r"space\.x"):
        next(iter(opro.Study({"x": 3}, **RANDOM)))
