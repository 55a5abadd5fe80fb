"""Lines of a preset with comments, and the check that a written preset can be used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.presets import strict_yaml
from opro_cli.presets.resolve import resolve_data


def line(key: str, value: Any, comment: str = "") -> list[str]:
    """``key: value  # comment``."""
    first, *more = strict_yaml.dump(key, value)
    return [f"{first}  # {comment}" if comment else first, *more]


def section(name: str, lines: Iterable[str]) -> list[str]:
    """A section with these lines, after an empty one."""
    return ["", f"{name}:", *("  " + part for part in lines)]


def checked(text: str, folder: Path, hint: str) -> None:
    """Read a written preset as a command would. Raises UsageError where it cannot be used."""
    try:
        resolve_data(strict_yaml.load(text), "draft", "the preset", folder)
    except PresetError as error:
        raise UsageError(f"No preset can be written: {error.message}", error.hint or hint) from None
