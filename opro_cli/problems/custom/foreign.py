"""Parameters as other programs write them, and how they are written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

LOW = ("min", "minimum", "lower", "lower_bound", "lb", "start", "from", "minval")
HIGH = ("max", "maximum", "upper", "upper_bound", "ub", "end", "stop", "to", "maxval")
CHOICES = ("values", "categories", "options", "enum", "categorical", "items", "list", "grid")
DIGITS = ("decimals", "precision", "round", "num_digits")
STARTS = ("default", "init", "initial", "initial_value", "value", "x0", "guess")

NAMES: Mapping[str, str] = {
    **dict.fromkeys(LOW, "is called low"),
    **dict.fromkeys(HIGH, "is called high"),
    **dict.fromkeys(CHOICES, "is called choices, as in `choices: [a, b]`"),
    **dict.fromkeys(DIGITS, "is called digits, the number of significant digits"),
    **dict.fromkeys(STARTS, "is given as a starting point, in `problem.starts`"),
    **dict.fromkeys(
        ("bounds", "range", "domain", "interval", "limits"), "is written `low: …, high: …`"
    ),
    **dict.fromkeys(("dtype", "value_type", "param_type"), "is called type, as in `type: int`"),
    **dict.fromkeys(
        ("max_length", "max_len", "maxlen", "length"), "is called max_chars, with `type: text`"
    ),
    **dict.fromkeys(
        ("log", "log_scale", "logscale", "use_log", "is_log", "log_uniform", "base"),
        "is written `scale: log`",
    ),
    **dict.fromkeys(
        ("step", "q", "step_size", "stepsize", "steps", "num", "quantization"),
        "is no setting: `digits` says how finely a number is written, `type: int` makes it whole, "
        "and a grid is written `choices: [0, 0.05, 0.1]`",
    ),
    "name": "is the key of the parameter, as in `parameters: {lr: {low: …, high: …}}`",
}
"""What the keys of other programs are here."""

KINDS: Mapping[str, str] = {
    "cat": "`choices: [a, b]`, without a type",
    "choice": "`choices: [a, b]`, without a type",
    "str": "`type: text`, or `choices: [a, b]` without a type",
    "prompt": "`type: text`",
    "const": "`choices: [a]`, without a type",
    "bool": "`choices: [true, false]`, without a type",
    "log": "`scale: log`",
    "int": "`type: int`",
}
"""Parts of the names of distributions and types, and what is written here; the first one counts."""

TYPES = ("float", "int", "text")
SCALES = ("linear", "log")


def explanation(value: Any) -> str:
    """How a parameter of another program's form is written here; empty for none of those."""
    if isinstance(value, Mapping):
        return "; ".join(_keys(value))
    forms = "`{low: 0, high: 1}`, with `scale: log` or `type: int`, or `{choices: [a, b]}`"
    if isinstance(value, list | tuple):
        numbers = [v for v in value if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == len(value) == 2:
            return f"a range is written `{{low: {value[0]}, high: {value[1]}}}`"
        return "a list of choices is written `{choices: [a, b]}`"
    if value is None or isinstance(value, str | int | float):
        return f"a parameter is written {forms}; one with a single value is left out"
    return ""


def _keys(given: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in given.items():
        if key in ("distribution", "dist", "prior", "sampler", "_type"):
            there = _kind(value) or "left out: values are drawn evenly from low to high"
            yield f"`{key}: {value}` is {'written ' if there[0] == '`' else ''}{there}"
        elif key == "type" and value not in TYPES and isinstance(value, str):
            yield f"`type: {value}` is written {_kind(value) or '`type: float`'}"
        elif key == "scale" and value not in SCALES and isinstance(value, str):
            yield f"`scale: {value}` is written `scale: {'log' if 'log' in value else 'linear'}`"
        elif key == "choices" and isinstance(value, list | tuple) and any(map(_nested, value)):
            yield (
                "a choice is a word, a number, true, false or null: give each of these a name, and "
                "let the function look it up"
            )
        elif key in NAMES:
            yield f"{key} {NAMES[key]}"


def _nested(value: Any) -> bool:
    return isinstance(value, list | tuple | Mapping)


def _kind(value: Any) -> str:
    text = str(value).lower()
    return next((written for part, written in KINDS.items() if part in text), "")
