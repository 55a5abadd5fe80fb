"""The runs of a plan in a few lines: before a sweep starts, and in a dry run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from opro_cli.core.text import clean, plural
from opro_cli.presets.estimate import Estimate, Estimator, calls_text, money_text
from opro_cli.presets.plan import Plan
from opro_cli.presets.spec import RunSpec

MOST = 3
"""Optimizers that have a line of their own."""


def before(plan: Plan, to_do: Sequence[RunSpec], shows: str = "") -> list[str]:
    """What a command is about to run, in three to six lines.

    Args:
        plan: of the command.
        to_do: its runs that are not done.
        shows: what its runs can show; empty where nothing is compared.
    """
    done = len(plan.specs) - len(to_do)
    said = f"plan: {plural(len(to_do), 'run')} of {clean(plan.preset.name, 60)}"
    lines = [said + (f" ({done} of {len(plan.specs)} are done already)" if done else "")]
    lines += [f"  {line}" for line in few(list(run_lines(to_do)), "optimizer", MOST)]
    lines += [f"  {shows}"] if shows else []
    estimator = Estimator(plan)
    total = sum((estimator.of_run(spec) for spec in to_do), Estimate())
    if not total.calls.high:
        return lines
    return [*lines, f"  {calls_text(total.calls)}, {money_text(total)}{_cap(plan)}"]


def _cap(plan: Plan) -> str:
    cap = plan.preset.general.budget.max_cost
    return "" if cap is None else f"; --max-cost {cap:g} stops it"


def run_lines(specs: Sequence[RunSpec]) -> Iterator[str]:
    """A line for each optimizer with its model: ``opro with local: 35 runs, at most 500 steps``."""
    groups: dict[tuple[str, str], list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.optimizer.name, spec.model or ""), []).append(spec)
    for (name, model), own in groups.items():
        with_model = f" with {clean(model, 60)}" if model else ""
        yield f"{clean(name, 40)}{with_model}: {plural(len(own), 'run')}, {_steps(own)}"


def _steps(specs: Sequence[RunSpec]) -> str:
    """``at most 500 steps of 8 points``, or what else limits these runs."""
    most = {spec.most_steps for spec in specs}
    own = specs[0].optimizer.proposals(specs[0].build_problem().space)
    if own is not None:
        return f"{plural(len(own), 'point')} and the starts"
    each = {spec.optimizer.evaluations_per_step for spec in specs}
    noun = specs[0].optimizer.step_name
    said = f"at most {plural(max(most), noun)}"
    if len(each) == 1 and max(each) > 1:
        said += f" of {plural(max(each), 'point')}"
    return said


def few(lines: Sequence[str], noun: str, most: int) -> list[str]:
    """The first of these, and how many there are besides, where that is shorter."""
    more = len(lines) - most
    return [*lines[:most], f"… and {plural(more, f'more {noun}')}"] if more > 1 else [*lines]
