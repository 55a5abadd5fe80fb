"""Text for people: untrusted text on one safe line, numbers, counts, and lists in English."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opro_cli.core.events import Point

if TYPE_CHECKING:
    from opro_cli.core.optimizer import Limits

LONGEST = 20
"""Coordinates of a point that are shown."""

LONGEST_TEXT = 80
"""Characters of a text that are shown in a line."""

LONGEST_ESCAPE = 10
"""Characters that stand for one that is escaped, at most: ``\\U000e0001``."""

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that move the cursor, change the direction, or show nothing."""


def clean(text: str, limit: int = 300) -> str:
    """One printable line: control and format characters escaped, cut at ``limit``."""
    if len(text) <= limit and text.isprintable():  # none of HIDDEN is printable
        return text
    shown = "".join(
        repr(c)[1:-1] if unicodedata.category(c) in HIDDEN else c for c in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def visible(text: str) -> str:
    """Untrusted text, whole, line by line: control and format characters escaped, no tabs."""
    lines = (line.expandtabs(4) for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join(
        line if line.isprintable() else clean(line, LONGEST_ESCAPE * len(line) + 1)
        for line in lines
    )


def number(value: float) -> str:
    """A value in six significant digits, whole numbers in full up to a million."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.6g}"


def plural(value: int, noun: str, many: str = "") -> str:
    """A count with its noun: 1 run, 2 runs."""
    return f"{value:,} {noun if value == 1 else many or noun + 's'}"


def count(value: int) -> str:
    """A count in few characters: 950, 12.3k, 4.56M."""
    if value < 10_000:
        return str(value)
    if value < 1_000_000:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.2f}M"


def duration(seconds: float) -> str:
    """Seconds as 3.2s, 2m05s or 1h02m."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m{int(seconds % 60):02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def point(value: Point) -> str:
    """A point in brackets, numbers shortened: (15, 14), (14.9203, true, rbf); a long one cut.

    A point that is a text, such as an instruction, is quoted.
    """
    if len(value) == 1 and isinstance(value[0], str):
        return f'"{clean(value[0], LONGEST_TEXT)}"' if value[0] else "(empty)"
    shown = [coordinate(v) for v in value[:LONGEST]]
    if len(value) > LONGEST:
        shown.append(f"… {len(value)} in all")
    return "(" + ", ".join(shown) + ")"


def coordinate(value: object) -> str:
    """One value of a point, as in YAML and JSON; a number shortened, a text cut."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return number(value) if isinstance(value, int | float) else clean(str(value), 40)


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
    """The name of one choice of these inputs: ``pair (w, b)``, ``point (a, b, c, d)``."""
    return f"{TUPLES.get(len(names), 'point')} ({', '.join(names)})"


REASONS: Mapping[str, str] = {
    "converged": "solved",
    "by_code": "solved by random search",
    "max_steps": "out of steps",
    "max_evaluations": "out of evaluations",
    "max_iterations": "out of iterations",
    "patience": "no progress",
    "diverged": "diverged",
    "exhausted": "nothing left to propose",
    "max_cost": "stopped by --max-cost",
    "max_calls": "stopped by --max-calls",
    "max_tokens": "stopped by --max-tokens",
    "max_time": "stopped by --max-time",
    "quota": "out of quota",
    "no_reply": "no usable reply",
    "no_value": "no value",
    "reserve": "stopped near a cap, the rest kept for the test",
}
"""Why a run stopped."""

STATUSES: Mapping[str, str] = {
    "known": "already tried",
    "duplicate": "repeated in the same step",
    "spare": "not needed",
    "unevaluated": "not evaluated",
    "echo": "repeats the request",
    "leak": "holds data or a score",
    "out_of_range": "out of range",
    "non_finite": "not finite",
}
"""How the solutions in replies were used."""

SOURCES: Mapping[str, str] = {"perturbed": "random search"}
"""Where points come from."""


def reason_text(word: str, limits: Limits | None = None) -> str:
    """Why a run stopped, with the number for ``patience`` where its limits are given."""
    if word == "patience" and limits is not None and limits.patience is not None:
        noun = "step" if limits.counts == "steps" else "evaluation"
        return f"no progress for {plural(limits.patience, noun)}"
    return REASONS.get(word, word.replace("_", " "))


def status_text(word: str) -> str:
    """How a solution in a reply was used."""
    return STATUSES.get(word, word)


def source_text(word: str) -> str:
    """Where a point comes from."""
    return SOURCES.get(word, word)
