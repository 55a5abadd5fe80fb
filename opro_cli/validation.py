"""From the plain mapping that a YAML file holds to a validated preset, or one clear error."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from opro_cli import optimizers, problems
from opro_cli.errors import PresetError
from opro_cli.spec import General, Preset

Raw = Mapping[str, Any]
M = TypeVar("M", bound=BaseModel)


def parse(raw: Raw, name: str, sources: Mapping[str, str] | None = None) -> Preset:
    """Validate one cell: a preset without its ``sweep`` section.

    Args:
        raw: the preset as a plain mapping.
        name: the preset's name.
        sources: where each dotted key was set, for messages.

    Raises:
        PresetError: naming the dotted key, its source and what would be right.
    """
    sources = sources or {}
    known = [*General.model_fields, "problem", "sweep", *optimizers.NAMES]
    for key in raw:
        if key not in known:
            raise unknown_key(key, known, sources.get(key, f"preset {name}"))
    problem = raw.get("problem")
    where = sources.get("problem", f"preset {name}")
    if not isinstance(problem, Mapping) or "kind" not in problem:
        raise PresetError(
            f"{where}: there is no problem.kind.",
            f"add `problem: {{kind: linear, …}}`; kinds: {', '.join(problems.KINDS)}",
        )
    kind = problem["kind"]
    if kind not in problems.KINDS:
        raise PresetError(
            f"{where}: problem.kind is {kind!r}, which is no kind of problem.",
            _did_you_mean(str(kind), problems.KINDS) or "kinds: " + ", ".join(problems.KINDS),
        )
    top = {key: raw[key] for key in raw if key in General.model_fields}
    general = _validate(General, top, "", sources, name)
    for baseline in general.baselines:
        if baseline not in optimizers.NAMES:
            raise PresetError(
                f"{where}: baselines has {baseline!r}, which is no optimizer.",
                _did_you_mean(baseline, optimizers.NAMES)
                or "optimizers: " + ", ".join(optimizers.NAMES),
            )
    return Preset(
        name=name,
        general=general,
        problem=_validate(problems.settings_of(kind), problem, "problem", sources, name),
        sections={
            section: _validate(
                optimizers.settings_of(section), raw.get(section) or {}, section, sources, name
            )
            for section in optimizers.NAMES
        },
    )


def expand(raw: Raw) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The cells of a sweep: each is (swept keys and their values, the preset with them set).

    Raises PresetError where an axis is no list, or empty.
    """
    axes = raw.get("sweep") or {}
    if not isinstance(axes, Mapping):
        raise PresetError(
            "sweep must be a mapping of dotted keys to lists.",
            "as in `sweep: {opro.temperature: [1.0, 1.3, 1.5]}`",
        )
    for key, values in axes.items():
        if not isinstance(values, list) or not values:
            raise PresetError(
                f"sweep.{key} must be a list of values, not {values!r}.",
                f"as in `sweep: {{{key}: [1.0, 1.3, 1.5]}}`",
            )
    cells = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        cell = {key: value for key, value in raw.items() if key != "sweep"}
        for key, value in chosen.items():
            cell = assign(cell, key, value)
        cells.append((chosen, cell))
    return cells


def assign(raw: Raw, dotted: str, value: Any) -> dict[str, Any]:
    """A copy of ``raw`` with one dotted key set. Raises PresetError where there is no section."""
    head, _, rest = dotted.partition(".")
    copy = dict(raw)
    if rest:
        inner = copy.get(head)
        if inner is not None and not isinstance(inner, Mapping):
            raise PresetError(
                f"{dotted}: {head} is not a section but {inner!r}.", "--print-config shows them all"
            )
        copy[head] = assign(inner or {}, rest, value)
    else:
        copy[head] = value
    return copy


def unknown_key(key: str, known: Sequence[str], where: str, section: str = "") -> PresetError:
    """The error for a key that no setting has."""
    prefix = f"{section}." if section else ""
    return PresetError(
        f"{where}: {prefix}{key} is not a setting.",
        _did_you_mean(key, known, prefix) or "settings here: " + ", ".join(known),
    )


def _did_you_mean(word: str, known: Sequence[str] | Mapping[str, Any], prefix: str = "") -> str:
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.5)
    return "did you mean " + " or ".join(prefix + word for word in near) + "?" if near else ""


def _validate(model: type[M], data: Any, section: str, sources: Mapping[str, str], name: str) -> M:
    where = sources.get(section, f"preset {name}")
    if not isinstance(data, Mapping):
        raise PresetError(
            f"{where}: {section} must be a section with settings, not {data!r}.",
            f"as in `{section}: {{{next(iter(model.model_fields))}: …}}`",
        )
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise _explained(error, model, section, sources, where) from None


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
    path = [str(part) for part in first["loc"] if not str(part).startswith("function-")]
    message = str(first.get("ctx", {}).get("error", first["msg"]))
    if first["type"] == "value_error" and not path:  # said of the whole section: "name: …"
        name, colon, rest = message.partition(": ")
        if colon and name in model.model_fields:
            path, message = [name], rest
    dotted = ".".join([section, *path] if section else path)
    where = next((sources[key] for key in _prefixes(dotted) if key in sources), where)
    if first["type"] == "extra_forbidden":
        inner = ".".join([section, *path[:-1]] if section else path[:-1])
        return unknown_key(path[-1], _fields(model, path[:-1]), where, inner)
    hint = _example(model, path)
    if first["type"] == "missing":
        return PresetError(f"{where}: {dotted} is missing.", hint)
    if first["type"] == "value_error":
        return PresetError(f"{where}: {dotted}: {message}.", hint)
    wanted = message[:1].lower() + message[1:]
    wanted = wanted.replace("input should be", "it should be")
    return PresetError(f"{where}: {dotted} is {first['input']!r}; {wanted}.", hint)


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
    return f"the default is {info.get_default(call_default_factory=False)}"


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
