"""Compares an event that is made again with the recorded one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TypeAlias

from opro_cli.core.events import Evaluation, Event, Point, Replied, Started, Stepped, Stopped
from opro_cli.core.text import point

TOLERANCE = 1e-9
"""Relative difference between a number and the recorded one: other processors round otherwise."""

Difference: TypeAlias = tuple[str, str]
"""The new text, and the recorded one."""


def first_difference(
    ours: Event, theirs: Event | None, *, prompts: bool = True
) -> Difference | None:
    """The first difference between two events, to the last field; None for none.

    Args:
        ours: the new event.
        theirs: the recorded one.
        prompts: whether meta-prompts must agree to the letter; the pairs in them always must.
    """
    step = getattr(ours, "step", 0)
    if theirs is None or type(ours) is not type(theirs) or step != getattr(theirs, "step", 0):
        return describe_event(ours), describe_event(theirs)
    if isinstance(ours, Started | Stepped) and isinstance(theirs, Started | Stepped):
        found = first_difference_of_pairs(ours.pairs, theirs.pairs)
        if found is not None:
            return found
    for field in dataclasses.fields(ours):
        a, b = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name == "prompt" and not prompts:
            continue
        if field.name == "pairs":
            if not all(_same_but_value(x, y) for x, y in zip(a, b, strict=True)):
                return "the pairs have other sources", "the sources in the log"
        elif a != b:
            return _first_other(field.name, a, b)
    return None


def first_difference_of_pairs(
    ours: Sequence[Evaluation], theirs: Sequence[Evaluation]
) -> Difference | None:
    """The first difference in points or values, in whatever order they stand."""
    mine, recorded = (sorted(some, key=_point_key) for some in (ours, theirs))
    for a, b in zip(mine, recorded, strict=False):
        if not same_point(a.point, b.point):
            return f"evaluated {point(a.point)}", point(b.point)
        if not same_value(a.value, b.value):
            return f"the value of {point(a.point)} is {a.value!r}", repr(b.value)
    if len(mine) != len(recorded):
        return f"{len(mine)} pairs evaluated", str(len(recorded))
    return None


def same_point(a: Point, b: Point) -> bool:
    """Equal, decimal numbers to ``TOLERANCE``: a descent computes its points."""
    if a == b or len(a) != len(b):
        return a == b
    largest = max((abs(v) for v in b if isinstance(v, float)), default=0.0)
    return all(
        math.isclose(x, y, rel_tol=TOLERANCE, abs_tol=TOLERANCE / 1000 * largest)
        if isinstance(x, float) and isinstance(y, float)
        else x == y
        for x, y in zip(a, b, strict=True)
    )


def same_value(a: float, b: float) -> bool:
    """Equal to ``TOLERANCE``; nan equals nan."""
    return a == b or math.isclose(a, b, rel_tol=TOLERANCE) or (math.isnan(a) and math.isnan(b))


def describe_event(event: Event | None) -> str:
    """An event in a few words."""
    match event:
        case None:
            return "it does not stop"
        case Stopped(step, reason):
            return f"it stops at step {step} ({reason})"
        case Replied(step, sample):
            return f"reply {sample + 1} of step {step}"
    return f"{type(event).__name__.lower()} {getattr(event, 'step', '')}".strip()


def _point_key(pair: Evaluation) -> tuple[str, ...]:
    """An order for points of any kind, numbers by size."""
    return tuple(f"{v:030.9f}" if isinstance(v, int | float) else str(v) for v in pair.point)


def _same_but_value(a: Evaluation, b: Evaluation) -> bool:
    others = (a.source, a.known, a.note) == (b.source, b.known, b.note)
    return others and same_point(a.point, b.point)


def _first_other(name: str, ours: object, theirs: object) -> Difference:
    """The first difference between two values of a field, in words."""
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        for i, (a, b) in enumerate(zip(ours, theirs, strict=False)):
            if a != b:
                return f"{name} {i + 1}: {a}", str(b)
        return f"{len(ours)} {name}", str(len(theirs))
    return f"{name}: {ours}", str(theirs)
