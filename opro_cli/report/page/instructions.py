"""The instructions that a run tried: how each did, and what changed from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from opro_cli.core.events import Point
from opro_cli.core.text import visible
from opro_cli.report.figures.elements import Child, Element
from opro_cli.report.judged import JudgedRun
from opro_cli.report.page.word_diff import word_changes
from opro_cli.report.verdicts import share_of

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Tried:
    """One instruction of a run."""

    number: int
    """From 1, in the order in which they were scored."""
    point: Point

    @property
    def text(self) -> str:
        """The instruction, hidden characters escaped."""
        return visible(str(self.point[0]))


class TriedInstructions:
    """All instructions of a run.

    Args:
        run: as it was judged.
    """

    def __init__(self, run: JudgedRun) -> None:
        self.run = run

    @cached_property
    def all(self) -> list[Tried]:
        """In the order in which they were scored, then those that were only tested."""
        points = dict.fromkeys(self.run.totals.scored)
        for judged in self.run.totals.judged.values():
            points |= dict.fromkeys(verdict.point for verdict in judged.verdicts)
        return [Tried(number, point) for number, point in enumerate(points, 1)]

    @cached_property
    def path(self) -> list[Tried]:
        """The first one, each that was better on train than all before, and the chosen one."""
        found, best = [], -1.0
        for tried in self.all:
            share = self.run.train(tried.point)
            if share is not None and share.value > best:
                best = share.value
                found.append(tried)
        chosen = [tried for tried in self.all if tried.point == self.run.chosen]
        return [*(tried for tried in found if tried not in chosen), *chosen]

    def on(self, split: str) -> list[tuple[Tried, str]]:
        """The instructions that were asked on a data set, each with its grades."""
        found = []
        for tried in self.all:
            on_train = split == "train"
            share = self.run.train(tried.point) if on_train else self.run.on(split, tried.point)
            if share is not None and share.detail:
                found.append((tried, share.detail))
        return found


def instructions_list(tried: TriedInstructions) -> Element:
    """The path from the first instruction to the chosen one, and all others."""
    path = tried.path
    items: list[Element] = []
    before = ""
    for one in path:
        items.append(_item(tried.run, one, before if items else None))
        before = one.text
    others = [one for one in tried.all if one not in path]
    more = None
    if others:
        more = Element(
            "details",
            Element("summary", f"The other {len(others)} instructions of this run"),
            Element("ol", *(_item(tried.run, one, None) for one in others), class_="found"),
        )
    return Element("div", Element("ol", *items, class_="found"), more)


def _item(run: JudgedRun, tried: Tried, before: str | None) -> Element:
    words = [f"#{tried.number}", *_tags(run, tried)]
    shares = [
        f"{split} {share_of(share, interval=True)}"
        for split in SPLITS
        if (share := run.train(tried.point) if split == "train" else run.on(split, tried.point))
    ]
    head = Element("p", Element("strong", words[0]))
    for word in words[1:]:
        head.add(" ", Element("span", word, class_="tag"))
    head.add(" ", Element("span", ", ".join(shares) or "not scored", class_="note"))
    return Element("li", head, Element("blockquote", *_changes(before, tried.text)))


def _tags(run: JudgedRun, tried: Tried) -> Iterator[str]:
    if tried.point == run.start:
        yield "start"
    if any(v.point == tried.point and v.part == "control" for v in run.controls):
        yield "control"
    if tried.point == run.chosen:
        yield "chosen"


def _changes(before: str | None, after: str) -> Sequence[Child]:
    """The text, with what was added to and removed from the one before."""
    if not after:
        return ["(empty)"]
    if not before:
        return [after]
    names = {"added": "ins", "removed": "del"}
    return [
        text if change == "same" else Element(names[change], text)
        for change, text in word_changes(before, after)
    ]
