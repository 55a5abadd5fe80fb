"""The source files of an objective and their digests, found and read without running anything."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from opro_cli.problems.custom.worker import (
    NotLoaded,
    check_form,
    find_file,
    homes,
    imports,
    packages_of,
)

MOST_FILES = 1000
"""Files that are read, at most."""


def digests(objective: str, folder: str) -> dict[str, str]:
    """SHA-256 of the objective's file, and of the files of its folder that it imports.

    The keys are ``objective``, and ``objective/NAME`` with the path of an imported file, relative
    to the folder that the objective imports from. Empty where there is no such file to be read,
    as for a module that is built in. What is installed is not followed.
    """
    where = objective.rpartition(":")[0]
    base = Path(folder or ".").absolute()
    importlib.invalidate_caches()
    try:
        check_form(where)
        if where.endswith(".py"):
            first = find_file(where, base)
            packages, root = packages_of(first)
            roots = [first.parent, root]
            around = [package / "__init__.py" for package in packages]
        else:
            roots = homes(where, base)
            found = list(_modules(where, roots))
            if not found:
                return {}
            *around, first = found
    except (NotLoaded, OSError):
        return {}
    files = {first: "objective"}
    ahead = [first, *around] if roots else []
    while ahead and len(files) < MOST_FILES:
        path = ahead.pop()
        for used in [path, *_used(path, roots)]:
            if used not in files and used.is_file():
                files[used] = f"objective/{_relative(used, roots)}"
                ahead.append(used)
    return {name: digest for path, name in files.items() if (digest := _sha256(path))}


def _modules(name: str, roots: list[Path]) -> Iterator[Path]:
    """The files of a module's packages, then its own, from these folders; installed without any.

    Without the last one where there is no such module.
    """
    places: list[str] | None = [str(root) for root in roots] or None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, places)
        if spec is None:
            return
        if spec.origin:
            yield Path(spec.origin)
        places = list(spec.submodule_search_locations or ())


def _used(path: Path, roots: list[Path]) -> Iterator[Path]:
    """The files below these folders that a file imports."""
    for node in imports(path):
        if isinstance(node, ast.Import):
            names, places = [alias.name for alias in node.names], roots
        else:
            inside = [f"{node.module}.{a.name}" if node.module else a.name for a in node.names]
            names, places = [*filter(None, [node.module]), *inside], roots
            if node.level:
                places = [path.parents[min(node.level, len(path.parents)) - 1]]
        for name in names:
            if places is roots and name.partition(".")[0] in sys.stdlib_module_names:
                continue
            yield from (p for p in _modules(name, places) if p.suffix == ".py")


def _relative(path: Path, roots: list[Path]) -> str:
    for root in roots:
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


def _sha256(path: Path) -> str:
    """The digest of a file, empty for one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
