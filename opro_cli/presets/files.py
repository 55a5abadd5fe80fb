"""Preset files: list them, find one by its name, read one."""

from __future__ import annotations

import contextlib
import os
import secrets
from importlib.resources import files
from pathlib import Path
from typing import Any

from opro_cli.core.errors import PresetError, UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.core.text import clean
from opro_cli.presets import strict_yaml
from opro_cli.presets.reading import read_bytes, reason
from opro_cli.presets.strict_yaml import MAX_BYTES

SUFFIXES = (".yaml", ".yml")

LIST = "see `opro presets`"
"""The hint where nothing better is known."""


def folders() -> list[Path]:
    """Where names are looked up: ``./presets``, then the packaged copy."""
    packaged = Path(str(files("opro_cli") / "_presets"))
    if not packaged.is_dir():  # a source checkout, installed in place
        packaged = Path(__file__).parents[2] / "presets"
    return [Path("presets"), packaged]


def available() -> dict[str, Path]:
    """Every preset's name and file; a file in ``./presets`` hides a packaged one."""
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        with contextlib.suppress(OSError):  # it does not exist, or cannot be read
            found |= {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in SUFFIXES}
    return dict(sorted(found.items()))


def find(name: str) -> Path:
    """The file of a preset, given its name or its path. Raises PresetError."""
    looks_like_path = _is_path(name)
    if looks_like_path and _exists(name):
        return Path(name)
    known = available()
    if name in known:
        return known[name]
    if not looks_like_path and name:
        _refuse_function(name)
        if _exists(name):
            raise PresetError(
                f"{clean(name)} is no preset: a preset is a file whose name ends in .yaml.", LIST
            )
        for file in (f"{name}{suffix}" for suffix in SUFFIXES):
            if _exists(file):
                raise PresetError(f"There is no preset {name!r}.", f"did you mean {clean(file)}?")
    if name == "paper":
        raise PresetError(
            "There is no preset 'paper'.",
            "the paper's: exp1 to exp4, tsp10 to tsp50, table2, gsm8k-paper and bbh; "
            "--strategy paper asks a model as it does",
        )
    for file in (f"{name.removesuffix(end)}{other}" for end in SUFFIXES for other in SUFFIXES):
        if looks_like_path and name.endswith(SUFFIXES) and _exists(file):
            raise PresetError(
                f"There is no preset {name!r}, and no such file.", f"did you mean {clean(file)}?"
            )
    raise PresetError(
        f"There is no preset {name!r}" + (", and no such file." if looks_like_path else "."),
        did_you_mean(Path(name).stem or name, known) or LIST,
    )


def _refuse_function(name: str) -> None:
    """Raises PresetError for a Python file, or for a function in one."""
    file, _, function = name.partition(":")
    if file.endswith(".py") and _exists(file):
        raise PresetError(
            f"{clean(name)} is {'a function' if function else 'a Python file'}, and no preset.",
            f"opro init {clean(name)} writes a preset for it",
        )


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # a NUL, or a name too long
        return False


def hidden(name: str) -> str:
    """A sentence where a name means a file in ``./presets`` that hides a packaged one; or empty."""
    own, packaged = folders()
    if _is_path(name):
        return ""
    found = available().get(name)
    if found is None or found.parent != own:
        return ""
    same = [packaged / f"{name}{suffix}" for suffix in SUFFIXES]
    with contextlib.suppress(OSError):
        for path in same:
            if path.is_file() and not path.samefile(found):
                return (
                    f"{clean(name)} is ./{tidy(found)}, not the packaged preset "
                    f"(for that one: {tidy(path)})"
                )
    return ""


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or name.endswith(SUFFIXES)


def read_text(path: Path) -> str:
    """The text of a preset file. Raises PresetError."""
    try:
        return read_bytes(path, MAX_BYTES).decode()
    except OSError as error:
        raise PresetError(f"{tidy(path)}: {reason(error)}.", LIST) from None
    except UnicodeDecodeError:
        raise PresetError(f"{tidy(path)}: not UTF-8 text.", "save it as UTF-8") from None


def load_file(path: Path) -> dict[str, Any]:
    """A preset file as a plain mapping. Raises PresetError naming the file and the line."""
    shown = tidy(path)
    text = read_text(path)
    try:
        data = strict_yaml.load(text)
    except PresetError as error:
        raise PresetError(f"{shown}: {error.message}", error.hint) from None
    if not isinstance(data, dict):
        raise PresetError(f"{shown}: a preset is a mapping of settings.", LIST)
    return data


def save_new(path: Path, text: str, *, force: bool = False) -> None:
    """Write a file that is not there yet. A link of that name counts as there.

    Raises UsageError, also where the file is there and ``force`` is false.
    """
    shown = clean(str(path))
    try:
        if not force:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            return
        partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        with partial.open("x", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
    except FileExistsError:
        raise UsageError(
            f"{shown} is there already.", "--force replaces it; -o FILE takes another name"
        ) from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be written: {reason(error)}.") from None


def tidy(path: Path) -> str:
    """A path for display: without ``./`` and ``x/..``, where that leads to the same file."""
    shorter = os.path.normpath(path)
    try:
        same = Path(shorter).samefile(path)
    except (OSError, ValueError):
        same = False
    return clean(shorter if same else str(path))
