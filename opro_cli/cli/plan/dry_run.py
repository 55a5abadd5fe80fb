"""``--dry-run``: what would run and what it would take, on one screen; nothing is started."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from opro_cli.cli.plan.config import servers
from opro_cli.cli.plan.lines import few, run_lines
from opro_cli.core.text import clean, count, listed, plural, point
from opro_cli.llm import AUTO
from opro_cli.llm.catalog import catalog
from opro_cli.presets.estimate import (
    Estimate,
    Estimator,
    Span,
    calls_text,
    dollars,
    money_text,
)
from opro_cli.presets.plan import Plan
from opro_cli.problems.settings import label
from opro_cli.report.contest import resolution_of_plan

MOST = 4
"""Optimizers, targets and warnings that are listed."""

FIRST = 16
"""Characters of the first column."""

WIDTH = 80


def as_text(plan: Plan, shows: str = "") -> str:
    """The answer first, in at most 25 lines where there are not many roles and facts.

    Args:
        plan: of the command.
        shows: what its runs can show; empty where nothing is compared.
    """
    estimator = Estimator(plan)
    total = estimator.total()
    lines = _answer(plan, total)
    if total.roles:
        lines.append(_row("", ["low", "middle", "high"]))
        for role, part in total.roles.items():
            lines += _role(role, part, _model_of(plan, role))
        if len(total.roles) > 1 and total.cost is not None:
            lines.append(_row("total cost", _cost(total)))
    lines += few([clean(line) for line in run_lines(plan.specs)], "optimizer", MOST)
    lines += _known(plan, estimator)
    lines += _fact("resolution", shows) if shows else []
    targets = list(dict.fromkeys(label(spec.target) for spec in plan.specs if spec.target))
    facts = plan.preset.problem.facts()
    if targets and not facts:
        lines += _fact("targets", ", ".join(few([clean(t, 60) for t in targets], "target", MOST)))
    if plan.grid:
        swept = " × ".join(f"{key} ({plural(len(v), 'value')})" for key, v in plan.grid.items())
        lines += _fact("swept", swept)
    lines += [line for fact in facts for line in _fact(*fact)]
    for word, said in (("warning", plan.notices), ("not available", plan.unavailable)):
        for text in few(said, word, MOST):
            lines += textwrap.wrap(f"{word}: {clean(text, 1000)}", WIDTH, subsequent_indent="  ")
    lines += _places(servers(plan))
    if total.calls.high:
        lines += _fact("assumed", estimator.assumed())
    lines.append(f"{'settings':<{FIRST}}{clean(plan.resolved.path)} (see --print-config)")
    return "\n".join([*lines, "Nothing was started."]) + "\n"


def _known(plan: Plan, estimator: Estimator) -> Iterator[str]:
    """The points of one optimizer that names them beforehand, and what they take."""
    spec = plan.specs[0]
    points = spec.optimizer.proposals(spec.build_problem().space)
    if points is None or len(plan.optimizers) > 1:
        return
    texts = few([point(one) for one in points], "point", 2 * MOST)
    for i, text in enumerate(texts):
        yield from _fact("" if i else "scored", text)
    yield from _fact("a run", estimator.points(spec))


def _answer(plan: Plan, total: Estimate) -> list[str]:
    """What it takes, in one sentence."""
    runs = f"{clean(plan.preset.name, 60)}: {plural(len(plan.specs), 'run')}"
    if not total.calls.high:
        return [f"{runs}, no model call, $0."]
    return textwrap.wrap(f"{runs}, {calls_text(total.calls)}, {money_text(total)}.", WIDTH)


def _places(found: Mapping[str, str]) -> Iterator[str]:
    """The servers that the user has named, each with its models."""
    for where in dict.fromkeys(found.values()):
        names = [name for name, place in found.items() if place == where]
        yield clean(f"{listed(names)} {'is' if len(names) == 1 else 'are'} at {where}")


def _fact(word: str, sentence: str) -> list[str]:
    """A sentence behind its word, in lines that fit."""
    word, indent = clean(word, 40), " " * FIRST
    if len(word) >= FIRST:
        word, indent = f"{word}:", "  "
    said = f"{word:<{FIRST - 1}} {clean(sentence, 1000)}"
    return textwrap.wrap(said, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _model_of(plan: Plan, role: str) -> str:
    """The model of a role, as it is chosen, or else as it was asked for."""
    requests = (spec.model_requests().get(role) for spec in plan.specs)
    request = next(request for request in requests if request is not None)
    if request in plan.models:
        return plan.models[request].name
    return f"as {catalog().default}" if request.name == AUTO else request.name


def _role(role: str, part: Estimate, model: str) -> Iterator[str]:
    yield _row(f"{role} calls", _numbers(part.calls)) + f"  {clean(model, 60)}"
    yield _row("  tokens in", _numbers(part.input))
    yield _row("  tokens out", _numbers(part.output))
    yield _row("  cost", _cost(part))


def _row(name: str, values: list[str]) -> str:
    return f"{name:<{FIRST}}" + "".join(f"{value:>12}" for value in values).rstrip()


def _numbers(span: Span) -> list[str]:
    return [count(round(value)) for value in (span.low, span.middle, span.high)]


def _cost(part: Estimate) -> list[str]:
    if part.cost is None:
        return [f"  unknown: no price is known for {clean(', '.join(sorted(part.unpriced)), 100)}"]
    if not part.cost.high:
        return ["$0", "(local)", ""]
    return [dollars(value) for value in (part.cost.low, part.cost.middle, part.cost.high)]


def as_json(plan: Plan) -> str:
    """Preset, runs and estimates, as one JSON object. Each estimate is low, middle and high."""
    estimator = Estimator(plan)
    data = {
        "preset": plan.preset.dump(plan.optimizers),
        "sources": dict(plan.resolved.sources),
        "runs": [
            {
                "optimizer": spec.optimizer.name,
                "model": spec.model,
                "target": spec.target,
                "repetition": spec.repetition + 1,
                "axes": dict(spec.axes),
                **_estimate_json(estimator.of_run(spec)),
            }
            for spec in plan.specs
        ],
        "total": _estimate_json(estimator.total()),
        "data": dict(plan.preset.problem.facts()),
        "notices": list(plan.notices),
        "assumed": estimator.assumed(),
        "unavailable": list(plan.unavailable),
        "servers": servers(plan),
        "resolution": resolution_of_plan(plan.specs, optimizers=True) or None,
    }
    return json.dumps(data) + "\n"


def _estimate_json(e: Estimate) -> dict[str, Any]:
    amounts = {role: _amounts(part) for role, part in e.roles.items()}
    return {"steps": _three(e.steps), **_amounts(e), "roles": amounts}


def _amounts(e: Estimate) -> dict[str, Any]:
    return {
        "calls": _three(e.calls),
        "tokens": {"input": _three(e.input), "output": _three(e.output)},
        "cost": None if e.cost is None else _three(e.cost, 6),
    }


def _three(span: Span, digits: int = 0) -> list[float]:
    """Low, middle and high."""
    values = (span.low, span.middle, span.high)
    return [round(value, digits) if digits else round(value) for value in values]
