"""Sweeps: check the axes of a preset's ``sweep`` section, and list the combinations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opro_cli.core.errors import PresetError
from opro_cli.core.mappings import Raw, assign, cut_text, shown_value

SHARED = ("title", "description", "baselines", "limits", "budget", "published", "sweep")
"""Keys that all cells of a sweep share."""

MAX_CELLS = 10_000
"""Cells of a sweep, at most."""


def grid(raw: Raw, sources: Mapping[str, str], where: str) -> dict[str, list[Any]]:
    """The axes of a preset's sweep: dotted keys with their values; empty without a sweep.

    Raises PresetError where an axis is not a list, is empty or sets a shared key, or where there
    are more than ``MAX_CELLS`` cells.
    """
    axes = raw.get("sweep")
    where = sources.get("sweep", where)
    if axes is None:
        return {}
    if not isinstance(axes, Mapping):
        raise PresetError(
            f"{where}: sweep must be a mapping of dotted keys to lists.",
            "as in `sweep: {opro.temperature: [1.0, 1.3, 1.5]}`",
        )
    for key, values in axes.items():
        source = sources.get(f"sweep.{key}", where)
        if not isinstance(values, list) or not values:
            raise PresetError(
                f"{source}: sweep.{key} must be a list of values, not {shown_value(values)}.",
                f"as in `sweep: {{{key}: [1.0, 1.3, 1.5]}}`",
            )
        if key.partition(".")[0] in SHARED:
            raise PresetError(
                f"{source}: {key} cannot be swept: all combinations share it.",
                "sweep a setting of the problem or of an optimizer",
            )
    cells = math.prod(len(values) for values in axes.values())
    if cells > MAX_CELLS:
        sizes = cut_text(" × ".join(f"{key} ({len(values)})" for key, values in axes.items()), 200)
        raise PresetError(
            f"{where}: the sweep has {cells:,} combinations, more than {MAX_CELLS:,}: {sizes}.",
            "leave out a swept setting, or some of its values",
        )
    return dict(axes)


def without_sweep(raw: Raw) -> dict[str, Any]:
    """A preset's base values alone."""
    return {key: value for key, value in raw.items() if key != "sweep"}


def expand(
    raw: Raw, axes: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of a sweep: each is (swept keys and their values, the preset with them set)."""
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        cell = without_sweep(raw)
        for key, value in chosen.items():
            cell = assign(cell, key, value)
        yield chosen, cell
