"""How the replies were used, and the totals of each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.events import STATUSES
from opro_cli.core.text import clean, count, status_text
from opro_cli.report.groups import by_settings, optimizer_name
from opro_cli.report.rows import Row
from opro_cli.report.table import Table


def tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Replies by status, and totals by model; no table where no optimizer asks a model."""
    asking = [row for row in rows if row.asks_model]
    if asking:
        yield _statuses(asking)
        yield _totals(asking)


def _statuses(rows: Sequence[Row]) -> Table:
    body = []
    for group in by_settings(rows):
        totals = [run.totals for row in group for run in row.runs]
        numbers = [
            *(sum(t.statuses[status] for t in totals) for status in STATUSES),
            sum(t.retries for t in totals),
            sum(t.idle for t in totals),
        ]
        cells = [clean(group[0].preset, 40), optimizer_name(group[0], rows)]
        cells.append(count(sum(t.replies for t in totals)))
        cells += [count(n) if n else "" for n in numbers]
        body.append(tuple(cells))
    headings = (status_text(status) for status in STATUSES)
    return Table(
        title="How the replies were used",
        subtitle=(
            "a reply with several solutions counts once for each; not needed: valid, but the step "
            "was full"
        ),
        columns=(
            "preset",
            "optimizer",
            "replies",
            *headings,
            "retries",
            "steps without a new point",
        ),
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
        thinking = sum(u.thinking for u in usages)
        cells = [clean(model or "unknown", 80), str(sum(len(row.runs) for row in group))]
        cells.append(count(sum(row.calls for row in group)))
        cells += [count(sum(u.input for u in usages)), count(sum(u.output for u in usages))]
        cells += [count(thinking) if thinking else "", _cost(group)]
        body.append(tuple(cells))
    return Table(
        title="Totals by model",
        subtitle="all runs; thinking is part of tokens out",
        columns=("model", "runs", "calls (total)", "tokens in", "tokens out", "thinking", "cost"),
        rows=tuple(body),
        keys=1,
    )


def _cost(rows: Sequence[Row]) -> str:
    costs = [row.cost for row in rows]
    known = sum(cost for cost in costs if cost is not None)
    if known:
        return f"${known:.4f}" + (" and an unknown part" if None in costs else "")
    if None in costs:
        return "unknown"
    return "$0 (local model)" if all(map(_is_local, rows)) else "$0"


def _is_local(row: Row) -> bool:
    """Whether the model runs in this process."""
    model = row.runs[0].spec.model or ""
    return model == "local" or model.startswith("local:")
