"""Values that a function captures: another value is another function."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import opro_cli as opro
from opro_cli.api.functions.captured import captured_digests

LINE = {"x": (0.0, 1.0)}
KEPT = {"optimizer": "random", "budget": 6, "runs": "runs", "name": "line"}
OFFSET = 0


def around(value: Any) -> Callable[[float], float]:
    def f(x: float) -> float:
        return x if value is None else x + 1

    return f


def shifted(offset: float) -> Callable[[float], float]:
    return lambda x: x + offset


def test_a_finished_run_is_not_taken_for_a_function_of_other_data():
    first = opro.minimize(shifted(0), LINE, **KEPT)
    second = opro.minimize(shifted(1000), LINE, **KEPT)
    assert first.value < 1 < 1000 <= second.value
    assert second.notices[0].startswith("The objective's captured value offset has changed since")
    again = opro.minimize(shifted(1000), LINE, **KEPT)
    assert again.run.id == second.run.id
    assert again.notices == (
        f"Finished run {second.run.id} was returned without a call; fresh=True calls again.",
    )


def test_an_unfinished_run_is_not_continued_with_other_data():
    def stops(limit: int, after: list[int]) -> Callable[[float], float]:
        def f(x: float) -> float:
            after.append(1)
            if len(after) > limit:
                raise KeyboardInterrupt
            return x

        return f

    with pytest.raises(KeyboardInterrupt):
        opro.minimize(stops(5, []), LINE, **KEPT)
    with pytest.raises(opro.OproError, match="captured value limit has changed since"):
        opro.minimize(stops(100, []), LINE, **KEPT)
    r = opro.minimize(stops(5, [1] * -3), LINE, **{**KEPT, "budget": 6})
    assert r.nfev == 6
    assert r.notices == ("The function captures after: not compared with the run's.",)


@dataclasses.dataclass
class Settings:
    depth: int
    names: tuple[str, ...] = ()


PAIRS = [
    (1, 2),
    (1, 1.0),
    ("a", "b"),
    (b"a", "a"),
    ([1, 2], [2, 1]),
    ({"a": 1}, {"a": 2}),
    ({1, 2}, {1, 3}),
    (np.arange(3), np.arange(3.0)),
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (np.array(["a", None], object), np.array(["b", None], object)),
    (np.float64(1), np.float64(2)),
    (Settings(1), Settings(1, ("a",))),
    (shifted(1), shifted(2)),
    (math.nan, math.inf),
]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda value: type(value).__name__)
def test_a_captured_value_is_compared_by_its_content(one, other):
    first, second = (captured_digests(around(value)) for value in (one, other))
    assert first[1] == second[1] == []
    assert first != second
    assert captured_digests(around(one)) == first


@pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
def test_a_frame_is_compared_by_its_content():
    import pandas as pd

    frames = [pd.DataFrame({"a": [1, n], "b": ["x", "y"]}) for n in (2, 2, 3)]
    same, again, other = (captured_digests(around(frame)) for frame in frames)
    assert same == again != other
    assert same[1] == []


class Model:
    def __init__(self, depth: int) -> None:
        self.depth = depth

    def loss(self, x: float) -> float:
        return x * self.depth

    def counted(self, x: float) -> float:
        self.depth += 1
        return x

    def __call__(self, x: float) -> float:
        return x + self.depth


def test_defaults_partials_methods_and_globals_are_captured(monkeypatch):
    def default(x: float, depth: int = 1) -> float:
        return x + depth + OFFSET

    before = captured_digests(default)
    assert set(before[0]) == {"depth", "OFFSET"}
    monkeypatch.setitem(globals(), "OFFSET", 5)
    assert captured_digests(default)[0]["OFFSET"] != before[0]["OFFSET"]
    for make in (
        lambda n: partial(default, depth=n),
        lambda n: Model(n).loss,
        Model,
    ):
        assert captured_digests(make(1)) != captured_digests(make(2))
        assert captured_digests(make(1)) == captured_digests(make(1))


def test_values_without_a_stable_text_and_those_that_change_are_named():
    seen: dict[float, float] = {}
    count, lock, calls = 0, threading.Lock(), []

    def f(x: float) -> float:
        nonlocal count
        count += 1
        seen[x] = x
        calls.append(x)
        with lock:
            return math.sqrt(x) + np.sum(x)

    digests, left_out = captured_digests(f)
    assert left_out == ["calls", "count", "lock", "seen"]
    assert set(digests) == {"lock"}
    assert captured_digests(Model(1).counted) == ({}, ["self"])


def test_a_function_that_captures_itself_and_one_in_a_circle_have_digests():
    def down(x: float) -> float:
        return 0 if x < 1 else down(x - 1)

    assert captured_digests(down) == ({}, [])
    loop: list[Any] = []
    loop.append(loop)
    assert captured_digests(around(loop))[1] == ["value"]
