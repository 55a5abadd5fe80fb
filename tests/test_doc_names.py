"""Every file, class and function that the documentation names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT

PACKAGE = ROOT / "opro_cli"
PATH = re.compile(r"[\w./*-]+\.(?:py|yaml|md)")
NAME = re.compile(r"_?[A-Z][a-z]+[A-Za-z0-9]*(?:\.\w+)*|[A-Z][A-Z_]+[A-Z]|\w+(?:\.\w+)*\(\w*\)")
MADE_UP = ("my_", "my.", "reviews.", "mine", "path/to", "dice", "./", "random.py")
"""Beginnings of the names of a reader's own files."""


def quoted(page: Path) -> Iterator[str]:
    """What stands in backticks, outside of blocks of code."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    yield from (" ".join(found.split()) for found in re.findall(r"`([^`]+)`", text))
    yield from re.findall(r"tests/[\w/]+\.py", text)


def defined() -> set[str]:
    """The names of classes, functions, methods, constants and fields of the package."""
    names: set[str] = set()
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                    names.add(node.name)
                case ast.Name(ctx=ast.Store()):
                    names.add(node.id)
    return names


def there(path: str) -> bool:
    """Whether a path is one of the repository's: from its root, the package, or any folder."""
    folders = [ROOT, PACKAGE, ROOT / "docs", ROOT / "presets"]
    return any(any(f.glob(path)) for f in folders) or ("/" not in path and any(PACKAGE.rglob(path)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_is_there(page):
    paths = {text for text in quoted(page) if PATH.fullmatch(text)}
    missing = {path for path in paths if not path.startswith(MADE_UP) and not there(path)}
    assert not missing


@pytest.mark.parametrize("name", ["architecture.md", "extending.md", "guarantees.md"])
def test_every_name_is_there(name):
    known = defined()
    named = {text for text in quoted(ROOT / "docs" / name) if NAME.fullmatch(text)}
    parts = {part for text in named for part in re.findall(r"\w+", text.partition("(")[0])}
    assert not {part for part in parts if part not in known}


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in LINK.findall(text):
        place, _, anchor = link.partition("#")
        if "://" in place:
            continue
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
