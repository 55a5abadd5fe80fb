"""What the code may import, what it may take to start, and what the README must name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from opro_cli.cli import app

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "opro_cli"
CORE = [
    "spec.py",
    "events.py",
    "metaprompt",
    "reading.py",
    "engine.py",
    "history.py",
    "recorder.py",
    "randomness.py",
    "tally.py",
    "problems",
    "optimizers",
]
OUTSIDE = {"typer", "rich", "google", "yaml", "httpx2", "xllamacpp", "os", "pathlib", "io"}


def files(name: str) -> list[Path]:
    path = PACKAGE / name
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


@pytest.mark.parametrize("path", [p for name in CORE for p in files(name)], ids=lambda p: p.stem)
def test_the_core_touches_neither_screen_nor_file_nor_network(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("open", "print")
    assert not imported & OUTSIDE


def test_no_file_is_two_rooms():
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 330, path


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['opro', '--help']\n"
        "try:\n    from opro_cli.__main__ import main; main()\nexcept SystemExit: pass\n"
        "print([m for m in ('numpy', 'google', 'pydantic', 'yaml', 'xllamacpp', 'httpx2', 'rich')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def commands() -> dict[str, list[str]]:
    group = typer.main.get_command(app)
    return {
        name: [o for p in command.params for o in p.opts if o.startswith("--") and o != "--help"]
        for name, command in group.commands.items()
    }


def test_every_command_and_option_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    words = set(re.findall(r"--[a-z][a-z-]*", readme))
    for name, options in commands().items():
        assert f"opro {name}" in readme, name
        assert set(options) <= words, f"{name}: {set(options) - words}"


def test_every_preset_stands_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for path in (ROOT / "presets").glob("*.yaml"):
        assert f"`{path.stem}`" in readme


def test_the_environment_example_names_what_is_read():
    example = (ROOT / ".env-example").read_text()
    for name in ("GEMINI_API_KEY", "MODEL_NAME", "OPRO_RUNS_DIR"):
        assert name in example
