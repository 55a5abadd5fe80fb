"""Small helpers for saying things in English."""

from __future__ import annotations

from collections.abc import Sequence

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
TUPLES = {2: "pair", 3: "triple"}


def listed(parts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def function_of(names: Sequence[str]) -> str:
    """``a function of two inputs, w and b``."""
    number = NUMBERS[len(names)] if len(names) < len(NUMBERS) else str(len(names))
    return f"a function of {number} input{'s' * (len(names) > 1)}, {listed(names)}"


def tuple_of(names: Sequence[str]) -> str:
    """What one choice of these inputs is called: ``pair (w, b)``, ``point (a, b, c, d)``."""
    return f"{TUPLES.get(len(names), 'point')} ({', '.join(names)})"
