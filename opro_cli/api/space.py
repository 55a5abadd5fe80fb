"""The space of a function's parameters, written in Python."""

from __future__ import annotations

import contextlib
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any, TypeAlias

from pydantic import ValidationError

from opro_cli.core.errors import UsageError
from opro_cli.problems.custom.parameters import MOST_DIGITS, Parameter

DIGITS = 4
"""Significant digits of the largest value between two floats, unless the bounds need more."""

LOG_DIGITS = 3


@dataclass(frozen=True)
class Log:
    """Numbers on a logarithmic scale, see :func:`log`."""

    low: float
    high: float
    digits: int = LOG_DIGITS


@dataclass(frozen=True)
class Text:
    """Any text, see :func:`text`."""

    start: str = ""
    max_chars: int | None = None


Entry: TypeAlias = Log | Text | tuple[float, float] | Sequence[Any]
"""What one parameter may be."""

Space: TypeAlias = Mapping[str, Entry]
"""Each parameter by its name: ``log(lo, hi)``, ``(lo, hi)``, a list of choices, or ``text()``."""


def log(low: float, high: float, digits: int = LOG_DIGITS) -> Log:
    """Numbers from ``low`` to ``high`` on a logarithmic scale; whole ones where both are ``int``:
    ``log(1, 1000)`` has whole numbers only, ``log(1.0, 1000)`` floats.

    Args:
        low: above 0.
        high: above ``low``.
        digits: significant digits that a value is written with; more where the bounds need them.
    """
    return Log(low, high, digits)


def text(start: str = "", max_chars: int | None = None) -> Text:
    """Any text, which only a model can propose.

    Args:
        start: the text to begin with.
        max_chars: characters at most; 500 unless set.
    """
    return Text(start, max_chars)


def parameters_of(space: Space) -> dict[str, dict[str, Any]]:
    """The parameters as a preset has them. Raises UsageError."""
    if not isinstance(space, Mapping) or not space:
        kind = "empty" if isinstance(space, Mapping) else "no mapping"
        raise UsageError(
            f"The space is {kind}; it has the names of the parameters, each with its values.",
            'as in {"lr": opro.log(1e-5, 1), "depth": (1, 8), "kernel": ["rbf", "poly"]}',
        )
    return {str(name): _parameter(str(name), entry) for name, entry in space.items()}


def size_of(parameters: Mapping[str, Mapping[str, Any]]) -> int | None:
    """The number of points, where all parameters are choices or whole numbers; else None."""
    size = 1
    for parameter in parameters.values():
        if parameter.get("choices") is not None:
            size *= len(parameter["choices"])
        elif parameter.get("type") == "int":
            size *= max(parameter["high"] - parameter["low"] + 1, 1)
        else:
            return None
    return max(size, 1)


def starts_of(
    space: Space, starts: Sequence[Mapping[str, Any] | Sequence[Any]]
) -> list[dict[str, Any]]:
    """Starting points by name; where texts need one and none is given, one is made. Raises
    UsageError."""
    names = list(space)
    if isinstance(starts, Mapping):
        raise UsageError("starts is one dict, not a list of dicts.", "as in starts=[{…}]")
    found = []
    for start in starts:
        if not isinstance(start, Mapping):
            values = list(start) if isinstance(start, Sequence) else [start]
            if isinstance(start, str) or len(values) != len(names):
                raise UsageError(
                    f"The start {str(start)[:80]!r} does not have one value for each of "
                    f"{', '.join(names)}.",
                    "as in starts=[{" + ", ".join(f'"{name}": …' for name in names) + "}]",
                )
            start = dict(zip(names, values, strict=True))  # noqa: PLW2901
        plain = {str(name): _plain(value) for name, value in start.items()}
        _refuse_floats(space, plain)
        found.append(plain)
    if not found and any(isinstance(entry, Text) for entry in space.values()):
        found = [{name: _middle(entry) for name, entry in space.items()}]
    return found


def _refuse_floats(space: Space, start: Mapping[str, Any]) -> None:
    """Raises UsageError where a start has a float for a parameter of whole numbers."""
    for name, value in start.items():
        entry = space.get(name)
        bounds: Any = (entry.low, entry.high) if isinstance(entry, Log) else entry
        whole = isinstance(bounds, tuple) and len(bounds) == 2 and _whole(*bounds)
        if whole and isinstance(value, float) and not value.is_integer():
            low = f"{bounds[0]}.0"
            said = f"opro.log({low}, …)" if isinstance(entry, Log) else f"({low}, …)"
            raise UsageError(
                f"The start {value!r} of {name} is no whole number, and both bounds of {name} are.",
                f"write a bound as {low} for floats, as in {said}",
            )


def _parameter(name: str, entry: Any) -> dict[str, Any]:
    if isinstance(entry, Log):
        low, high = _bounds(name, (entry.low, entry.high), "opro.log")
        if low <= 0:
            raise UsageError(
                f"space.{name} begins at {low}, and a logarithmic scale begins above 0.",
                f"as in opro.log(1e-6, {high})",
            )
        scaled = {"low": low, "high": high, "scale": "log"}
        return {**scaled, "type": "int"} if _whole(low, high) else _fine(scaled, entry.digits)
    if isinstance(entry, Text):
        most = {"max_chars": entry.max_chars} if entry.max_chars is not None else {}
        return {"type": "text", **most}
    if isinstance(entry, tuple) and len(entry) == 2 and any(map(_reads_as_number, entry)):
        low, high = _bounds(name, entry)
        if _whole(low, high):
            return {"low": low, "high": high, "type": "int"}
        return _fine({"low": low, "high": high}, DIGITS)
    if isinstance(entry, Sequence) and not isinstance(entry, str | bytes):
        return {"choices": [_plain(choice) for choice in entry]}
    raise UsageError(
        f"space.{name} is {str(entry)[:80]!r}, which is none of the forms of a parameter.",
        'as in opro.log(1e-5, 1), (0.0, 1.0), (1, 8), ["rbf", "poly"] or opro.text()',
    )


def _bounds(name: str, pair: tuple[Any, Any], function: str = "") -> tuple[Any, Any]:
    """Both bounds as numbers of Python. Raises UsageError where they are none, or turned round."""
    low, high = map(_plain, pair)
    if not all(_is_number(bound) and abs(bound) < math.inf for bound in (low, high)):
        raise UsageError(
            f"space.{name} is {function}({low!r}, {high!r}), and bounds are finite numbers.",
            f"as in {function}(1, 12); choices are written as a list",
        )
    if not low < high:
        raise UsageError(
            f"space.{name} is {function}({low}, {high}), and the first bound is the lower one.",
            f"as in {function}({high}, {low})"
            if high < low
            else "leave out a parameter that has one value",
        )
    return low, high


def _fine(parameter: dict[str, Any], digits: int) -> dict[str, Any]:
    """With as many digits as the bounds need; bounds with more than can be written are rounded
    inwards."""
    for enough in range(digits, MOST_DIGITS + 1):
        finer = {**parameter, "digits": enough}
        with contextlib.suppress(ValidationError):
            Parameter.model_validate(finer)
            return finer
    return {**parameter, **_inwards(parameter), "digits": MOST_DIGITS}


def _inwards(parameter: dict[str, Any]) -> dict[str, float]:
    """The bounds, rounded to values that can be written. A wrong one stays as it is."""
    rounded = {}
    low, high = parameter["low"], parameter["high"]
    for name, rounding in (("low", ROUND_CEILING), ("high", ROUND_FLOOR)):
        value = parameter[name]
        with contextlib.suppress(ArithmeticError, ValueError, TypeError):
            if "scale" in parameter:
                context = Context(prec=MOST_DIGITS, rounding=rounding)
                rounded[name] = float(context.create_decimal(repr(float(value))))
            else:
                decimals = MOST_DIGITS - 1 - math.floor(math.log10(max(abs(low), abs(high))))
                step = Decimal(1).scaleb(-decimals)
                rounded[name] = float(Decimal(repr(float(value))).quantize(step, rounding))
    return rounded


def _middle(entry: Any) -> Any:
    """A value to begin with: the given text, the first choice, the middle of a range."""
    if isinstance(entry, Text):
        return entry.start
    if isinstance(entry, Log):
        middle = math.sqrt(entry.low * entry.high)
        return round(middle) if _whole(entry.low, entry.high) else middle
    if isinstance(entry, tuple) and len(entry) == 2 and all(map(_is_number, entry)):
        middle = (entry[0] + entry[1]) / 2
        return round(middle) if _whole(*entry) else middle
    return _plain(entry[0])


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _reads_as_number(value: Any) -> bool:
    """Whether it is a number, or a text that someone who writes bounds takes for one."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            return math.isfinite(float(value))
    return _is_number(value)


def _whole(low: Any, high: Any) -> bool:
    return isinstance(low, numbers.Integral) and isinstance(high, numbers.Integral)


def _plain(value: Any) -> Any:
    """A number of another library, such as numpy's, as one of Python's."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    return value
