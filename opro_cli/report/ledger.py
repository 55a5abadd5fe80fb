"""Where the replies went, and what each model came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.events import FATES
from opro_cli.report.groups import together, who
from opro_cli.report.rows import Row
from opro_cli.report.tables import Table
from opro_cli.text import clean, count


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Replies by what became of them, and totals by model; nothing where no model was asked."""
    asking = [row for row in rows if row.kind.needs_model]
    if asking:
        yield _fates(asking)
        yield _totals(asking)


def _fates(rows: Sequence[Row]) -> Table:
    body = []
    for group in together(rows):
        tallies = [run.tally for row in group for run in row.runs]
        cells = [clean(group[0].preset, 40), who(group[0], rows)]
        cells.append(count(sum(t.replies for t in tallies)))
        fates = (sum(t.fates[fate] for t in tallies) for fate in FATES)
        cells += [count(n) if n else "" for n in fates]
        for n in (sum(t.retries for t in tallies), sum(t.idle for t in tallies)):
            cells.append(count(n) if n else "")
        body.append(tuple(cells))
    named = (fate.replace("_", " ") for fate in FATES)
    return Table(
        title="What became of the replies",
        subtitle="a reply with several solutions counts for each; idle: steps without a new point",
        columns=("preset", "optimizer", "replies", *named, "retries", "idle"),
        rows=tuple(body),
        keys=2,
    )


def _totals(rows: Sequence[Row]) -> Table:
    models: dict[str | None, list[Row]] = {}
    for row in rows:
        models.setdefault(row.model, []).append(row)
    body = []
    for model, group in models.items():
        usages = [row.usage for row in group if row.usage is not None]
        costs = [row.cost for row in group]
        known = sum(cost for cost in costs if cost is not None)
        cells = [clean(model or "unknown", 80), str(sum(len(row.runs) for row in group))]
        cells.append(count(sum(row.calls for row in group)))
        cells += [count(sum(u.input for u in usages)), count(sum(u.output for u in usages))]
        thinking = sum(u.thinking for u in usages)
        cells.append(count(thinking) if thinking else "")
        unknown = " and an unknown part" if known and None in costs else ""
        cells.append(f"${known:.4f}{unknown}" if known else "unknown" if None in costs else "none")
        body.append(tuple(cells))
    return Table(
        title="Totals by model",
        subtitle="all runs, whatever became of them; thinking is part of tokens out",
        columns=("model", "runs", "calls", "tokens in", "tokens out", "thinking", "cost"),
        rows=tuple(body),
        keys=1,
    )
