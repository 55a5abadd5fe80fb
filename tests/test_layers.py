"""The house: packages in layers that import only downwards, without circles, in small files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "opro_cli"
LAYERS = [
    "core",
    "problems",
    "llm",
    "optimizers",
    "presets",
    "runs",
    "report",
    "export",
    "cli",
    "api",
]
"""From the ground up. `problems` and `llm` are side by side: neither imports the other."""
FLOOR = {name: i for i, name in enumerate(LAYERS)} | {"llm": 1}
FILES = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module(path): path for path in FILES}


def imports(tree: ast.AST) -> Iterator[str]:
    """Modules of ours that are imported anywhere in a file, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


GRAPH = {module(path): set(imports(tree)) - {module(path)} for path, tree in FILES.items()}


def package(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_every_layer_imports_only_from_those_below():
    upwards = [
        f"{user} imports {used}"
        for user, found in GRAPH.items()
        for used in found
        if package(user) in FLOOR
        and package(used) in FLOOR
        and package(user) != package(used)
        and FLOOR[package(user)] <= FLOOR[package(used)]
    ]
    assert not upwards


def test_there_is_no_circle_of_imports():
    left = {name: set(found) for name, found in GRAPH.items()}
    while free := {name for name, found in left.items() if not found & set(left)}:
        left = {name: found for name, found in left.items() if name not in free}
    assert not left, "in a circle, or above one: " + ", ".join(sorted(left))


def test_nothing_lies_flat_beside_the_packages():
    flat = {path.name for path in PACKAGE.glob("*.py")}
    assert flat <= {"__init__.py", "__main__.py"}
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(LAYERS)


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda p: p.name)
def test_no_folder_has_more_than_sixteen_files(folder):
    assert len(list(folder.glob("*.py"))) <= 16


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_file_is_long(path):
    assert len(path.read_text().splitlines()) <= 330


PURE = [path for path in FILES if package(module(path)) in ("core", "problems", "optimizers")]
APART = {
    "opro_cli.problems.custom.guard",
    "opro_cli.problems.custom.processes",
    "opro_cli.problems.custom.sources",
    "opro_cli.problems.custom.worker",
    "opro_cli.problems.instructions.files",
    "opro_cli.problems.tsp.city_files",
}
"""The processes of a custom objective and its files, a file with data, and one with cities."""
OUTSIDE = {"typer", "rich", "google", "yaml", "httpx2", "xllamacpp", "os", "pathlib", "io"}


@pytest.mark.parametrize("path", [p for p in PURE if module(p) not in APART], ids=module)
def test_the_lower_layers_touch_neither_screen_nor_file_nor_network(path):
    imported = set()
    for node in ast.walk(FILES[path]):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print")
    assert not imported & OUTSIDE
