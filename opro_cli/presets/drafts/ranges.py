"""The range of a parameter, guessed from its name, type and default."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from opro_cli.core.text import clean
from opro_cli.presets import strict_yaml
from opro_cli.problems.custom.parameters import MOST_DIGITS, Parameter
from opro_cli.problems.custom.signature import Argument, Value
from opro_cli.problems.spaces.choices import WORD, choice_text

LOG_NAMES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("lr", "learningrate", "eta", "stepsize", "alpha"), (1e-5, 1.0)),
    **dict.fromkeys(("c", "cost"), (1e-3, 1e3)),
    **dict.fromkeys(
        ("gamma", "lambda", "lam", "reg", "l1", "l2", "weightdecay", "decay", "eps", "epsilon"),
        (1e-6, 1.0),
    ),
}
"""Numbers that are tuned on a logarithmic scale, with their usual range."""

SHARES = re.compile(
    r"p|.*(dropout|momentum|prob|probability|ratio|fraction|share|subsample|threshold|beta\d?)"
)
"""Numbers from 0 to 1."""

WHOLE: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("depth", "maxdepth", "layers", "numlayers", "nlayers"), (1, 8)),
    **dict.fromkeys(("degree", "order"), (1, 5)),
    **dict.fromkeys(("k", "n", "nneighbors", "neighbors"), (1, 30)),
    **dict.fromkeys(("epochs", "nepochs", "steps", "iterations"), (1, 100)),
    **dict.fromkeys(("batch", "batchsize", "hidden", "hiddensize", "units", "width"), (8, 512)),
    **dict.fromkeys(("nestimators", "numtrees", "trees"), (10, 1000)),
}
"""Whole numbers with their usual range."""

TEXTS = ("prompt", "text", "instruction", "system", "systemprompt", "template", "message", "query")

KEPT = re.compile(
    r"seed|randomstate|rng|verbose|debug|quiet|log|njobs|numworkers|workers|device|dtype"
    r"|.*(path|file|dir|folder|url|key|name)"
)
"""Arguments that are seldom tuned: left at their defaults."""

HIGH_SCALE = 20
"""Whole numbers above this are tuned on a logarithmic scale."""


@dataclass(frozen=True)
class Draft:
    """A parameter of a preset, or why an argument is left at its default.

    Args:
        name: of the argument.
        parameter: its settings; None where it is left out.
        start: the value to start from; None where the draft has no idea.
        comment: what to say beside it.
    """

    name: str
    parameter: dict[str, Any] | None
    start: Value = None
    comment: str = ""


def draft_parameter(argument: Argument) -> Draft:
    """The parameter for an argument, as far as its source says what it may be."""
    found = _guessed(argument)
    if found.parameter is None or _is_valid(found.parameter):
        return found
    finer = {**found.parameter, "digits": MOST_DIGITS}
    if _is_valid(finer):
        return replace(found, parameter=finer)
    why = "left at its default" if argument.has_default else "not finite, or of too many digits"
    return Draft(argument.name, None, comment=why)


def _is_valid(parameter: dict[str, Any]) -> bool:
    try:
        Parameter.model_validate(parameter)
    except ValidationError:
        return False
    return True


def _guessed(argument: Argument) -> Draft:
    name = argument.name
    short = name.lower().replace("_", "")
    default = argument.default if argument.default_known else None
    said = f"default {_shown(default)}" if default is not None else ""
    if argument.has_default and KEPT.fullmatch(short) and not argument.choices:
        return Draft(name, None, comment=f"left at its default{_of(default)}")
    if argument.choices:
        return _chosen(argument, default, said)
    kind = argument.kind or _kind_by_name(name, short)
    if kind == "bool":
        return Draft(name, {"choices": [False, True]}, default, said)
    if kind == "str":
        return _text(argument, short, default)
    if kind in ("float", "int"):
        number = default if isinstance(default, int | float) else None
        parameter = _bounds(argument, kind) or (
            _whole(short, number) if kind == "int" else _fractional(short, number)
        )
        if argument.has_default and number is None and argument.low is None:
            tuned = strict_yaml.dump(name, parameter)[0]
            return Draft(name, None, comment=f"left at its default; to tune it: {tuned}")
        guessed = "" if number is not None or argument.low is not None else "a guess: set its range"
        return Draft(name, parameter, number, said or guessed)
    if argument.has_default:
        return Draft(name, None, comment=f"left at its default{_of(default)}")
    if argument.kind:
        return Draft(name, None, comment=f"of type {clean(kind, 60)}, which is no parameter")
    parameter = _fractional(short, None)
    return Draft(name, parameter, comment="a guess: set its range, or give its choices")


def _chosen(argument: Argument, default: Value, said: str) -> Draft:
    words = all(WORD.fullmatch(choice_text(choice)) for choice in argument.choices)
    if not words:
        why = "has choices that are no words, numbers, true or false"
        return Draft(argument.name, None, comment=why)
    if argument.enum:
        name = argument.name
        said = f"the function gets the value, so begin it with: {name} = {argument.enum}({name})"
    return Draft(argument.name, {"choices": list(argument.choices)}, default, said)


def _text(argument: Argument, short: str, default: Value) -> Draft:
    words = isinstance(default, str) and WORD.fullmatch(default) is not None
    if argument.has_default and words and short not in TEXTS:
        shown = f"{{choices: [{default}, …]}}"
        return Draft(argument.name, None, comment=f"left at its default; to tune it: {shown}")
    return Draft(argument.name, {"type": "text", "max_chars": 500}, default or "")


def _kind_by_name(name: str, short: str) -> str:
    """What a name alone says; empty for nothing."""
    if short in TEXTS:
        return "str"
    if short in WHOLE or name.startswith(("num_", "n_")):
        return "int"
    return "float" if short in LOG_NAMES or SHARES.fullmatch(short) else ""


def _bounds(argument: Argument, kind: str) -> dict[str, Any]:
    """The range of the annotation; empty without one."""
    low, high = argument.low, argument.high
    if low is None or high is None or low >= high:
        return {}
    whole = {"type": "int"} if kind == "int" else {}
    wide = low > 0 and high / low >= 1000
    return {"low": low, "high": high, **whole, **({"scale": "log"} if wide else {})}


def _whole(short: str, default: float | None) -> dict[str, Any]:
    if default is None:
        low, high = WHOLE.get(short, (1, 10))
    elif default == 0:
        low, high = 0, 10
    elif default < 0:
        low, high = 4 * int(default), 0
    elif default <= HIGH_SCALE:
        low, high = 1, max(4 * int(default), 2)
    else:
        low, high = int(default) // 8, int(default) * 8
    scale = {"scale": "log"} if low > 0 and high / low >= 50 else {}
    return {"low": low, "high": high, "type": "int", **scale}


def _fractional(short: str, default: float | None) -> dict[str, Any]:
    if default is None:
        if short in LOG_NAMES:
            low, high = LOG_NAMES[short]
            return {"low": low, "high": high, "scale": "log"}
        return {"low": 0, "high": 1} if SHARES.fullmatch(short) else {"low": -10, "high": 10}
    if default == 0:
        return {"low": 0, "high": 1} if SHARES.fullmatch(short) else {"low": -10, "high": 10}
    if default < 0:
        return {"low": _round(4 * default), "high": _round(-4 * default)}
    small = default < 0.1 or default >= 100
    if SHARES.fullmatch(short) and default <= 1:
        return {"low": 0, "high": 1}
    if short in LOG_NAMES or small:
        return {"low": _round(default / 100), "high": _round(default * 100), "scale": "log"}
    return {"low": 0, "high": 1 if default < 1 else _round(4 * default)}


def _round(value: float) -> float:
    """One significant digit, which every setting of ``digits`` can write."""
    return float(f"{value:.0e}") if math.isfinite(value) else value


def _of(default: Value) -> str:
    return "" if default is None else f", {_shown(default)}"


def _shown(value: Value) -> str:
    return clean(choice_text(value), 40)
