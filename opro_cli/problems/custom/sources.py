"""The source files of an objective and their digests, found and read without running anything."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from pathlib import Path

from opro_cli.problems.custom.signature import missing, read_function
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
    found = files(objective, folder)
    return {name: digest for path, name in found.items() if (digest := _sha256(path))}


def files(objective: str, folder: str) -> dict[Path, str]:
    """The objective's file and those of its folder that it imports, with the keys of digests."""
    where = objective.rpartition(":")[0]
    try:
        first, around, roots = _origin(where, Path(folder or ".").absolute())
    except (NotLoaded, OSError):
        return {}
    found = {first: "objective"}
    ahead = [first, *around] if roots else []
    while ahead and len(found) < MOST_FILES:
        path = ahead.pop()
        for used in [path, *_used(path, roots)]:
            if used not in found and used.is_file():
                found[used] = f"objective/{_relative(used, roots)}"
                ahead.append(used)
    return found


def find_source(where: str, base: Path) -> Path:
    """The file of ``my.py`` or ``my_module``, seen from a folder. Raises NotLoaded."""
    return _origin(where, base)[0]


def describe_source(objective: str, folder: str, names: Sequence[str]) -> str:
    """What the source says of a function and these arguments, in a sentence. Runs nothing of it.

    Raises NotLoaded where there is no such file, or the function does not take these arguments.
    """
    where, _, name = objective.rpartition(":")
    path = find_source(where, Path(folder or ".").absolute())
    source = ""
    try:
        source = path.read_text(encoding="utf-8-sig")
        function = read_function(source, name)
    except (NotLoaded, OSError, ValueError):  # it may be made in another way than by `def`
        if why := missing(source, name) if source else "":
            raise NotLoaded(why) from None
        return f"{objective} is there; what it takes is only known when it is imported"
    if refusal := function.refusal(names):
        raise NotLoaded(f"{name} cannot be called with {', '.join(names)}: {refusal}")
    return f"{objective} takes {', '.join(names)}"


def _origin(where: str, base: Path) -> tuple[Path, list[Path], list[Path]]:
    """The file, the files of the packages that it is in, and the folders that it imports from.

    Raises NotLoaded where there is none.
    """
    importlib.invalidate_caches()
    check_form(where)
    if where.endswith(".py"):
        first = find_file(where, base)
        packages, root = packages_of(first)
        return first, [package / "__init__.py" for package in packages], [first.parent, root]
    roots = homes(where, base)
    modules = list(_modules(where, roots))
    if not modules:
        raise NotLoaded(f"there is no module {where} in {base}, nor installed")
    *around, first = modules
    return first, around, roots


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
