"""Everything that can be known of a preset before it costs anything, one finding a line.

Unlike a plan, which ends at the first error, the checks go on as far as they do not depend on each
other. No server is contacted. Code of the user's runs only where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from opro_cli.core.errors import OproError
from opro_cli.core.model import ModelRequest
from opro_cli.core.text import listed, plural
from opro_cli.llm import choose_model
from opro_cli.llm.provider import ModelChoice
from opro_cli.presets.estimate import Estimator, calls_text, money_text
from opro_cli.presets.overrides import Override
from opro_cli.presets.plan import (
    check_fit,
    check_prices,
    check_starts,
    distinct_problems,
    make_plan,
)
from opro_cli.presets.resolve import Resolved, resolve
from opro_cli.presets.spec import Preset, RunSpec

State: TypeAlias = Literal["ok", "warning", "skipped", "failed"]


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Args:
        subject: what was checked, in a word.
        state: what came of it.
        text: a sentence or a clause.
        hint: what would mend it.
    """

    subject: str
    state: State
    text: str
    hint: str = ""


def check_preset(
    name: str, overrides: Sequence[Override], env: Mapping[str, str], *, run_code: bool = False
) -> Iterator[Finding]:
    """Check a preset with its overrides, as ``opro sweep`` would run it.

    Args:
        name: of the preset, or its path.
        overrides: values that replace those of the preset.
        env: environment and ``.env``.
        run_code: whether the user's code may be run, once, in a process of its own.
    """
    try:
        resolved = resolve(name, overrides)
    except OproError as error:
        yield _failed("preset", error)
        return
    yield Finding("preset", "ok", _summary(resolved))
    for notice in resolved.notices:
        yield Finding("preset", "warning", notice)
    sound = True
    for cell, repetitions in distinct_problems(resolved.cells):
        for finding in _problem(cell, repetitions, run_code=run_code):
            sound &= finding.state != "failed"
            yield finding
    names = resolved.base.optimizers
    choices: dict[ModelRequest, ModelChoice] = {}
    yield from _models(resolved.cells, names, env, choices)
    if not sound:
        yield Finding("optimizers", "skipped", "not checked, as the problem cannot be built")
        return
    specs = [spec for cell in resolved.cells for spec in cell.runs(names)]
    fitting = list(_optimizers(specs, choices))
    yield from fitting
    if any(finding.state == "failed" for finding in fitting):
        return
    try:
        check_prices(specs, choices, resolved.base)
        yield Finding("estimate", "ok", _estimate(resolved, env))
    except OproError as error:
        yield _failed("estimate", error)


def _failed(subject: str, error: OproError) -> Finding:
    return Finding(subject, "failed", error.message, error.hint)


def _summary(resolved: Resolved) -> str:
    base = resolved.base
    runs = sum(cell.count(base.optimizers) for cell in resolved.cells)
    return f"{resolved.path}: {plural(runs, 'run')} of {listed(base.optimizers)}"


def _problem(cell: Preset, repetitions: int, *, run_code: bool) -> Iterator[Finding]:
    """The data, the starting points and the code of a problem."""
    problem = cell.problem
    try:
        check_starts(cell, repetitions, dry=True)
        for word, sentence in problem.facts():
            yield Finding(word, "ok", sentence)
        for sentence in problem.warnings():
            yield Finding("data", "warning", sentence)
        starts = [
            problem.build(target, 0).starts(np.random.default_rng(0)) for target in problem.targets
        ]
        total = sum(map(len, starts))
        of = f" for {plural(len(starts), 'target')}" if len(starts) > 1 else ""
        yield Finding("starts", "ok", plural(total, "valid starting point") + of)
    except OproError as error:
        yield _failed("problem", error)
        return
    yield from _code(problem.inspect_code, problem.try_code, run_code=run_code)


def _code(
    inspect: Callable[[], str], run: Callable[[], str], *, run_code: bool
) -> Iterator[Finding]:
    try:
        said = inspect()
        if said:
            yield Finding("code", "ok", said)
        if said and run_code:
            yield Finding("code", "ok", run())
        elif said:
            yield Finding("code", "skipped", "not run; --run imports it and calls it once")
    except OproError as error:
        yield _failed("code", error)


def _models(
    cells: Sequence[Preset],
    names: Sequence[str],
    env: Mapping[str, str],
    choices: dict[ModelRequest, ModelChoice],
) -> Iterator[Finding]:
    """Whether each model is known, with its key and its packages; those that are, are chosen."""
    users: dict[ModelRequest, list[str]] = {}
    for cell in cells:
        own = cell.problem.model_requests().items()
        asking = [(n, r) for n in names for r in cell.sections[n].model_requests().values()]
        for user, request in (*own, *asking):
            users.setdefault(request, []).append(user)
    for request, found in users.items():
        asked_by = listed(list(dict.fromkeys(found)))
        try:
            choice = choose_model(request, env)
        except OproError as error:
            yield Finding("model", "failed", f"{asked_by}: {error.message}", error.hint)
            continue
        choices[request] = choice
        yield Finding("model", "ok", f"{asked_by}: {choice.name}, {_price(choice)}")
        for notice in choice.notices:
            yield Finding("model", "warning", notice)


def _price(choice: ModelChoice) -> str:
    if choice.price is None:
        return "of unknown price"
    if not (choice.price.input or choice.price.output):
        return "free"
    return f"${choice.price.input:g} in and ${choice.price.output:g} out per million tokens"


def _optimizers(
    specs: Sequence[RunSpec], choices: Mapping[ModelRequest, ModelChoice]
) -> Iterator[Finding]:
    """Whether each optimizer fits the problem and its model, and has its packages."""
    fitting: list[str] = []
    known = {**choices, **{choice.request: choice for choice in choices.values()}}
    for spec in specs:
        name = spec.optimizer.name
        if spec.repetition or name in fitting:
            continue
        try:
            check_fit(spec.resolved_for(choices), known)
            fitting.append(name)
        except OproError as error:
            yield _failed("optimizer", error)
    if fitting:
        yield Finding("optimizers", "ok", f"{listed(fitting)} can work with this problem")


def _estimate(resolved: Resolved, env: Mapping[str, str]) -> str:
    """Evaluations, model calls and money, in a clause."""
    plan = make_plan(resolved, env, dry=True)
    estimate = Estimator(plan).total()
    if not estimate.calls.high:
        return "no model is asked"
    return f"{calls_text(estimate.calls)}, {money_text(estimate)}"
