"""Overrides: values that replace those of a preset, each with the place where it was set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opro_cli.core.errors import PresetError
from opro_cli.core.mappings import Raw, assign, dotted_keys
from opro_cli.core.text import clean
from opro_cli.presets import strict_yaml
from opro_cli.presets.files import available
from opro_cli.presets.strict_yaml import NotYaml


@dataclass(frozen=True)
class Override:
    """A value that replaces the preset's.

    Args:
        key: dotted, as in ``opro.temperature``.
        value: the value, already of YAML's types.
        source: where it was set, as in ``--temperature``.
        weak: does not replace a swept setting.
        kind: the only kind of problem that it is for; empty for any.
        hint: what to do where the preset has another kind of problem.
    """

    key: str
    value: Any
    source: str
    weak: bool = False
    kind: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Overridden:
    """A preset after its overrides, before it is validated.

    Args:
        raw: the preset.
        sources: where each dotted key was set; a key without a source has its default.
        notices: which axes of the sweep were replaced by one value.
    """

    raw: Raw
    sources: Mapping[str, str]
    notices: tuple[str, ...] = ()


def apply_overrides(raw: Raw, overrides: Iterable[Override], source: str) -> Overridden:
    """The preset with these values set; later ones win. Raises PresetError.

    Args:
        raw: the preset.
        overrides: the values.
        source: where the preset's own values were set: its file.
    """
    sources = dict.fromkeys(dotted_keys(raw), source)
    notices = []
    for override in overrides:
        _check_kind(raw, override, source)
        raw = assign(raw, override.key, override.value)
        if not override.weak:
            raw, removed = _without_axes(raw, override.key)
            notices += [
                f"{override.source} sets {axis}, which {source} sweeps." for axis in removed
            ]
        record_source(sources, override.key, override.value, override.source)
    return Overridden(raw, sources, tuple(notices))


def _check_kind(raw: Raw, override: Override, source: str) -> None:
    """Raises PresetError where an override is for another kind of problem."""
    problem = raw.get("problem")
    kind = problem.get("kind") if isinstance(problem, Mapping) else None
    if override.kind and isinstance(kind, str) and kind != override.kind:
        raise PresetError(
            f"{override.source} is for problems of kind {override.kind}, and {source} has the kind "
            f"{clean(kind, 40)}.",
            override.hint or _hint_of_kind(override.kind),
        )


def _hint_of_kind(kind: str) -> str:
    """Where a preset of this kind of problem is found."""
    if kind in available():
        return f"take a preset of that kind, such as --preset {kind}"
    return "take a preset of that kind: `opro presets` lists them"


def record_source(sources: dict[str, str], key: str, value: Any, source: str) -> None:
    """Note where a key, and all below it, was set."""
    for old in [old for old in sources if old.startswith(f"{key}.")]:
        del sources[old]
    sources[key] = source
    if isinstance(value, Mapping):
        sources.update(dict.fromkeys(dotted_keys(value, f"{key}."), source))


def _without_axes(raw: Raw, key: str) -> tuple[Raw, list[str]]:
    """The preset without the axes that would set this key again, and those axes."""
    axes = raw.get("sweep")
    if not isinstance(axes, Mapping) or key.partition(".")[0] == "sweep":
        return raw, []
    removed = [
        axis
        for axis in axes
        if axis == key or axis.startswith(f"{key}.") or key.startswith(f"{axis}.")
    ]
    kept = {axis: values for axis, values in axes.items() if axis not in removed}
    return {**raw, "sweep": kept}, removed


def parse_scalar(text: str, source: str = "") -> Any:
    """A value from the command line, read as in a preset.

    Args:
        text: the value; a text that is not valid YAML is taken as it is.
        source: the option, for messages.

    Raises:
        PresetError: the text is empty, or larger than any preset.
    """
    if not text.strip():
        raise PresetError(f"{source}: there is no value.", "null stands for none")
    try:
        return strict_yaml.load(text)
    except NotYaml:
        return text
    except PresetError as error:
        raise PresetError(f"{source}: {error.message}", error.hint) from None


def parse_setting(text: str) -> Override:
    """The override in ``--set KEY=VALUE``. Raises PresetError."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise PresetError(f"--set {text}: expected KEY=VALUE.", "as in --set opro.temperature=1.3")
    return Override(key, parse_scalar(value, f"--set {key}"), f"--set {key}")


def option_text(name: str) -> str:
    """An option as it is typed: ``--max-calls`` for ``max_calls``."""
    return "--" + name.replace("_", "-")
