"""A study: the caller's own loop gives the values."""

from __future__ import annotations

import json

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
    assert numbers == [trial["number"] for trial in study.run.trials()] == list(range(12))
    r = opro.minimize(lambda x: x**2, LINE, **RANDOM)
    assert (study.best, study.value) == (r.best, r.value)
    assert study.result.message == r.message


def test_a_value_is_in_the_log_at_once_and_leaving_the_loop_leaves_a_run_to_go_on_with():
    study = opro.Study(LINE, **RANDOM, direction="maximize")
    told = []
    for t in study:
        if t.number == 7:
            break
        t.tell(t.values["x"])
        told.append(t.values["x"])
        assert study.value == max(told)
    assert study.result is None
    assert study.run.state == "unfinished"
    waiting = t
    with pytest.raises(opro.OproError, match="was left"):
        waiting.tell(1.0)
    with pytest.raises(opro.OproError, match="was left") as caught:
        waiting.fail("too late")
    assert caught.value.__notes__ == ["hint: go over the study again: the point comes again"]
    numbers, again = [], []
    for t in study:
        t.tell(t.values["x"])
        numbers.append(t.number)
        again.append(t.values["x"])
    assert numbers == list(range(7, 12))
    assert again[0] == waiting.values["x"]
    assert len(told) + len(again) == 12
    assert study.result.nfev == 12


def test_the_commands_count_the_values_of_a_step_that_has_not_ended(request):
    command = request.getfixturevalue("opro")
    study = opro.Study(LINE, **RANDOM, runs="runs", name="oven")
    told = []
    for t in study:
        if len(told) == 4:
            break
        t.tell(t.values["x"])
        told.append(t.values["x"])
    row = json.loads(command("runs", "list", "--json").stdout)
    assert row["best"] == {"point": [min(told)], "value": min(told)} | row["best"]
    assert (row["evaluations"], row["distinct_pairs"], study.run.nfev) == (4, 4, 4)
    shown = command("runs", "show", "latest").stdout
    assert "4 evaluations, 4 points" in shown
    assert "no point with a value" not in shown
    for t in study:
        t.tell(t.values["x"])
    row = json.loads(command("runs", "list", "--json").stdout)
    assert (row["evaluations"], row["distinct_pairs"]) == (12, 12)


def test_a_trial_can_fail_and_needs_its_value_once():
    study = opro.Study(LINE, **RANDOM)
    for t in study:
        if t.number == 1:
            t.fail("the oven was cold")
        elif t.number == 2:
            t.fail(OSError("no oven"))
        else:
            t.tell(t.values["x"], "warm")
        with pytest.raises(opro.OproError, match="already"):
            t.tell(0)
    trials = study.run.trials()
    assert [trial["why"] for trial in trials[1:3]] == ["the oven was cold", "OSError: no oven"]
    assert trials[0]["note"] == "warm"


def test_a_trial_without_a_value_is_an_error_at_the_next_one():
    with pytest.raises(opro.OproError, match="Trial 0 has no value yet") as caught:
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
