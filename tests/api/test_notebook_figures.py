"""What a notebook shows in the place of a result, a run and runs: their figure, and no more."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import opro_cli as opro
from tests.api.test_minimize import RANDOM


def svgs(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def test_a_run_of_two_numbers_is_shown_as_its_points_without_calling_the_function():
    calls = []

    def bowl(a: float, b: float) -> float:
        calls.append((a, b))
        return a * a + b * b

    r = opro.minimize(bowl, {"a": (-5.0, 5.0), "b": (-5.0, 5.0)}, **RANDOM, seed=3)
    made = len(calls)
    (svg,) = svgs(r._repr_html_())
    assert len([e for e in svg.iter() if e.get("data-step") and "line" not in e.tag]) == made
    assert not [e for e in svg.iter() if e.tag.endswith("image")]
    assert len(calls) == made
    assert svgs(r.run._repr_html_())


def test_several_runs_are_shown_as_their_curves(tmp_path):
    space = {"a": (-5.0, 5.0), "b": (-5.0, 5.0), "c": (-5.0, 5.0)}
    for optimizer in ("random", "local-search"):
        opro.minimize(
            lambda a, b, c: abs(a) + abs(b) + abs(c), space, optimizer=optimizer, budget=12,
            runs=tmp_path / "runs", name="three",
        )  # fmt: skip
    html = opro.Runs.open(tmp_path / "runs")._repr_html_()
    (svg,) = svgs(html)
    assert {e.get("data-line") for e in svg.iter() if e.get("data-line")} == {"0", "1"}
    assert "<table>" in html


def test_runs_of_which_none_is_finished_are_a_table(tmp_path):
    (tmp_path / "runs").mkdir()
    assert "<svg" not in opro.Runs.open(tmp_path / "runs")._repr_html_()
