"""Resolve a preset: read its file, apply overrides, validate, expand the sweep."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opro_cli.core.errors import PresetError
from opro_cli.core.mappings import Raw
from opro_cli.presets.files import find, load_file, tidy
from opro_cli.presets.overrides import Override, apply_overrides, record_source
from opro_cli.presets.spec import Preset
from opro_cli.presets.sweep import expand, grid, without_sweep
from opro_cli.presets.validation import Memo, parse_preset
from opro_cli.problems.settings import ProblemSettings


@dataclass(frozen=True)
class Resolved:
    """A preset with its overrides: the base, the cells of its sweep, and where values came from."""

    path: str
    """The preset's file, as it is shown."""
    base: Preset
    """The preset without its sweep."""
    cells: tuple[Preset, ...]
    """One for each combination of the sweep; one where there is no sweep."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each dotted key was set; a key that is not here has its default."""
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The axes of the sweep, each with all its values."""
    notices: tuple[str, ...] = ()
    """Overrides that make the grid smaller."""
    file: Path | None = None
    """The preset's file, wherever one looks from; None for a preset that is in no file."""

    def with_problem(self, change: Callable[[ProblemSettings], ProblemSettings]) -> Resolved:
        """The same with another problem in the base and in every cell."""

        def changed(preset: Preset) -> Preset:
            return replace(preset, problem=change(preset.problem))

        return replace(self, base=changed(self.base), cells=tuple(map(changed, self.cells)))


def resolve(name: str, overrides: Sequence[Override] = ()) -> Resolved:
    """Find, read, override and validate a preset. Later overrides win.

    Raises:
        PresetError: for the first error found, with its file and dotted key.
    """
    path = find(name)
    found = resolve_data(load_file(path), path.stem, tidy(path), path.parent, overrides)
    return replace(found, file=Path(found.path).absolute())


def resolve_data(
    raw: Raw,
    name: str,
    source: str = "",
    folder: Path | None = None,
    overrides: Sequence[Override] = (),
) -> Resolved:
    """As :func:`resolve`, from a mapping.

    Args:
        raw: the preset.
        name: the preset's name.
        source: where it comes from, for messages; its name if empty.
        folder: where files that it names are looked for; the current one if None.
        overrides: values that replace those of the preset.
    """
    source = source or name
    changed = apply_overrides(raw, overrides, source)
    located = _locate(folder or Path())
    base = located(parse_preset(without_sweep(changed.raw), name, changed.sources, source))
    original = None
    if "published" in raw:
        with contextlib.suppress(PresetError):  # the file is valid with the overrides only
            original = located(parse_preset(without_sweep(raw), name, changed.sources, source))
    axes = grid(changed.raw, changed.sources, source)
    base = _compare_with_published(base, original)
    cells = _cells(changed.raw, name, axes, changed.sources) if axes else [base]
    return Resolved(
        path=source,
        base=base,
        cells=tuple(_compare_with_published(located(cell), original) for cell in cells),
        sources=changed.sources,
        grid=axes,
        notices=changed.notices,
    )


def _cells(
    raw: Raw, name: str, axes: Mapping[str, Sequence[Any]], sources: Mapping[str, str]
) -> Iterator[Preset]:
    swept = dict(sources)
    for key, values in axes.items():
        for value in values:
            record_source(swept, key, value, f"{sources.get(f'sweep.{key}', name)}, sweep")
    memo: Memo = {}
    for chosen, cell in expand(raw, axes):
        yield replace(parse_preset(cell, name, swept, memo=memo), axes=chosen)


def _locate(folder: Path) -> Callable[[Preset], Preset]:
    """Tells a preset's problem the folder in which to look for files that it names."""
    place = str(folder.absolute())
    return lambda preset: replace(preset, problem=preset.problem.located(place))


def _compare_with_published(preset: Preset, published: Preset | None) -> Preset:
    """The preset, knowing for which optimizers it is no longer the published experiment."""
    if published is None:
        return preset
    altered = {n for n in preset.sections if preset.experiment(n) != published.experiment(n)}
    return replace(preset, altered=frozenset(altered))
