"""Presets as files: find one, read its YAML strictly, and apply what the user overrides."""

from __future__ import annotations

import contextlib
import difflib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from opro_cli import yamltext
from opro_cli.errors import PresetError
from opro_cli.spec import Preset
from opro_cli.text import clean
from opro_cli.validation import Memo, assign, expand, grid, parse
from opro_cli.yamltext import MAX_BYTES, NotYaml

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Override:
    """One value the user sets over the preset's.

    Args:
        key: dotted, as in ``opro.temperature``.
        value: the value, already of YAML's types.
            source: how it was set, as in ``--temperature``.
        weak: leaves a key that the preset sweeps alone.
    """

    key: str
    value: Any
    source: str
    weak: bool = False


@dataclass(frozen=True)
class Resolved:
    """A preset with its overrides: the base, the cells of its sweep, and where values came from."""

    path: str
    base: Preset
    """The preset without its sweep."""
    cells: tuple[Preset, ...]
    """One where there is no sweep."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each dotted key was set; a key that is not here has its default."""
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The axes of the sweep, each with all its values."""
    notices: tuple[str, ...] = ()
    """What was typed and makes the grid smaller."""


def folders() -> list[Path]:
    """Where names are looked up: ``./presets``, then the packaged copy."""
    packaged = Path(str(files("opro_cli") / "_presets"))
    if not packaged.is_dir():  # a source checkout, installed in place
        packaged = Path(__file__).parent.parent / "presets"
    return [Path("presets"), packaged]


def available() -> dict[str, Path]:
    """Every preset's name and file; a file in ``./presets`` hides a packaged one."""
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        with contextlib.suppress(OSError):  # it is not there, or may not be looked into
            found |= {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in SUFFIXES}
    return dict(sorted(found.items()))


def find(name: str) -> Path:
    """The file of a preset, given its name or its path. Raises PresetError."""
    looks_like_path = "/" in name or "\\" in name or name.endswith(SUFFIXES)
    try:
        if looks_like_path and Path(name).exists():
            return Path(name)
    except (OSError, ValueError):  # a NUL, or a name too long
        pass
    known = available()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(Path(name).stem or name, known, n=3, cutoff=0.4)
    raise PresetError(
        f"There is no preset {name!r}" + (", and no such file." if looks_like_path else "."),
        f"did you mean {' or '.join(near)}?" if near else "see `opro presets`",
    )


def load(path: Path) -> dict[str, Any]:
    """A preset file as a plain mapping. Raises PresetError naming the file and the line."""
    shown = tidy(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PresetError(f"{shown}: no regular file.", "see `opro presets`")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise PresetError(f"{shown}: larger than {MAX_BYTES:,} bytes.", "see `opro presets`")
        data = yamltext.load(raw.decode())
    except OSError as error:
        raise PresetError(f"{shown}: {error.strerror}.", "see `opro presets`") from None
    except UnicodeDecodeError:
        raise PresetError(f"{shown}: not UTF-8 text.", "save it as UTF-8") from None
    except PresetError as error:
        if error.message.startswith(f"{shown}: "):
            raise
        raise PresetError(f"{shown}: {error.message}", error.hint) from None
    if not isinstance(data, dict):
        raise PresetError(f"{shown}: a preset is a mapping of settings.", "see `opro presets`")
    return data


def tidy(path: Path) -> str:
    """A path as it is shown: without ``./`` and ``x/..``, where that leads to the same file."""
    shorter = os.path.normpath(path)
    try:
        same = Path(shorter).samefile(path)
    except (OSError, ValueError):
        same = False
    return clean(shorter if same else str(path))


def scalar(text: str, source: str = "") -> Any:
    """A value from the command line, read as a preset would read it.

    Args:
        text: the value; what is no YAML is taken as a text.
        source: the option, for messages.

    Raises:
        PresetError: there is nothing, or more than any preset holds.
    """
    if not text.strip():
        raise PresetError(f"{source}: there is no value.", "null stands for none")
    try:
        return yamltext.load(text)
    except NotYaml:
        return text
    except PresetError as error:
        raise PresetError(f"{source}: {error.message}", error.hint) from None


def setting(text: str) -> Override:
    """The override in ``--set KEY=VALUE``. Raises PresetError."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise PresetError(f"--set {text}: no KEY=VALUE.", "as in --set opro.temperature=1.3")
    return Override(key, scalar(value, f"--set {key}"), f"--set {key}")


def resolve(name: str, overrides: Sequence[Override] = ()) -> Resolved:
    """Find, read, override and validate a preset. Later overrides win.

    Raises:
        PresetError: for the first thing that is wrong, with its file and dotted key.
    """
    path = find(name)
    shown = tidy(path)
    original = raw = load(path)
    sources = dict.fromkeys(_dotted(raw), shown)
    fixed: list[str] = []
    for override in overrides:
        raw = assign(raw, override.key, override.value)
        if not override.weak:
            raw, gone = _fixed(raw, override.key)
            fixed += [f"{override.source} sets {axis}, which {shown} sweeps." for axis in gone]
        _record(sources, override.key, override.value, override.source)
    located = _located(path)
    base = located(_cell(raw, path.stem, sources, shown))
    published = None
    if "published" in original:
        with contextlib.suppress(PresetError):  # the file is right with the overrides only
            published = located(_cell(original, path.stem, sources, shown))
    axes = grid(raw, sources, shown)
    return Resolved(
        path=shown,
        base=_compared(base, published),
        cells=tuple(map(located, _cells(raw, axes, base, published, sources))),
        sources=sources,
        grid=axes,
        notices=tuple(fixed),
    )


def _located(path: Path) -> Callable[[Preset], Preset]:
    """Tells a preset's problem where its file is: what it names may stand beside it."""
    folder = str(path.parent.absolute())
    return lambda preset: replace(preset, problem=preset.problem.located(folder))


def _cells(
    raw: Mapping[str, Any],
    axes: Mapping[str, Sequence[Any]],
    base: Preset,
    published: Preset | None,
    sources: Mapping[str, str],
) -> Iterator[Preset]:
    if not axes:
        yield _compared(base, published)
        return
    swept = dict(sources)
    for key, values in axes.items():
        for value in values:
            _record(swept, key, value, f"{sources.get(f'sweep.{key}', base.name)}, sweep")
    memo: Memo = {}
    for chosen, raw_cell in expand(raw, axes):
        cell = _cell(raw_cell, base.name, swept, "", memo)
        yield _compared(replace(cell, axes=chosen), published)


def _record(sources: dict[str, str], key: str, value: Any, source: str) -> None:
    """Note where a key, and all below it, was set."""
    for old in [old for old in sources if old.startswith(f"{key}.")]:
        del sources[old]
    sources[key] = source
    if isinstance(value, Mapping):
        sources.update(dict.fromkeys(_dotted(value, f"{key}."), source))


def _fixed(raw: dict[str, Any], key: str) -> tuple[dict[str, Any], list[str]]:
    """The preset without the axes that would set this key again, and those axes.

    What is typed wins over what the file says, be that one value or a row of them.
    """
    axes = raw.get("sweep")
    if not isinstance(axes, Mapping) or key.partition(".")[0] == "sweep":
        return raw, []
    gone = [
        axis
        for axis in axes
        if axis == key or axis.startswith(f"{key}.") or key.startswith(f"{axis}.")
    ]
    kept = {axis: values for axis, values in axes.items() if axis not in gone}
    return {**raw, "sweep": kept}, gone


def _cell(
    raw: Mapping[str, Any],
    name: str,
    sources: Mapping[str, str],
    where: str,
    memo: Memo | None = None,
) -> Preset:
    return parse({k: v for k, v in raw.items() if k != "sweep"}, name, sources, where, memo)


def _compared(preset: Preset, published: Preset | None) -> Preset:
    """The preset, knowing for which optimizers it is no longer the published experiment."""
    if published is None:
        return preset
    altered = {n for n in preset.sections if preset.experiment(n) != published.experiment(n)}
    return replace(preset, altered=frozenset(altered))


def _dotted(raw: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a preset, sections before what they hold."""
    for key, value in raw.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")


def to_yaml(
    preset: Preset,
    sources: Mapping[str, str],
    names: Sequence[str] = (),
    axes: Mapping[str, Sequence[Any]] | None = None,
) -> str:
    """The preset in full, each value with where it came from, for ``--print-config``.

    What is printed is a preset that does the same again, ``axes`` being its sweep.
    """
    data = preset.dump(names)
    if axes:
        data["sweep"] = dict(axes)
    lines = []
    for key, value in data.items():
        section = isinstance(value, dict)
        if section:
            lines.append(f"{key}:")
        for inner, item in value.items() if section else ((key, value),):
            dotted = f"{key}.{inner}" if section else key
            first, *more = yamltext.dump(inner, item)
            first += f"  # {_origin(dotted, item, sources)}"
            lines += [("  " if section else "") + line for line in (first, *more)]
    return "\n".join(lines) + "\n"


def _origin(dotted: str, value: Any, sources: Mapping[str, str]) -> str:
    """Where a value was set; of a mapping, every place that set a part of it."""
    found = [sources[dotted]] if dotted in sources else []
    if isinstance(value, Mapping):
        found += [sources[key] for key in _dotted(value, f"{dotted}.") if key in sources]
    return clean(", ".join(dict.fromkeys(found)) or "default")
