"""Which rows stand in one table, and the settings that tell one table from another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opro_cli.problems import label
from opro_cli.report.rows import Row
from opro_cli.spec import digest
from opro_cli.text import clean

LIMITS = ("max_steps", "patience", "max_evaluations")


def together(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows of one optimizer that differ in target and in swept settings alone."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        key = [row.preset, row.optimizer, row.model, unswept(row)]
        groups.setdefault(digest(key), []).append(row)
    return list(groups.values())


def rivals(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows on the same problems, swept settings apart, whoever solves them."""
    groups: dict[str, list[Row]] = {}
    swept = {key for row in rows for key in row.axes if key.startswith("problem.")}
    for row in rows:
        problem = {k: v for k, v in flat(row.settings["problem"], "problem") if k not in swept}
        groups.setdefault(digest([row.preset, problem]), []).append(row)
    return list(groups.values())


def unswept(row: Row) -> dict[str, Any]:
    """The settings of a row, flat, without those that its sweep sets."""
    derived = {"max_evaluations"} if row.axes else set()  # it follows from swept steps
    swept = set(row.axes) | derived
    return {
        key: value
        for key, value in flat(row.settings)
        if not any(key == axis or key.startswith(f"{axis}.") for axis in swept)
    }


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values."""
    for key, value in settings.items():
        dotted = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            yield from flat(value, dotted)
        else:
            yield dotted, value


def differing(rows: Sequence[Row], among: Sequence[Row]) -> dict[str, Any]:
    """The settings in which these rows differ from others of the same preset and optimizer.

    Args:
        rows: a group, of like settings but for swept ones.
        among: all rows of the report.
    """
    first = rows[0]
    mine = unswept(first)
    others = [
        unswept(row)
        for row in among
        if (row.preset, row.optimizer) == (first.preset, first.optimizer)
    ]
    return {key: value for key, value in mine.items() if any(o.get(key) != value for o in others)}


def subtitle(rows: Sequence[Row], among: Sequence[Row]) -> str:
    """The settings in words: what tells this table from others, then what matters most."""
    first = rows[0]
    settings = unswept(first)
    own = [key for key in settings if key.startswith(f"{first.optimizer}.")]
    own = [key for key in own if _telling(first, key.rpartition(".")[2], settings[key])]
    limits = LIMITS[:2] if first.proposes else ()
    usual = ["problem.num_points", "problem.kind", *own, *limits]
    hidden = f"{first.optimizer}.model"
    keys = dict.fromkeys([*differing(rows, among), *(k for k in usual if k != hidden)])
    words = [
        f"{_short(key, first.optimizer)}={settings[key]}"
        for key in keys
        if key in settings and (settings[key] is not None or key in differing(rows, among))
    ]
    return clean(", ".join(words), 1000)


def _telling(row: Row, name: str, value: Any) -> bool:
    """Whether a setting of an optimizer is worth its place: it is always told, or is unusual."""
    settings = row.runs[0].spec.optimizer
    return name in row.kind.told or bool(settings.usual(name) != value)


def axes(rows: Sequence[Row]) -> list[str]:
    """The swept keys of these rows, in the order of the preset."""
    return list(dict.fromkeys(key for row in rows for key in row.axes))


def axis_cells(row: Row, keys: Sequence[str]) -> list[str]:
    """The values of swept keys in a row; empty for one that does not concern it."""
    return [clean(str(row.axes[key]), 40) if key in row.axes else "" for key in keys]


def axis_names(keys: Sequence[str]) -> list[str]:
    """Headings: the last part of a dotted key, or all of it where that is not unique."""
    short = [key.rpartition(".")[2] for key in keys]
    return [clean(s if short.count(s) == 1 else k, 40) for s, k in zip(short, keys, strict=True)]


def who(row: Row, among: Sequence[Row]) -> str:
    """The optimizer, its model, and the settings that tell it from others on the same problem."""
    name = f"{row.optimizer} ({row.model})" if row.model else row.optimizer
    own = {
        key: value
        for key, value in differing([row], among).items()
        if not key.startswith("problem.") and key != f"{row.optimizer}.model"
    }
    words = [f"{_short(key, row.optimizer)}={value}" for key, value in own.items()]
    return clean(" ".join([name, *words]), 120)


def where(row: Row) -> str:
    """The target in a few characters."""
    return clean(label(row.target), 80)


def _short(key: str, optimizer: str) -> str:
    """Without the section's name, where that is the optimizer's or the problem's."""
    for section in (optimizer, "problem"):
        key = key.removeprefix(f"{section}.")
    return key
