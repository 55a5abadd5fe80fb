"""The files that runs were made from, for a crate: presets, and files beside them that they need.

Only what is certainly what a run was made from is taken: a preset that gives the recorded settings,
and a file whose SHA-256 is recorded. Nothing of it is run, and no link is followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opro_cli.core.errors import OproError
from opro_cli.core.text import clean
from opro_cli.presets.files import SUFFIXES
from opro_cli.presets.overrides import Override
from opro_cli.presets.reading import read_bytes, reason
from opro_cli.presets.resolve import resolve
from opro_cli.runs.disk.contents import PROBLEM, recorded
from opro_cli.runs.store import StoredRun, slug

FOLDER = "presets"
"""In the crate: a folder for each preset."""
MAX_BYTES = 20_000_000


@dataclass
class Sources:
    """The files that were found.

    Args:
        redact: removes every key of the environment from a text.
    """

    redact: Callable[[str], str]
    texts: dict[str, str] = field(default_factory=dict)
    """Their contents, by their paths in the crate."""
    of_run: dict[str, list[str]] = field(default_factory=dict)
    """The paths of the files that a run was made from, by its id."""
    notes: dict[str, None] = field(default_factory=dict)
    """A sentence for each file that is not taken."""
    _folders: dict[str, str] = field(default_factory=dict)

    def add(self, run: StoredRun) -> None:
        """Look for the files of a run. Raises RunsError where its settings cannot be read."""
        about = run.about.get("preset", {})
        file = about.get("file")
        if not isinstance(file, str):
            self._leave(run.spec().preset, "the preset", "it is not recorded as a file")
            return
        preset = Path(file)
        why = _differs(preset, about)
        if why:
            self._leave(file, "the preset", why)
        else:
            self._take(run, preset, preset.parent)
        self._add_needed(run, preset.parent)

    def _add_needed(self, run: StoredRun, folder: Path) -> None:
        digests = {v for k, v in recorded(run.about).items() if k.startswith(PROBLEM)}
        problem = run.spec().problem
        found = problem.files(str(folder))
        if not found and (named := getattr(problem, "objective", "")):
            self._leave(named, "the objective", "its file is not there")
        for name in found:
            self._take(run, Path(name).absolute(), folder, digests)

    def _take(
        self, run: StoredRun, path: Path, folder: Path, digests: set[str] | None = None
    ) -> None:
        """Take a file, unless a reason speaks against it; without digests it was compared."""
        try:
            if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()):
                raise _Left("it is a link, or not in the folder of the preset")
            data = read_bytes(path, MAX_BYTES)
            if digests is not None and hashlib.sha256(data).hexdigest() not in digests:
                raise _Left("its SHA-256 is not one that the run has recorded")
            text = data.decode()
            if self.redact(text) != text:
                raise _Left("it holds a key of the environment")
        except _Left as left:
            self._leave(str(path), "a file", str(left))
        except UnicodeDecodeError:
            self._leave(str(path), "a file", "it is no UTF-8 text")
        except OSError as error:
            self._leave(str(path), "a file", reason(error))
        else:
            relative = path.resolve().relative_to(folder.resolve()).as_posix()
            inside = f"{self._folder(folder, run)}/{relative}"
            self.texts[inside] = text
            self.of_run.setdefault(run.id, []).append(inside)

    def _folder(self, folder: Path, run: StoredRun) -> str:
        """The folder in the crate for the files of a folder: named after its first preset."""
        if str(folder) not in self._folders:
            stem = slug(Path(str(run.about["preset"]["file"])).stem) or "preset"
            taken = len([name for name in self._folders.values() if name.startswith(stem)])
            self._folders[str(folder)] = f"{stem}-{taken + 1}" if taken else stem
        return f"{FOLDER}/{self._folders[str(folder)]}"

    def _leave(self, name: str, what: str, why: str) -> None:
        said = self.redact(clean(name, 300))
        self.notes[f"not included: {said}, {what} of a run: {why}"] = None


class _Left(Exception):
    """Why a file is not taken."""


def _differs(path: Path, about: Mapping[str, Any]) -> str:
    """Why a file is not the preset of a run, with what the command line had set; empty if it is."""
    if path.suffix not in SUFFIXES or not path.is_absolute() or not path.is_file():
        return "it is not there"
    resolved = about.get("resolved", {})
    overrides = [
        Override(key, value, source)
        for key, source in about.get("sources", {}).items()
        if source != about.get("path") and (value := _value(resolved, key)) is not None
    ]
    try:
        same = resolve(str(path), overrides).base.sha256() == about.get("sha256")
    except OproError:
        same = False
    return "" if same else "it has changed since, so its SHA-256 is not the recorded one"


def _value(data: Any, key: str) -> Any:
    for part in key.split("."):
        data = data.get(part) if isinstance(data, Mapping) else None
    return data
