"""Cells and sentences of runs that look for a text: accuracies, answers, rejected proposals."""

from __future__ import annotations

from collections import Counter

from opro_cli.core.events import USABLE, Judged, Status
from opro_cli.core.text import clean, count, plural, point, status_text
from opro_cli.core.totals import RunTotals
from opro_cli.report.judged import JudgedRun, Share
from opro_cli.report.verdicts import quoted

SHORT = 60
"""Characters of an instruction in a line."""


def rejected_text(statuses: Counter[Status]) -> str:
    """How many proposals were rejected, by kind: ``14 repeats the request, 3 unparsable``."""
    return ", ".join(
        f"{number} {status_text(status)}"
        for status, number in statuses.most_common()
        if status not in USABLE
    )


def price(cost: float, unpriced: int) -> str:
    """US dollars, as far as they are known."""
    if unpriced:
        return f"${cost:.4f} and an unknown part" if cost else "unknown"
    return f"${cost:.4f}" if cost else "$0"


def per_cent(value: float) -> str:
    """A share in per cent, with one decimal where it has one."""
    return f"{round(100 * value, 1):g}%"


def answers(totals: RunTotals) -> int:
    """Answers so far, those taken from other runs included."""
    return sum(role.answers for role in totals.roles.values())


def scorer_calls(totals: RunTotals) -> int:
    """Calls for answers so far."""
    return sum(role.calls for role in totals.roles.values())


def both_prices(totals: RunTotals) -> str:
    """``$0.0024+0.144``: of the optimizer and of the scorer; empty where nothing is paid."""
    roles = totals.roles.values()
    scorer = sum(role.cost for role in roles)
    unknown = totals.unpriced or any(role.unpriced for role in roles)
    if not totals.cost and not scorer:
        return "unknown" if unknown else ""
    return f"${_digits(totals.cost)}+{_digits(scorer)}" + "?" * bool(unknown)


def _digits(cost: float) -> str:
    """US dollars in few characters: 0, 0.0024, 0.14, 12.30."""
    return f"{cost:.2f}" if cost >= 0.1 else f"{cost:.2g}"


CALLS, MONEY = "calls opt+score", "$ opt+score"


def columns(totals: RunTotals, limit: int) -> dict[str, str]:
    """The cells of a run in the live table, by heading."""
    run = JudgedRun(totals)
    shown = run.chosen or (totals.best[0] if totals.best else None)
    return {
        "step": f"{count(totals.step)}/{count(limit)}",
        "train": per_cent(totals.best[1]) if totals.best else "",
        "dev": _short(run.on("dev", shown)),
        "test": _short(run.on("test", shown)),
        "answers": count(answers(totals)),
        "rejected": str(totals.unusable),
        CALLS: f"{count(totals.calls)}+{count(scorer_calls(totals))}",
        MONEY: both_prices(totals),
    }


def _short(share: Share | None) -> str:
    return per_cent(share.value) if share else ""


def best_line(totals: RunTotals) -> str:
    """The chosen instruction, or the best by train so far."""
    run = JudgedRun(totals)
    if run.chosen is not None:
        return f"chosen: {quoted(run.chosen)}"
    return f"best: {quoted(totals.best[0])}" if totals.best else ""


def step_line(totals: RunTotals) -> str:
    """After a step: the best by train, and what was used."""
    parts = [best_train(totals), plural(answers(totals), "answer")]
    if totals.calls:
        rejected = rejected_text(totals.statuses)
        parts.append(f"{totals.unusable} rejected" + (f" ({clean(rejected)})" if rejected else ""))
        parts.append(f"{plural(totals.calls, 'call')} + {scorer_calls(totals):,}")
    money = both_prices(totals)
    return ", ".join([*parts, money] if money else parts)


def best_train(totals: RunTotals) -> str:
    """``best train 90% "Be exact."``."""
    if totals.best is None:
        return "no instruction with a value yet"
    return f"best train {per_cent(totals.best[1])} {point(totals.best[0])}"


def judged_line(judged: Judged) -> str:
    """After the finalists were judged on a data set."""
    parts = [
        f"{verdict.part} {Share(verdict.value, verdict.detail)} {quoted(verdict.point, SHORT)}"
        for verdict in judged.verdicts
    ]
    return f"{judged.split}: {', '.join(parts)}"


def ending_line(totals: RunTotals) -> str:
    """After the end of a run: what was chosen, and how it does."""
    run = JudgedRun(totals)
    if run.chosen is None:
        return best_train(totals)
    train, dev = run.train(run.chosen), run.on("dev", run.chosen)
    test, start = run.on("test", run.chosen), run.on("test", run.start)
    parts = [f"{name} {share}" for name, share in (("train", train), ("dev", dev)) if share]
    if test:
        parts.append(f"test {test}" + (f" (start {start})" if start else ""))
    return f"chosen {quoted(run.chosen, SHORT)}, {', '.join(parts)}"
