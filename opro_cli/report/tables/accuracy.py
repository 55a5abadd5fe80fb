"""Instructions: accuracy on train, dev and test, the gain over the start, and optimizers paired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opro_cli.core.text import clean, count, plural
from opro_cli.report.groups import (
    by_problem,
    models_of,
    optimizer_name,
    swept_cells,
    swept_headings,
    swept_keys,
    target_name,
)
from opro_cli.report.judged import JudgedRow, Share, is_judged, scorer_name
from opro_cli.report.paired import Paired
from opro_cli.report.rows import Row
from opro_cli.report.table import Cell, Detail, Table
from opro_cli.report.verdicts import (
    headroom_of,
    p_value,
    points,
    quoted,
    share_of,
    verdict_of,
)

HEADROOM = "fixed"
"""The optimizer whose instructions tell whether there is room, and which others are held against.

Its instructions are what people write anyway, the best of them chosen by train and dev.
"""


def tables(
    rows: Sequence[Row],
    baseline: str | None = None,
    detail: Detail = "full",
    *,
    first: bool = False,
) -> Iterator[Table]:
    """For each problem the results of all optimizers, then each against one of them.

    Args:
        rows: of all problems.
        baseline: the optimizer to hold the others against, in place of ``HEADROOM``.
        detail: the second table is shown in full, with a baseline, and where models are compared.
        first: hold the others against the first row, whatever its optimizer.
    """
    for group in by_problem([row for row in rows if is_judged(row.spec)]):
        judged = [JudgedRow(row) for row in group]
        yield _results(judged)
        if detail == "full" or baseline or first or len(models_of(group)) > 1:
            pairs = list(opponents(judged, baseline, first=first))
            if pairs:
                yield _against(pairs, group)


def opponents(
    judged: Sequence[JudgedRow], baseline: str | None, *, first: bool = False
) -> Iterator[tuple[JudgedRow, JudgedRow, Paired]]:
    """Each row, what it is held against on the same problem, and the difference on the test.

    Held against are the baseline, else ``HEADROOM``, else the first.
    """
    problems: dict[tuple[str, str], list[JudgedRow]] = {}
    for one in judged:
        key = one.row.problem_digest, target_name(one.row)
        problems.setdefault(key, []).append(one)
    for group in problems.values():
        named = [one for one in group if one.row.optimizer == (baseline or HEADROOM)]
        bases = group[:1] if first else named
        base = bases[0] if bases else group[0] if baseline is None else None
        for one in group:
            if base is not None and one is not base:
                pair = one.against(base)
                if pair is not None:
                    yield one, base, pair


def _results(judged: Sequence[JudgedRow]) -> Table:
    rows = [one.row for one in judged]
    first, swept = rows[0], swept_keys(rows)
    targets = any(row.target for row in rows)
    several = any(len(row.runs) > 1 for row in rows)
    body = []
    for one in judged:
        cells: list[Cell] = [target_name(one.row)] if targets else []
        cells += [*swept_cells(one.row, swept), _name(one.row, rows), _counted(one)]
        train, dev, start, test = _accuracies(one)
        gain, discordant, p, beaten = _gain(one)
        cells += [test, gain, start, p, beaten, train, dev, discordant]
        cells.append(count(round(one.answers)) if one.runs else "")
        body.append((*cells, *_spent(one)))
    return Table(
        title=clean(f"{first.preset}: instructions, answered by {scorer_name(first.spec)}"),
        subtitle="; ".join(_explanation(rows, several=several)),
        legend={
            "gain (95% CI)": "chosen minus start on the same test examples, in points"
            + (", mean of all runs" if several else ""),
            "p": "McNemar, exact" + (" (one run)" if several else ""),
            "b/c": "examples that only the chosen/only the start answers right",
            "answers": "of a run, for train, dev and test",
            "$ optimizer": "of all runs",
        },
        columns=(
            *(["target"] if targets else []),
            *swept_headings(swept),
            "optimizer",
            "runs",
            "test (95% CI)",
            "gain (95% CI)",
            "start, test",
            "p",
            "runs better",
            "train",
            "dev",
            "b/c",
            "answers",
            "$ optimizer",
            "$ scorer",
        ),
        rows=tuple(body),
        keys=1 + targets + len(swept),
        notes=tuple(dict.fromkeys(note for one in judged for note in _notes(one, rows))),
    )


def _explanation(rows: Sequence[Row], *, several: bool) -> Iterator[str]:
    """What all accuracies of a table share."""
    if rows[0].apart:
        yield rows[0].apart
    yield "right answers under the chosen instruction"
    if several:
        yield "of several runs, that of the run with the best dev"


def _name(row: Row, among: Sequence[Row]) -> str:
    """The optimizer, with its model and settings where the name alone is not enough."""
    same = [r for r in among if r.optimizer == row.optimizer and r.target == row.target]
    return row.optimizer if len(same) == 1 else optimizer_name(row, among)


def _counted(one: JudgedRow) -> str:
    """How many runs count, and what became of the others."""
    text = f"{len(one.runs)}/{len(one.row.runs)}"
    for state in ("failed", "unfinished"):
        if one.row.states[state]:
            text += f", {one.row.states[state]} {state}"
    return text


def _accuracies(one: JudgedRow) -> list[Cell]:
    best = one.best
    if best is None:
        return ["", "", "", "no finished run"]
    point = best.chosen
    return [
        share_of(best.train(point)),
        share_of(best.on("dev", point)),
        share_of(best.on("test", best.start)),
        share_of(best.on("test", point), interval=True),
    ]


def _gain(one: JudgedRow) -> list[Cell]:
    gain = one.gain
    if gain is None:
        return ["", "", "", ""]
    beaten = f"{gain.repetitions_better}/{len(gain.pairs)}" if len(gain.pairs) > 1 else ""
    return [*_difference(gain), beaten]


def _difference(pair: Paired) -> list[Cell]:
    """The difference, the discordant examples, and p."""
    if not pair.better + pair.worse:
        return [f"0 (at most {100 * pair.resolution:.1f})", "0/0", p_value(pair)]
    difference = points(pair.difference, pair.interval)
    return [difference, f"{pair.better}/{pair.worse}", p_value(pair)]


def _spent(one: JudgedRow) -> list[Cell]:
    row, scorer = one.row, one.scorer_cost
    return [
        _money(row.cost) if row.usage else "",
        _money(scorer) if one.answers else "",
    ]


def _money(cost: float | None) -> str:
    return "unknown" if cost is None else f"${cost:.4f}" if cost else "$0"


def _notes(one: JudgedRow, among: Sequence[Row]) -> Iterator[str]:
    """Under the table: the verdict, the instruction whole, what is beside it."""
    row, best = one.row, one.best
    parts = [target_name(row)] if row.target else []
    keys = swept_keys(among)
    swept = zip(swept_headings(keys), swept_cells(row, keys), strict=True)
    parts += [*(f"{key}={value}" for key, value in swept if value), _name(row, among)]
    name = " ".join(parts)
    yield f"{name}: {verdict_of(one)}"
    if best is None:
        return
    yield f"{name} found: {quoted(best.chosen)}"
    if best.controls:
        controls = (
            f"{quoted(v.point, 80)} {share_of(best.on('test', v.point))}"
            + " (best by train)" * (v.part == "trained")
            for v in best.controls
        )
        yield f"{name} beside it on test: {', '.join(controls)}"
    if row.optimizer == HEADROOM and (sentence := headroom_of(best)):
        yield f"Room: {sentence}"
    if row.published:
        yield f"{name} published: {'; '.join(map(published_text, row.published))}"
    for footnote in dict.fromkeys(p["footnote"] for p in row.published if p.get("footnote")):
        yield f"Published figures: {footnote}"


def published_text(found: Mapping[str, Any]) -> str:
    """A published result: the model, and the accuracies that were given, in per cent."""
    figures = [f"{_figure(found[key])} {key}" for key in PUBLISHED if found.get(key) is not None]
    text = f" {quoted((found['instruction'],), 200)}" if "instruction" in found else ""
    note = f" ({found['note']})" if found.get("note") else ""
    return f"{found.get('model', '')} {', '.join(figures)}{text}{note}"


PUBLISHED = ("test", "train", "overall")


def _figure(value: Any) -> str:
    mean = value.get("mean") if isinstance(value, Mapping) else value
    return f"{mean:.1f}" if isinstance(mean, int | float) else str(mean)


def _against(pairs: Sequence[tuple[JudgedRow, JudgedRow, Paired]], among: Sequence[Row]) -> Table:
    swept = swept_keys(among)
    targets = any(one.row.target for one, _, _ in pairs)
    body = []
    for one, base, pair in pairs:
        cells: list[Cell] = [target_name(one.row)] if targets else []
        cells += [*swept_cells(one.row, swept), _name(one.row, among), _name(base.row, among)]
        cells += [share_of(_tested(one)), share_of(_tested(base)), *_difference(pair)]
        cells += [pair.verdict, count(round(one.search_answers)), count(round(base.search_answers))]
        body.append(tuple(cells))
    runs = max(len(pair.pairs) for _, _, pair in pairs)
    return Table(
        title=clean(f"{among[0].preset}: optimizers on the same test examples"),
        subtitle=(
            "difference: of the chosen instructions, in points"
            + (f", mean of up to {plural(runs, 'run')}" if runs > 1 else "")
            + "; b/c: examples that only the first/only the second answers right; answers: for the "
            "search of a run"
        ),
        columns=(
            *(["target"] if targets else []),
            *swept_headings(swept),
            "optimizer",
            "against",
            "test",
            "its test",
            "difference (95% CI)",
            "b/c",
            "p",
            "verdict",
            "answers",
            "its answers",
        ),
        rows=tuple(body),
        keys=2 + targets + len(swept),
    )


def _tested(one: JudgedRow) -> Share | None:
    best = one.best
    return best.on("test", best.chosen) if best else None
