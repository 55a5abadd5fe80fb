"""``--dry-run`` of a problem whose values a model gives: data, answers, tokens and cost by role."""

from __future__ import annotations

from collections.abc import Iterator

from opro_cli.core.text import clean, count, plural
from opro_cli.presets.estimate import ASSUMED_ANSWERS, Estimate, Estimator, Span
from opro_cli.presets.plan import Plan
from opro_cli.runs.progress import RunView

MOST = 4
"""Runs, and warnings, that are listed."""

WIDTH = 16
"""Characters of the first column."""


def as_text(plan: Plan) -> str:
    """In at most 25 lines, where there are not many roles."""
    total = Estimator(plan).total()
    lines = [f"{clean(plan.resolved.path)} (every value and its source: --print-config)"]
    lines += _few([_run(plan, i) for i in range(len(plan.specs))], "run")
    lines += [_fact(*fact) for fact in plan.preset.problem.facts()]
    lines += _few([f"warning: {clean(text)}" for text in plan.notices], "warning")
    lines += _few([f"note: {clean(text)}" for text in plan.unavailable], "note")
    lines.append(f"{'':<{WIDTH}}{'low':>12}{'middle':>12}{'high':>12}")
    for role, part in total.roles.items():
        lines += _role(role, part, _model_of(plan, role))
    if len(total.roles) > 1:
        lines.append(_row("total cost", _cost(total)))
    lines += [f"assumed         {ASSUMED_ANSWERS}", "Nothing was started."]
    return "\n".join(lines) + "\n"


def _fact(word: str, sentence: str) -> str:
    word = clean(word, 40)
    return f"{word:<{WIDTH - 1}} {sentence}" if len(word) < WIDTH else f"{word}: {sentence}"


def _run(plan: Plan, number: int) -> str:
    spec = plan.specs[number]
    steps, most = spec.effective_limits.max_steps, spec.optimizer.most_points
    said = f"at most {plural(steps, 'step')} of {spec.optimizer.evaluations_per_step}"
    if most is not None:
        said = f"{plural(most, 'instruction')} and the starts"
    return f"{RunView('', spec).name}: {said}"


def _few(lines: list[str], noun: str) -> list[str]:
    """The first of these, and how many there are besides."""
    more = len(lines) - MOST
    return [*lines[:MOST], f"… and {plural(more, f'more {noun}')}"] if more > 0 else lines


def _model_of(plan: Plan, role: str) -> str:
    """The model of a role, as it is chosen, or else as it was asked for."""
    requests = (spec.model_requests().get(role) for spec in plan.specs)
    request = next(request for request in requests if request is not None)
    choice = plan.models.get(request)
    return choice.name if choice else request.name


def _role(role: str, part: Estimate, model: str) -> Iterator[str]:
    yield _row(f"{role} calls", _numbers(part.calls)) + f"  {clean(model, 60)}"
    yield _row("  tokens in", _numbers(part.input))
    yield _row("  tokens out", _numbers(part.output))
    yield _row("  cost", _cost(part))


def _row(name: str, values: list[str]) -> str:
    return f"{name:<{WIDTH}}" + "".join(f"{value:>12}" for value in values)


def _numbers(span: Span) -> list[str]:
    return [count(round(value)) for value in (span.low, span.middle, span.high)]


def _cost(part: Estimate) -> list[str]:
    if part.cost is None:
        return [f"  unknown: no price is known for {clean(', '.join(sorted(part.unpriced)), 100)}"]
    if not part.cost.high:
        return ["$0", "(local)", ""]
    return [f"${value:.4f}" for value in (part.cost.low, part.cost.middle, part.cost.high)]
