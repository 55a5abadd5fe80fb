"""The documentation as data: its pages, and the blocks of code in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Args:
        language: what stands behind the fence.
        text: its lines.
        not_run: why no test runs it, from a comment before it; empty for one that runs.
    """

    language: str
    text: str
    not_run: str = ""

    @property
    def file(self) -> str | None:
        """The file that it is, where its first line says so."""
        found = re.match(r"# file: (\S+)\n", self.text)
        return found[1] if found else None

    @property
    def commands(self) -> list[list[str]]:
        """The words of its lines that begin with ``opro``, without comments and redirections."""
        if self.language != "console":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        words = [shlex.split(line, comments=True) for line in lines]
        ends = [next((n for n, word in enumerate(ws) if word in "|>"), len(ws)) for ws in words]
        return [ws[1:end] for ws, end in zip(words, ends, strict=True) if ws[:1] == ["opro"]]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = _BLOCK.findall(page.read_text())
    return [Block(language, text, not_run) for not_run, language, text in found]


def write_files(page: Path) -> None:
    """Write the files of a page, which begin with their names, into the current folder."""
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.text)
