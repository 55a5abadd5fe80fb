"""Validation: from the plain mapping of a preset to settings, or one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from opro_cli.core.errors import PresetError
from opro_cli.core.mappings import Raw, cut_text, shown_value
from opro_cli.core.registry import Registry, did_you_mean
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.spec import General, Preset
from opro_cli.presets.sweep import SHARED
from opro_cli.problems import PROBLEMS
from opro_cli.problems.settings import ProblemSettings

M = TypeVar("M", bound=BaseModel)

_NO_KEY = ("function-", "literal[")
"""Beginnings of parts of an error's location that are not keys of a preset."""

_KINDS = ("bool", "int", "float", "str", "none")
"""Names that the location of an error ends with where a value may be of several kinds."""

Memo = dict[tuple[str, str], Any]
"""Validated sections: the cells of a sweep have most of them in common."""


def parse_preset(
    raw: Raw,
    name: str,
    sources: Mapping[str, str] | None = None,
    where: str = "",
    memo: Memo | None = None,
) -> Preset:
    """Validate one preset without its ``sweep`` section.

    Args:
        raw: the preset as a plain mapping with text keys.
        name: the preset's name.
        sources: where each dotted key was set, for messages.
        where: the preset's file, for errors that no key causes.
        memo: shared by the cells of a sweep.

    Raises:
        PresetError: naming the dotted key, its source and a right value.
    """
    sources = sources or {}
    memo = {} if memo is None else memo
    where = where or f"preset {name}"
    known = [*General.model_fields, "problem", "sweep", *OPTIMIZERS]
    for key in raw:
        if key not in known:
            raise _unknown_key(key, known, sources.get(key, where))
    top = {key: raw[key] for key in raw if key in General.model_fields}
    general = validate(General, top, "", sources, where, memo)
    for key, named in (
        ("baselines", general.baselines),
        ("published", [table.optimizer for table in general.published]),
    ):
        for optimizer in named:
            _check_name(optimizer, key, OPTIMIZERS, sources.get(key, where))
    return Preset(
        name=name,
        general=general,
        problem=_problem(raw.get("problem"), sources, where, memo),
        sections={
            section: validate(OPTIMIZERS[section], raw.get(section), section, sources, where, memo)
            for section in OPTIMIZERS
        },
    )


def _problem(data: Any, sources: Mapping[str, str], where: str, memo: Memo) -> ProblemSettings:
    where = sources.get("problem", where)
    if not isinstance(data, Mapping) or "kind" not in data:
        raise PresetError(
            f"{where}: there is no problem.kind.",
            f"add `problem: {{kind: linear, …}}`; kinds: {', '.join(PROBLEMS)}",
        )
    kind = data["kind"]
    where = sources.get("problem.kind", where)
    _check_name(kind, "problem.kind", PROBLEMS, where)
    return validate(PROBLEMS[kind], data, "problem", sources, where, memo)


def _check_name(name: Any, key: str, registry: Registry[Any], where: str) -> None:
    if not isinstance(name, str) or name not in registry:
        raise PresetError(
            f"{where}: {key}: there is no {registry.noun} {shown_value(name)}.",
            registry.hint(str(name)),
        )


def _unknown_key(key: str, known: Sequence[str], where: str, section: str = "") -> PresetError:
    prefix = f"{section}." if section else ""
    return PresetError(
        f"{where}: {prefix}{cut_text(key)} is not a setting.",
        did_you_mean(key, known, prefix) or "settings here: " + ", ".join(known),
    )


def validate(
    model: type[M],
    data: Any,
    section: str,
    sources: Mapping[str, str] | None = None,
    file: str = "",
    memo: Memo | None = None,
) -> M:
    """The settings of one section.

    Args:
        model: of the section.
        data: the section as a plain mapping; None for an empty one.
        section: its name; empty for the top level of a preset.
        sources: where each dotted key was set, for messages.
        file: where the others were set.
        memo: as of :func:`parse_preset`.

    Raises:
        PresetError: naming the dotted key, its source and a right value.
    """
    sources, memo = sources or {}, {} if memo is None else memo
    where = sources.get(section, file)
    data = {} if data is None else data
    if not isinstance(data, Mapping):
        raise PresetError(
            f"{where}: {section} must be a section with settings, not {shown_value(data)}.",
            f"as in `{section}: {{{next(iter(model.model_fields), '…')}: …}}`",
        )
    key = section, json.dumps(data, default=repr)
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
    file: str,
) -> PresetError:
    """The first error as a sentence with the place where the value was set, and a hint."""
    errors = error.errors()
    unknown = (e for e in errors if e["type"] == "extra_forbidden")
    first = next(unknown, errors[0])  # a misspelt key is why another one is missing
    kind = first["type"]
    path = [str(part) for part in first["loc"] if not str(part).startswith(_NO_KEY)]
    one_of_several = len(path) > 1 and path[-1] in _KINDS
    if one_of_several:
        path.pop()
    message = str(first.get("ctx", {}).get("error", first["msg"]))
    whole = kind == "value_error" and not path
    if whole:  # an error of the whole section: "name: …"
        name, colon, rest = message.partition(": ")
        if colon and name in model.model_fields:
            path, message = [name], rest
    dotted = ".".join([section, *path] if section else path)
    where = next((sources[key] for key in _prefixes(dotted) if key in sources), file)
    if whole and where == file:  # another value of the section may be the wrong one
        others = (s for key, s in sources.items() if key.startswith(f"{section}.") and s != file)
        where = " with ".join(dict.fromkeys([file, *others]))
    if kind == "extra_forbidden":
        inner = ".".join([section, *path[:-1]] if section else path[:-1])
        error_of_key = _unknown_key(path[-1], _fields(model, path[:-1]), where, inner)
        kinds = _kinds_with(path[0]) if section == "problem" and len(path) == 1 else []
        if kinds and issubclass(model, ProblemSettings):
            error_of_key.hint = f"it is a setting of problem.kind: {' or '.join(kinds)}"
        return error_of_key
    hint = _example(model, path)
    if isinstance(first["input"], list) and len(path) == 1 and _single(model, path[0]):
        hint = f"to try several values: --set 'sweep.{dotted}=[…]' with `opro sweep`"
    if kind == "missing":
        return PresetError(f"{where}: {dotted} is missing.", hint)
    if kind == "value_error":
        return PresetError(f"{where}: {dotted}: {cut_text(message, 300)}.", hint)
    expected = message[:1].lower() + message[1:]
    expected = expected.replace("input should be", "it should be")
    if kind.startswith("bool"):
        expected = "it should be true or false"
    if one_of_several:
        expected = "it should be a number, a text, true, false or null"
    if kind == "model_type":
        expected = "it should be a section with settings"
    return PresetError(f"{where}: {dotted} is {shown_value(first['input'])}; {expected}.", hint)


def _kinds_with(name: str) -> list[str]:
    """The kinds of problems that have a setting."""
    return [kind for kind in PROBLEMS if name in PROBLEMS[kind].model_fields]


def _single(model: type[BaseModel], name: str) -> bool:
    """Whether a setting takes one value, not several."""
    info = model.model_fields.get(name)
    several = info is None or isinstance(info.default, tuple) or info.is_required()
    return not several and name not in SHARED


def _example(model: type[BaseModel], path: Sequence[str]) -> str:
    """A right value: the default, or the example that the settings class gives."""
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
