"""Which rows belong in one table, and the names of rows and settings in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from opro_cli.core.mappings import MISSING, flat
from opro_cli.core.text import clean, plural
from opro_cli.presets.spec import digest
from opro_cli.problems.settings import label
from opro_cli.report.rows import Row
from opro_cli.runs.disk.contents import PROBLEM, ProblemContents, is_current, short

MOST_FACTS = 4
"""Facts that tell two problems apart and are named."""

CONTENTS = "contents."
"""The beginning of the key of a fact, beside the settings."""

LIMITS = ("max_steps", "patience")


def by_settings(rows: Sequence[Row]) -> list[list[Row]]:
    """Group rows of one optimizer that differ only in their target and in swept settings."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        key = [row.preset, row.optimizer, row.model, fixed_settings(row)]
        groups.setdefault(digest(key), []).append(row)
    return list(groups.values())


def by_problem(rows: Sequence[Row]) -> list[list[Row]]:
    """Group rows on the same problems, except for swept settings, whatever their optimizer."""
    groups: dict[str, list[Row]] = {}
    swept = {key for row in rows for key in row.swept if key.startswith("problem.")}
    for row in rows:
        problem = {k: v for k, v in flat(row.settings["problem"], "problem") if k not in swept}
        key = digest([row.preset, problem, row.problem_contents])
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def merge(rows: Sequence[Row]) -> Row:
    """Rows that differ in their target, or in swept settings, as one row without these."""
    if len(rows) == 1:
        return rows[0]
    first = rows[0]
    axes = first.axes if all(row.axes == first.axes for row in rows) else {}
    return replace(first, target={}, axes=axes, runs=tuple(run for row in rows for run in row.runs))


def different_budgets(rows: Sequence[Row]) -> Iterator[tuple[str, dict[str, int | None]]]:
    """For each problem on which the optimizers' budgets differ: the preset, and the budgets."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.problem_digest, []).append(row)
    for group in groups.values():
        budgets = {row.optimizer: row.budget for row in group}
        if len(set(budgets.values())) > 1:
            yield group[0].preset, budgets


def fixed_settings(row: Row) -> dict[str, Any]:
    """The settings of a row under dotted keys, without those that its sweep sets."""
    derived = {"max_evaluations"} if row.swept else set()  # it follows from swept steps
    derived |= {key for key, leader in _followers(row).items() if leader in row.swept}
    swept = set(row.swept) | derived
    return {
        key: value
        for key, value in flat(row.settings)
        if not any(key == axis or key.startswith(f"{axis}.") for axis in swept)
    }


def distinguishing_settings(rows: Sequence[Row], among: Sequence[Row]) -> dict[str, Any]:
    """The settings of these rows that others of the same preset and optimizer have otherwise.

    Args:
        rows: a group of :func:`by_settings`, or one row.
        among: all rows of the report.
    """
    first = rows[0]
    settings = fixed_settings(first)
    others = [
        fixed_settings(row)
        for row in among
        if (row.preset, row.optimizer) == (first.preset, first.optimizer)
    ]
    differing = {k: v for k, v in settings.items() if any(other.get(k) != v for other in others)}
    followers = _followers(first)
    return {k: v for k, v in differing.items() if k not in followers}


def _followers(row: Row) -> dict[str, str]:
    """The dotted keys of settings whose value another setting gave, with the key of that one."""
    settings, section = row.runs[0].spec.optimizer, row.optimizer
    leaders = {name: settings.follows(name) for name in type(settings).model_fields}
    return {f"{section}.{name}": f"{section}.{by}" for name, by in leaders.items() if by}


def describe_settings(rows: Sequence[Row], among: Sequence[Row]) -> str:
    """The settings of a group in one line: those that distinguish it, then the main ones."""
    first = rows[0]
    settings = fixed_settings(first)
    own = [key for key in settings if key.startswith(f"{first.optimizer}.")]
    own = [key for key in own if _is_main(first, key.rpartition(".")[2], settings[key])]
    limits = LIMITS if first.reports_every_point else ()
    main = ["problem.num_points", "problem.kind", *own, *limits]
    hidden = f"{first.optimizer}.model"
    distinguishing = distinguishing_settings(rows, among)
    keys = dict.fromkeys([*distinguishing, *(key for key in main if key != hidden)])
    parts = [
        f"{_short(key, first.optimizer)}={settings[key]}"
        for key in keys
        if key in settings and (settings[key] is not None or key in distinguishing)
    ]
    return clean(", ".join(parts), 1000)


def _is_main(row: Row, name: str, value: Any) -> bool:
    """Whether a setting of the optimizer is always shown, or differs from its default."""
    settings = row.runs[0].spec.optimizer
    return name in row.kind.headline or bool(settings.default_of(name) != value)


def swept_keys(rows: Sequence[Row]) -> list[str]:
    """The dotted keys of the swept settings, in the order of the preset."""
    return list(dict.fromkeys(key for row in rows for key in row.swept))


def swept_cells(row: Row, keys: Sequence[str]) -> list[str]:
    """The values of swept settings in a row; empty where a setting does not concern it."""
    return [clean(str(row.swept[key]), 40) if key in row.swept else "" for key in keys]


def swept_headings(keys: Sequence[str]) -> list[str]:
    """The last part of each dotted key, or all of it where that is not unique."""
    short = [key.rpartition(".")[2] for key in keys]
    return [clean(s if short.count(s) == 1 else k, 40) for s, k in zip(short, keys, strict=True)]


def told_apart(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows with what distinguishes their problem from the others of the same preset.

    An objective's file may have changed, or a setting of the problem.
    """
    presets: dict[str, list[list[Row]]] = {}
    for group in by_problem(rows):
        presets.setdefault(group[0].preset, []).append(group)
    problems, found = ProblemContents(), dict[int, Row]()
    for groups in presets.values():
        if len(groups) == 1:
            continue
        facts = [_facts(group, rows) for group in groups]
        keys = dict.fromkeys(key for own in facts for key in own)
        differing = [key for key in keys if len({repr(own.get(key)) for own in facts}) > 1]
        for group, own in zip(groups, facts, strict=True):
            files = [_fact(key, own[key]) for key in differing if key in own and _is_file(key)]
            others = [_fact(k, own.get(k, MISSING)) for k in differing if not _is_file(k)]
            state = [f"{'; '.join(files)}{_state(group, problems)}"] if files else []
            version = clean("; ".join([*files, *others][:MOST_FACTS]), 120)
            apart = f"{clean('; '.join([*state, *others[:MOST_FACTS]]), 400)}; run {_when(group)}"
            found |= {id(row): replace(row, version=version, apart=apart) for row in group}
    return tuple(found.get(id(row), row) for row in rows)


def _facts(group: Sequence[Row], among: Sequence[Row]) -> dict[str, Any]:
    """The contents and the settings of a problem, without the swept ones."""
    swept = {key for row in among for key in row.swept}
    settings = flat(group[0].settings["problem"], "problem")
    found = group[0].problem_contents.items()
    contents = {f"{CONTENTS}{key}": short(value) for key, value in found}
    return {**contents, **{key: value for key, value in settings if key not in swept}}


def _is_file(key: str) -> bool:
    return key.startswith(CONTENTS)


def _fact(key: str, value: Any) -> str:
    name = key.removeprefix(CONTENTS).removeprefix(PROBLEM)
    return f"{name} {clean(str(value), 60) if value != '' else '(empty)'}"


def _state(group: Sequence[Row], problems: ProblemContents) -> str:
    """Whether files are today as they were; empty where that cannot be said."""
    now = is_current(group[0].spec, group[0].runs[0].contents, problems)
    return "" if now is None else ", as it is now" if now else ", an earlier version"


def is_now(row: Row) -> bool:
    """Whether the files of a row's problem are known to be today as they were."""
    return is_current(row.spec, row.runs[0].contents, ProblemContents()) is True


def _when(group: Sequence[Row]) -> str:
    """The minutes in which the first and the last run were begun."""
    begun = sorted(run.created[:16].replace("T", " ") for row in group for run in row.runs)
    return f"{' to '.join(dict.fromkeys((begun[0], begun[-1])))} UTC"


def models_of(rows: Sequence[Row]) -> list[str]:
    """The models that optimizers of these rows ask, each once."""
    return list(dict.fromkeys(row.model for row in rows if row.model))


def optimizer_name(row: Row, among: Sequence[Row], *, model: bool = True) -> str:
    """The optimizer, its model, and the settings that distinguish it on the same problem.

    Args:
        row: of the optimizer.
        among: all rows of the report.
        model: whether the model is named.
    """
    name = f"{row.optimizer} ({row.model})" if row.model and model else row.optimizer
    settings = {
        key: value
        for key, value in distinguishing_settings([row], among).items()
        if not key.startswith(("problem.", f"{CONTENTS}{PROBLEM}"))
        and key != f"{row.optimizer}.model"
    }
    parts = [f"{_short(key, row.optimizer)}={value}" for key, value in settings.items()]
    return clean(" ".join([name, *parts]), 120)


def same_in_each(name: str, runs: int) -> str:
    """That some runs of an optimizer stand for every repetition."""
    return f"{name}: {plural(runs, 'run')}, the same in each repetition."


def target_name(row: Row) -> str:
    """The target in one cell, such as ``w=15 b=14``."""
    return clean(label(row.target), 80)


def _short(key: str, optimizer: str) -> str:
    """The key without its section, where that is the optimizer's or the problem's."""
    for section in (optimizer, "problem"):
        key = key.removeprefix(f"{section}.")
    return key
