"""The plan of a command: which runs to make, with which models. Nothing is started here."""

from __future__ import annotations

import contextlib
import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opro_cli.core.errors import ModelUnavailable, UsageError
from opro_cli.core.model import ModelInfo, ModelRequest
from opro_cli.core.problem import InvalidSolution
from opro_cli.core.sampler import RecordedModel, Sampler
from opro_cli.core.seeds import Randomness
from opro_cli.core.text import plural
from opro_cli.llm import choose_model
from opro_cli.llm.provider import ModelChoice
from opro_cli.optimizers import OPTIMIZERS
from opro_cli.presets.resolve import Resolved
from opro_cli.presets.shard import Shard
from opro_cli.presets.spec import Preset, RunSpec
from opro_cli.problems.custom.parameters import Mixed
from opro_cli.problems.settings import label

MAX_RUNS = 100_000
"""Runs of one command, at most."""


@dataclass(frozen=True)
class Plan:
    """The runs to make, with the models they need."""

    resolved: Resolved
    specs: tuple[RunSpec, ...]
    models: Mapping[ModelRequest, ModelChoice]
    """For each request of each run; in a dry plan, only for models that are available."""
    notices: tuple[str, ...]
    optimizers: tuple[str, ...]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The axes that are run, each with all its values; empty where it is not a sweep."""
    unavailable: tuple[str, ...] = ()
    """Why models are not available; only in a dry plan."""

    @property
    def preset(self) -> Preset:
        """The preset, without its sweep."""
        return self.resolved.base


def make_plan(
    resolved: Resolved,
    env: Mapping[str, str],
    names: Sequence[str] | None = None,
    *,
    grid: bool | None = None,
    dry: bool = False,
    shard: Shard | None = None,
) -> Plan:
    """The plan for these optimizers, or for everything in the preset.

    Args:
        resolved: the preset.
        env: environment and ``.env``.
        names: optimizers; None for a sweep: all optimizers of the preset.
        grid: whether every combination of the grid is run, or the base values alone; None: where
            it is a sweep.
        dry: plan although a model is not available.
        shard: the share of the runs that is made, with its part of the caps.

    Raises:
        UsageError: for the first error found.
    """
    resolved = resolved if shard is None else shard.share(resolved)
    sweeping = names is None if grid is None else grid
    names = resolved.base.optimizers if names is None else tuple(names)
    cells = resolved.cells if sweeping else (resolved.base,)
    notices = list(resolved.notices) if sweeping else _notice_of_grid(resolved)
    _check_number(cells, names, resolved)
    for cell, repetitions in distinct_problems(cells):
        check_starts(cell, repetitions, dry=dry)
        notices += cell.problem.warnings()
    specs = [spec for cell in cells for spec in cell.runs(names)]
    choices, missing = _choose(specs, env, dry)
    notices += [notice for choice in choices.values() for notice in choice.notices]
    specs = _unique([spec.resolved_for(choices) for spec in specs], cells)
    choices |= {choice.request: choice for choice in choices.values()}
    for spec in specs:
        if spec.repetition == 0:
            check_fit(spec, choices)
    check_prices(specs, choices, resolved.base)
    specs = specs if shard is None else list(shard.runs(specs))
    requests = {request for spec in specs for request in spec.model_requests().values()}
    return Plan(
        resolved,
        tuple(specs),
        {request: choice for request, choice in choices.items() if request in requests},
        tuple(dict.fromkeys(notices)),
        names,
        grid=resolved.grid if sweeping else {},
        unavailable=tuple(missing.values()),
    )


def _notice_of_grid(resolved: Resolved) -> list[str]:
    """That a sweep's grid is not run, if there is one."""
    if len(resolved.cells) == 1:
        return []
    return [
        f"{resolved.path} has a grid of {len(resolved.cells)} combinations; this runs its base "
        f"values. For all of it: opro sweep {shlex.quote(resolved.path)}"
    ]


def _unique(specs: list[RunSpec], cells: Sequence[Preset]) -> list[RunSpec]:
    """Every run once: cells may share runs of a baseline, and a target may be given twice."""
    targets = [label(target) for target in cells[0].problem.targets]
    if len(cells) == 1 and len(set(targets)) == len(targets):
        return specs  # hashing thousands of repetitions takes seconds
    return list({spec.sha256(): spec for spec in specs}.values())


def _choose(
    specs: Iterable[RunSpec], env: Mapping[str, str], dry: bool
) -> tuple[dict[ModelRequest, ModelChoice], dict[ModelRequest, str]]:
    """The requested models that are available, and why others are not."""
    requests = (request for spec in specs for request in spec.model_requests().values())
    choices: dict[ModelRequest, ModelChoice] = {}
    missing: dict[ModelRequest, str] = {}
    for request in dict.fromkeys(requests):
        try:
            choices[request] = choose_model(request, env)
        except ModelUnavailable as error:
            if not dry:
                raise
            missing[request] = f"{error.message} ({error.hint})" if error.hint else error.message
    return choices, missing


def _check_number(cells: Sequence[Preset], names: Sequence[str], resolved: Resolved) -> None:
    """Raises UsageError for more runs than anyone means."""
    runs = sum(cell.count(names) for cell in cells)
    if runs <= MAX_RUNS:
        return
    base = resolved.base
    parts = [plural(len(base.problem.targets), "target"), plural(base.general.reps, "repetition")]
    if len(cells) > 1:
        parts += [f"{key} ({plural(len(v), 'value')})" for key, v in resolved.grid.items()]
    raise UsageError(
        f"These are {runs:,} runs, more than {MAX_RUNS:,}: " + " × ".join(parts) + ".",
        "leave out targets, repetitions or values of a swept setting",
    )


def distinct_problems(cells: Iterable[Preset]) -> list[tuple[Preset, int]]:
    """The distinct problems, each with a cell that has it and its most repetitions."""
    found: dict[str, tuple[Preset, int]] = {}
    for cell in cells:
        key = cell.problem.model_dump_json()
        most = found[key][1] if key in found else 0
        found[key] = cell, max(most, cell.general.reps)
    return list(found.values())


def check_starts(cell: Preset, repetitions: int, *, dry: bool) -> None:
    """Raises UsageError where an instance, or a starting point of it, is not possible."""
    try:
        cell.problem.check(repetitions, dry=dry)
    except InvalidSolution as invalid:
        raise UsageError(
            f"A starting point of {cell.name} is not a point of the problem: {invalid}.",
            "widen problem.bounds, or give starting points within them",
        ) from None


def check_fit(spec: RunSpec, choices: Mapping[ModelRequest, ModelChoice]) -> None:
    """Raises UsageError where problem, optimizer and models do not fit each other."""
    requests = spec.optimizer.model_requests()
    _check_evaluations(spec)
    if not all(request in choices for request in requests.values()):
        spec.optimizer.check_space(spec.build_problem())
        return
    spec.build({role: _sampler(choices[request]) for role, request in requests.items()})


def _check_evaluations(spec: RunSpec) -> None:
    """Raises UsageError where a cap on evaluations allows no point at all or, where a model is to
    be asked, no point of it. Without a model, fewer starting points are evaluated."""
    most = spec.effective_limits.max_evaluations
    if most is None:
        return
    problem = spec.build_problem()
    each = problem.evaluations_per_point
    starts = len(problem.starts(Randomness(spec.seed, "").generator(0, "starts")))
    space = problem.space
    all_points = math.inf
    if isinstance(space, Mixed):
        all_points = math.prod(parameter.size for parameter in space.parameters.values())
    asks = bool(spec.optimizer.model_requests()) and starts < all_points
    least = (starts + 1) * each if asks else each
    if most < least:
        why = f"{starts * each} for the starting points, and {each} for a point of the model"
        raise UsageError(
            f"max_evaluations is {most}, and {spec.optimizer.name} needs at least {least}: "
            + (f"{why}." if asks else "those of one point."),
            f"allow at least {least}" + ", or give fewer starting points" * asks,
        )


def fitting_optimizers(preset: Preset) -> list[str]:
    """The optimizers that can work with the points of a preset's problem.

    Raises UsageError where the problem cannot be built.
    """
    found = []
    for name in OPTIMIZERS:
        spec = next(preset.runs((name,)))
        problem = spec.build_problem()
        with contextlib.suppress(UsageError):
            spec.optimizer.check_space(problem)
            found.append(name)
    return found


def _sampler(choice: ModelChoice) -> Sampler:
    """The model's name and ability, without the model."""
    return Sampler(RecordedModel(ModelInfo(choice.name, choice.ability)), lambda event: None)


def check_prices(
    specs: Iterable[RunSpec], choices: Mapping[ModelRequest, ModelChoice], preset: Preset
) -> None:
    """Raises UsageError for a cap on money with a model of unknown price."""
    if preset.general.budget.max_cost is None:
        return
    for spec in specs:
        of_optimizer = spec.optimizer.model_requests()
        for role, request in spec.model_requests().items():
            choice = choices.get(request)
            if choice is None or choice.price is not None:
                continue
            section = spec.optimizer.name if role in of_optimizer else f"problem.{role}"
            raise UsageError(
                f"There is a cap on cost, and the price of {choice.name} is unknown.",
                f"give it (in dollars per million tokens) as {section}.price_input and "
                f"{section}.price_output, or use --max-calls or --max-tokens",
            )
