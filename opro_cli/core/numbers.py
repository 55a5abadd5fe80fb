"""Numbers as a model is shown them: in significant digits, different ones told apart."""

from __future__ import annotations

import math
from collections.abc import Sequence


def significant(value: float, digits: int = 6) -> str:
    """A value in this many significant digits, in full or with an exponent, whichever is shorter.

    A number of more digits before the point is never rounded further than to whole numbers where
    it is written in full: 1234567.8 is 1234568, and 1.5e-9 is 1.5e-09.
    """
    if not math.isfinite(value):
        return str(value)
    text = f"{value + 0.0:.{digits}g}"  # no negative zero
    if abs(value) < 10.0**digits:
        return text
    whole = f"{value:.0f}"
    return whole if len(whole) <= len(text) else text


def distinct(values: Sequence[float], least: int = 6, most: int = 12) -> list[str]:
    """The values in as few significant digits, from ``least`` on, as tell most of them apart."""
    written = [
        [significant(value, digits) for value in values] for digits in range(least, most + 1)
    ]
    return max(written, key=lambda texts: len(set(texts)))
