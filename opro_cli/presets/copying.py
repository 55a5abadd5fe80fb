"""Copies a preset with the files beside it that it needs. Replaces nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.presets.files import SUFFIXES, load_file, read_text, tidy
from opro_cli.presets.reading import read_bytes, reason
from opro_cli.presets.sweep import without_sweep
from opro_cli.presets.validation import parse_preset

MAX_BYTES = 200_000_000
"""Of a file that a preset needs."""


@dataclass(frozen=True)
class Copied:
    """What was written.

    Args:
        path: of the preset.
        files: that it needs.
        left: names of files that it needs and that are elsewhere, so that they were not copied.
    """

    path: Path
    files: tuple[Path, ...]
    left: tuple[str, ...]


def target_of(path: Path, to: Path | None) -> Path:
    """Where a preset is copied to: a file ``.yaml``, or under its own name into a folder."""
    if to is None or to.suffix not in SUFFIXES:
        return (to or Path()) / path.name
    return to


def copy_preset(path: Path, target: Path) -> Copied:
    """Copy a preset, and the files in its folder that it needs, to the same places beside it.

    Raises UsageError where a file is there already, before anything is written.
    """
    text = read_text(path)
    preset = parse_preset(without_sweep(load_file(path)), path.stem, where=tidy(path))
    folder = path.parent.absolute()
    inside: dict[Path, Path] = {}
    left = []
    for name in preset.problem.files(str(folder)):
        source = Path(name).absolute()
        if source.is_relative_to(folder) and ".." not in source.parts:
            inside[source] = target.parent / source.relative_to(folder)
        elif source.is_file():
            left.append(clean(name))
    there = [p for p in (target, *inside.values()) if p.exists() or p.is_symlink()]
    if there:
        raise UsageError(
            f"{tidy(there[0])} is there already.", "name another FILE or folder to copy to"
        )
    written: list[Path] = []
    try:
        contents = {target: text.encode()}
        contents |= {new: read_bytes(old, MAX_BYTES) for old, new in inside.items()}
        for new, data in contents.items():
            new.parent.mkdir(parents=True, exist_ok=True)
            with new.open("xb") as file:
                written.append(new)
                file.write(data)
    except OSError as error:
        for new in written:
            with contextlib.suppress(OSError):
                new.unlink()
        raise UsageError(f"The preset cannot be copied: {reason(error)}.") from None
    return Copied(target, tuple(inside.values()), tuple(left))
