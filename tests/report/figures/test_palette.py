"""Colours: text on paper has the contrast of WCAG 2.2 AA in light and dark, series differ."""

from __future__ import annotations

import itertools
import re

import pytest

from opro_cli.report.figures.palette import COLOURS, DASHES, SERIES, SHAPES, Style, stylesheet


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [0, 1], ids=["light", "dark"])
def test_text_and_lines_can_be_read_on_paper(dark):
    paper = COLOURS["paper"][dark]
    for name in ("ink", "muted", *(f"s{i}" for i in range(SERIES))):
        assert contrast(COLOURS[name][dark], paper) >= 4.5, name
    assert contrast(COLOURS["axis"][dark], paper) >= 3


def test_two_series_differ_in_colour_dash_and_shape():
    for a, b in itertools.combinations(map(Style, range(SERIES)), 2):
        assert a.colour != b.colour
        assert a.dash != b.dash
        assert a.shape != b.shape
    assert len(DASHES) == len(SHAPES) == SERIES


def test_a_page_finds_every_colour_under_its_name():
    css = stylesheet()
    for name, (light, dark) in COLOURS.items():
        assert css.count(f"--{name}:{light};") + css.count(f"--{name}:{dark};") >= 2
        assert f".f-{name}{{fill:var(--{name})}}" in css
    assert set(re.findall(r"var\(--(\w+)\)", css)) == set(COLOURS)
