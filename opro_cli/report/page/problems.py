"""The sections of a page: one for each problem, with its figures; for instructions, their texts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from opro_cli.core.text import clean
from opro_cli.problems.settings import label
from opro_cli.report.figures.comparisons import AXES, AXIS_TITLES, Axis, Comparison, comparisons
from opro_cli.report.figures.curves import curves
from opro_cli.report.figures.ecdf import ecdf
from opro_cli.report.figures.elements import Element
from opro_cli.report.figures.figure import SMALL, Figure
from opro_cli.report.figures.kinds import draw_accuracies, side_by_side
from opro_cli.report.figures.landscape import has_landscape, landscape
from opro_cli.report.figures.tour import has_tours, tour
from opro_cli.report.groups import by_problem, optimizer_name
from opro_cli.report.judged import JudgedRow, is_judged
from opro_cli.report.page.controls import MOST_TABS, Ids, figure_element, report_table, tabs
from opro_cli.report.page.examples import RunExamples
from opro_cli.report.page.grid import grids
from opro_cli.report.page.instructions import TriedInstructions, instructions_list
from opro_cli.report.page.keeping import Keeping
from opro_cli.report.page.payload import data_block, pack
from opro_cli.report.rows import Row
from opro_cli.report.summary import Summary
from opro_cli.report.table import Table
from opro_cli.report.tables import tables
from opro_cli.report.verdicts import verdict_of

Section: TypeAlias = tuple[str, str, Element]
"""An id, a name for a link, and the section."""

MOST_SMALL = 12
"""Targets that have a figure of their own."""


class Problems:
    """The sections of all problems.

    Args:
        summary: with histories.
        keeping: which replies the page holds.
    """

    def __init__(self, summary: Summary, keeping: Keeping) -> None:
        self._summary, self._keeping = summary, keeping
        self._ids = Ids()
        self.blocks: list[Element] = []
        """The data of the grids; complete once the sections are made."""
        self.tables: list[Table] = []
        """The tables of results in the sections."""

    def sections(self) -> list[Section]:
        """In the order of the report. Raises RunsError where a log is damaged."""
        groups = by_problem(self._summary.rows)
        found = []
        for number, rows in enumerate(groups, 1):
            name = clean(rows[0].preset, 80)
            made = list(tables(self._part(rows), "main"))
            self.tables += made
            parts = self._instructions(rows) if is_judged(rows[0].spec) else self._figures(rows)
            first = itertools.islice(parts, 1)
            section = Element("section", Element("h2", name), *first, *map(report_table, made))
            section.extend(parts)
            found.append((f"problem-{number}", name, section))
        return found

    def _figures(self, rows: Sequence[Row]) -> Iterator[Element]:
        for compared in comparisons(self._part(rows)):
            yield from self._over_axes(compared, curves)
            targets = list(compared.by_target())
            if len(targets) > 1:
                small = [curves(one, "evaluations", SMALL) for one in targets[:MOST_SMALL]]
                yield self._side_by_side("Each target alone", [f for f in small if f is not None])
            if len(compared.series) > 1:
                yield from self._over_axes(compared, ecdf)
        yield from self._pictures(rows)

    def _over_axes(
        self, compared: Comparison, draw: Callable[[Comparison, Axis], Figure | None]
    ) -> Iterator[Element]:
        """A figure for each horizontal axis, by tabs."""
        drawn = [(axis, draw(compared, axis)) for axis in AXES]
        panels = [
            (AXIS_TITLES[axis], figure_element(self._ids, f)) for axis, f in drawn if f is not None
        ]
        if panels:
            yield tabs(self._ids, "Horizontal axis", panels)

    def _pictures(self, rows: Sequence[Row]) -> Iterator[Element]:
        """For each target the runs of all optimizers on one instance, as landscape or as tours."""
        kinds = ((has_landscape, landscape), (has_tours, tour))
        panels: list[tuple[str, Element]] = []
        for paths in side_by_side(self._part(rows)):
            for has, draw in kinds:
                if found := [path for path in paths if has(path)]:
                    name = label(found[0].view.spec.target)
                    panels.append((clean(name, 60), figure_element(self._ids, draw(found))))
            if len(panels) == MOST_TABS:
                break
        if panels:
            yield tabs(self._ids, "Target", panels)

    def _side_by_side(self, name: str, figures: Sequence[Figure]) -> Element:
        return Element(
            "details",
            Element("summary", name),
            Element(
                "div", *(figure_element(self._ids, figure) for figure in figures), class_="small"
            ),
        )

    def _part(self, rows: Sequence[Row]) -> Summary:
        return replace(self._summary, rows=tuple(rows), notes=())

    def _instructions(self, rows: Sequence[Row]) -> Iterator[Element]:
        yield from (
            figure_element(self._ids, figure) for figure in draw_accuracies(self._part(rows))
        )
        for row in rows:
            judged = JudgedRow(row)
            view, run = judged.best_view, judged.best
            card = Element("div", class_="card")
            card.add(Element("h3", f"{optimizer_name(row, rows)}: the instructions found"))
            card.add(Element("p", verdict_of(judged)))
            if view is None or run is None:
                yield card
                continue
            card.add(Element("p", f"Run {clean(view.id)}", class_="note"))
            tried = TriedInstructions(run)
            card.add(instructions_list(tried))
            examples = RunExamples(self._summary.stored[view.id], view)
            number = len(self.blocks)
            keeps = self._keeping.keeps(view)
            found = grids(self._ids, number, tried, examples, replies=keeps)
            if found is not None:
                grid, data = found
                card.add(Element("h3", "Which examples each of them answers right"))
                if data:
                    self.blocks.append(data_block("grid", number, pack(data)))
                    hint = "A cell opens the scorer's reply; the arrow keys move between cells."
                    card.add(Element("p", hint, class_="note script", hidden=True))
                card.add(grid)
            yield card
