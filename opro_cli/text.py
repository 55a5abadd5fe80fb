"""Untrusted text, made fit for one line of a terminal; and numbers, made fit to read."""

from __future__ import annotations

import math
import unicodedata

from opro_cli.events import Point

LONGEST = 20
"""Coordinates of a point that are shown."""
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that move the cursor, change the direction, or show nothing."""


def clean(text: str, limit: int = 300) -> str:
    """One printable line: control and format characters escaped, cut at ``limit``."""
    shown = "".join(
        repr(c)[1:-1] if unicodedata.category(c) in HIDDEN else c for c in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


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
    """A point in brackets, numbers shortened: (15, 14), (14.9203, 16.513); a long one cut."""
    shown = [_coordinate(v) for v in value[:LONGEST]]
    if len(value) > LONGEST:
        shown.append(f"… {len(value)} in all")
    return "(" + ", ".join(shown) + ")"


def _coordinate(value: object) -> str:
    return number(value) if isinstance(value, int | float) else clean(str(value), 40)
