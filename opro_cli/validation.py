"""From the plain mapping that a YAML file holds to a validated preset, or one clear error."""

from __future__ import annotations

import difflib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from opro_cli import optimizers, problems
from opro_cli.errors import PresetError
from opro_cli.problems import ProblemSettings
from opro_cli.spec import General, Preset

Raw = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)

MAX_CELLS = 10_000
"""Cells of a sweep, at most."""
MAX_DEPTH = 10
"""Dots in a key, at most."""
ONE_FOR_ALL = ("title", "description", "baselines", "limits", "budget", "published", "sweep")
"""What the cells of a sweep share."""
_NO_KEY = ("function-", "literal[")
"""How those parts of an error's place begin that no preset has a key for."""


Memo = dict[tuple[str, str], Any]
"""Sections validated already: the cells of a sweep have most of them in common."""


def parse(
    raw: Raw,
    name: str,
    sources: Mapping[str, str] | None = None,
    where: str = "",
    memo: Memo | None = None,
) -> Preset:
    """Validate one cell: a preset without its ``sweep`` section.

    Args:
        raw: the preset as a plain mapping with text keys.
        name: the preset's name.
        sources: where each dotted key was set, for messages.
        where: the preset's file, for what no key says.
        memo: kept from one cell to the next.

    Raises:
        PresetError: naming the dotted key, its source and what would be right.
    """
    sources = sources or {}
    memo = {} if memo is None else memo
    where = where or f"preset {name}"
    known = [*General.model_fields, "problem", "sweep", *optimizers.NAMES]
    for key in raw:
        if key not in known:
            raise unknown_key(key, known, sources.get(key, where))
    top = {key: raw[key] for key in raw if key in General.model_fields}
    general = _validate(General, top, "", sources, where, memo)
    for key, named in (
        ("baselines", general.baselines),
        ("published", [table.optimizer for table in general.published]),
    ):
        for optimizer in named:
            _check_name(optimizer, key, "optimizer", optimizers.NAMES, sources.get(key, where))
    return Preset(
        name=name,
        general=general,
        problem=_problem(raw.get("problem"), sources, where, memo),
        sections={
            section: _validate(
                optimizers.settings_of(section), raw.get(section), section, sources, where, memo
            )
            for section in optimizers.NAMES
        },
    )


def _problem(data: Any, sources: Mapping[str, str], where: str, memo: Memo) -> ProblemSettings:
    where = sources.get("problem", where)
    if not isinstance(data, Mapping) or "kind" not in data:
        raise PresetError(
            f"{where}: there is no problem.kind.",
            f"add `problem: {{kind: linear, …}}`; kinds: {', '.join(problems.KINDS)}",
        )
    kind = data["kind"]
    where = sources.get("problem.kind", where)
    _check_name(kind, "problem.kind", "kind of problem", problems.KINDS, where)
    return _validate(problems.settings_of(kind), data, "problem", sources, where, memo)


def _check_name(name: Any, key: str, what: str, known: Mapping[str, str], where: str) -> None:
    if not isinstance(name, str) or name not in known:
        raise PresetError(
            f"{where}: {key} has {_shown(name)}, which is no {what}.",
            _did_you_mean(str(name), known) or "there are: " + ", ".join(known),
        )


def grid(raw: Raw, sources: Mapping[str, str], where: str) -> dict[str, list[Any]]:
    """The axes of a preset's sweep, none where it has no sweep.

    Raises PresetError where an axis is no list, is empty, sets nothing that a run depends on, or
    where there are more than ``MAX_CELLS`` cells.
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
        if not isinstance(values, list) or not values:
            raise PresetError(
                f"{sources.get(f'sweep.{key}', where)}: sweep.{key} must be a list of values, "
                f"not {_shown(values)}.",
                f"as in `sweep: {{{key}: [1.0, 1.3, 1.5]}}`",
            )
        if key.partition(".")[0] in ONE_FOR_ALL:
            raise PresetError(
                f"{sources.get(f'sweep.{key}', where)}: {key} cannot be swept, since all cells "
                "share it.",
                "sweep a setting of the problem or of an optimizer",
            )
    cells = math.prod(len(values) for values in axes.values())
    if cells > MAX_CELLS:
        sizes = " × ".join(f"{key} ({len(values)})" for key, values in axes.items())
        raise PresetError(
            f"{where}: the sweep has {cells:,} cells, more than {MAX_CELLS:,}: {_cut(sizes, 200)}.",
            "leave out an axis, or some of its values",
        )
    return dict(axes)


def expand(
    raw: Raw, axes: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of a sweep: each is (swept keys and their values, the preset with them set)."""
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        cell = {key: value for key, value in raw.items() if key != "sweep"}
        for key, value in chosen.items():
            cell = assign(cell, key, value)
        yield chosen, cell


def assign(raw: Raw, dotted: str, value: Any) -> dict[str, Any]:
    """A copy of ``raw`` with one dotted key set. Raises PresetError where there is no section.

    An axis of a sweep is one key, dots and all: ``sweep.opro.temperature``.
    """
    head, _, rest = dotted.partition(".")
    if rest.count(".") > MAX_DEPTH:
        raise PresetError(f"{_cut(dotted)} is not a setting.", "--print-config shows them all")
    copy = dict(raw)
    if rest:
        inner = copy.get(head)
        if inner is not None and not isinstance(inner, Mapping):
            raise PresetError(
                f"{dotted}: {head} is not a section but {_shown(inner)}.",
                "--print-config shows them all",
            )
        inner = inner or {}
        copy[head] = {**inner, rest: value} if head == "sweep" else assign(inner, rest, value)
    else:
        copy[head] = value
    return copy


def unknown_key(key: str, known: Sequence[str], where: str, section: str = "") -> PresetError:
    """The error for a key that no setting has."""
    prefix = f"{section}." if section else ""
    return PresetError(
        f"{where}: {prefix}{_cut(key)} is not a setting.",
        _did_you_mean(key, known, prefix) or "settings here: " + ", ".join(known),
    )


def _did_you_mean(word: str, known: Sequence[str] | Mapping[str, Any], prefix: str = "") -> str:
    near = difflib.get_close_matches(word[:100], list(known), n=2, cutoff=0.5)
    return "did you mean " + " or ".join(prefix + word for word in near) + "?" if near else ""


def _validate(
    model: type[M], data: Any, section: str, sources: Mapping[str, str], file: str, memo: Memo
) -> M:
    where = sources.get(section, file)
    data = {} if data is None else data
    if not isinstance(data, Mapping):
        raise PresetError(
            f"{where}: {section} must be a section with settings, not {_shown(data)}.",
            f"as in `{section}: {{{next(iter(model.model_fields), '…')}: …}}`",
        )
    key = section, json.dumps(data)
    if key not in memo:
        try:
            memo[key] = model.model_validate(dict(data))
        except ValidationError as error:
            raise _explained(error, model, section, sources, where) from None
    found: M = memo[key]
    return found


def _explained(
    error: ValidationError,
    model: type[BaseModel],
    section: str,
    sources: Mapping[str, str],
    where: str,
) -> PresetError:
    """The first thing that is wrong, as a sentence with where it was set and a hint."""
    problems_found = error.errors()
    unknown = (e for e in problems_found if e["type"] == "extra_forbidden")
    first = next(unknown, problems_found[0])  # a misspelt key is why another one is missing
    path = [str(part) for part in first["loc"] if not str(part).startswith(_NO_KEY)]
    message = str(first.get("ctx", {}).get("error", first["msg"]))
    whole = first["type"] == "value_error" and not path
    if whole:  # said of the whole section: "name: …"
        name, colon, rest = message.partition(": ")
        if colon and name in model.model_fields:
            path, message = [name], rest
    dotted = ".".join([section, *path] if section else path)
    file = where
    where = next((sources[key] for key in _prefixes(dotted) if key in sources), where)
    if whole and where == file:  # it may be what was set beside it that is wrong
        others = (s for key, s in sources.items() if key.startswith(f"{section}.") and s != file)
        where = " with ".join(dict.fromkeys([file, *others]))
    if first["type"] == "extra_forbidden":
        inner = ".".join([section, *path[:-1]] if section else path[:-1])
        return unknown_key(path[-1], _fields(model, path[:-1]), where, inner)
    hint = _example(model, path)
    if isinstance(first["input"], list) and len(path) == 1 and _single(model, path[0]):
        hint = f"to try several values: --set 'sweep.{dotted}=[…]' with `opro sweep`"
    if first["type"] == "missing":
        return PresetError(f"{where}: {dotted} is missing.", hint)
    if first["type"] == "value_error":
        return PresetError(f"{where}: {dotted}: {_cut(message, 300)}.", hint)
    wanted = message[:1].lower() + message[1:]
    wanted = wanted.replace("input should be", "it should be")
    if first["type"].startswith("bool"):
        wanted = "it should be true or false"
    if first["type"] == "model_type":
        wanted = "it should be a section with settings"
    return PresetError(f"{where}: {dotted} is {_shown(first['input'])}; {wanted}.", hint)


def _single(model: type[BaseModel], name: str) -> bool:
    """Whether a setting takes one value, and not a row of them."""
    info = model.model_fields.get(name)
    row = info is None or isinstance(info.default, tuple) or info.is_required()
    return not row and name not in ONE_FOR_ALL


def _shown(value: Any) -> str:
    return _cut(repr(value))


def _cut(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _example(model: type[BaseModel], path: Sequence[str]) -> str:
    """What a right value looks like: the default, or the example the settings carry."""
    examples = getattr(model, "examples", {})
    if path and path[0] in examples:
        return f"as in {examples[path[0]]}"
    for name in path[:-1]:
        info = model.model_fields.get(name)
        if info is None or not isinstance(info.default, BaseModel):
            break
        model = type(info.default)
    info = model.model_fields.get(path[-1]) if path else None
    if info is None or info.is_required():
        return "--print-config shows every value and where it comes from"
    default = info.get_default(call_default_factory=False)
    return f"the default is {'null' if default is None else default}"


def _prefixes(dotted: str) -> Iterator[str]:
    parts = dotted.split(".")
    return (".".join(parts[:n]) for n in range(len(parts), 0, -1))


def _fields(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """The settings of the section at a path: a section in a section, a mapping or a list."""
    found: Any = model
    for name in path:
        if isinstance(found, type) and issubclass(found, BaseModel):
            info = found.model_fields.get(name)
            found = info.annotation if info else None
        elif get_origin(found) in (dict, tuple):
            found = get_args(found)[get_origin(found) is dict]
    is_model = isinstance(found, type) and issubclass(found, BaseModel)
    return list(found.model_fields) if is_model else []
