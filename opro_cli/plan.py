"""From what was typed to the list of runs: preset, overrides, model. Nothing is started here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opro_cli import optimizers, presets
from opro_cli.environment import Environment
from opro_cli.errors import ModelUnavailable, PresetError, UsageError
from opro_cli.llm.base import Price
from opro_cli.llm.providers import Choice, Wanted, choose
from opro_cli.optimizers import Task
from opro_cli.optimizers.opro import OproSettings
from opro_cli.presets import Override, Resolved
from opro_cli.problems import Unusable, label
from opro_cli.randomness import Randomness
from opro_cli.spec import Preset, RunSpec
from opro_cli.text import plural

FLAGS = {
    "model": "opro.model",
    "strategy": "opro.strategy",
    "temperature": "opro.temperature",
    "max_num_pairs": "opro.max_num_pairs",
    "points_per_step": "opro.points_per_step",
    "num_points": "problem.num_points",
    "objective": "problem.objective",
    "max_steps": "max_steps",
    "max_evaluations": "max_evaluations",
    "patience": "patience",
    "reps": "reps",
    "seed": "seed",
    "learning_rate": "sgd.learning_rate",
    "tolerance": "sgd.tolerance",
    "batch_size": "sgd.batch_size",
    "max_iterations": "sgd.max_iterations",
    "base_url": "opro.base_url",
    "proposals_per_call": "opro.proposals_per_call",
    "strict_model": "opro.strict_model",
    "concurrency": "limits.concurrency",
    "requests_per_minute": "limits.requests_per_minute",
    "tokens_per_minute": "limits.tokens_per_minute",
    "max_cost": "budget.max_cost",
    "max_calls": "budget.max_calls",
    "max_tokens": "budget.max_tokens",
    "max_time": "budget.max_time",
}
"""Options of the command line, and the setting each one sets."""

TEXTS = ("model", "base_url", "objective", "strategy")
"""Options whose value is a text, whatever it looks like."""

MAX_RUNS = 100_000
"""Runs of one command, at most."""


@dataclass(frozen=True)
class Asked:
    """What the user typed, unread.

    ``flags`` holds options by their names in ``FLAGS``, and ``w_true`` and ``b_true``; None is
    an option that was not given, and never overrides anything.
    """

    preset: str
    flags: Mapping[str, Any] = field(default_factory=dict)
    settings: Sequence[str] = ()
    """``--set KEY=VALUE``."""
    targets: Sequence[str] = ()
    """``--target w=15,b=14``."""


@dataclass(frozen=True)
class Plan:
    """The runs to make, with the models they need."""

    resolved: Resolved
    specs: tuple[RunSpec, ...]
    models: Mapping[Wanted, Choice]
    notices: tuple[str, ...]
    optimizers: tuple[str, ...]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The axes that are run, each with all its values; empty where it is no sweep."""
    unavailable: tuple[str, ...] = ()
    """Why models cannot be had here; only in a plan that nothing is started from."""
    measured: dict[Any, Any] = field(default_factory=dict, compare=False)
    """What an estimate has measured already."""

    @property
    def preset(self) -> Preset:
        """The preset, without its sweep."""
        return self.resolved.base


def overrides(asked: Asked, env: Environment) -> list[Override]:
    """What the user sets over the preset, the weakest first. Raises PresetError."""
    found = []
    if env.get("MODEL_NAME", "").strip():
        name, source = env["MODEL_NAME"].strip(), env.source("MODEL_NAME")
        found.append(Override("opro.model", name, source, weak=True))
    found += [presets.setting(text) for text in asked.settings]
    for flag, key in FLAGS.items():
        value = asked.flags.get(flag)
        if value is not None:
            read = presets.scalar(str(value), option(flag))
            if flag in TEXTS:
                read = _from_here(str(value)) if flag == "objective" else str(value)
            found.append(Override(key, read, option(flag)))
    w_true, b_true = asked.flags.get("w_true"), asked.flags.get("b_true")
    targets = [_target(text) for text in asked.targets]
    if (w_true is None) != (b_true is None):
        raise PresetError(
            "A target needs both --w-true and --b-true.", "as in --w-true 15 --b-true 14"
        )
    if w_true is not None and b_true is not None:
        w, b = presets.scalar(w_true, "--w-true"), presets.scalar(b_true, "--b-true")
        targets.append({"w": w, "b": b})
    if targets:
        source = "--target" if asked.targets else "--w-true and --b-true"
        found.append(Override("problem.targets", targets, source))
    return found


def _from_here(objective: str) -> str:
    """A file that was typed is meant from here, not from beside the preset."""
    where, colon, name = objective.rpartition(":")
    return f"{Path(where).absolute()}{colon}{name}" if Path(where).is_file() else objective


def option(flag: str) -> str:
    """An option as it is typed."""
    return "--" + flag.replace("_", "-")


def baselines(names: Sequence[str]) -> list[str]:
    """The optimizers of ``run-baseline``, each once. Raises UsageError for what is none."""
    known = [n for n in optimizers.NAMES if not optimizers.settings_of(n).needs_model]
    for name in names:
        if name not in optimizers.NAMES:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            raise UsageError(
                f"--optimizer {name}: there is no such optimizer.",
                f"did you mean {' or '.join(near)}?" if near else "optimizers: " + ", ".join(known),
            )
        if name not in known:
            raise UsageError(
                f"--optimizer {name}: it asks a model, and is no baseline.",
                f"run it with `opro run-{name}`; baselines: {', '.join(known)}",
            )
    return list(dict.fromkeys(names))


def make(
    asked: Asked, env: Environment, names: Sequence[str] | None = None, *, dry: bool = False
) -> Plan:
    """The plan for these optimizers, or for everything in the preset.

    Args:
        asked: what was typed.
        env: environment and ``.env``.
        names: of optimizers, run on the preset's own values; None for a sweep: all optimizers the
            preset names, on every cell of its grid.
        dry: plan although no model can be had.

    Raises:
        UsageError: for the first thing that is wrong.
    """
    resolved = presets.resolve(asked.preset, overrides(asked, env))
    notices: list[str] = []
    cells: Sequence[Preset] = resolved.cells
    sweeping = names is None
    if names is None:
        names = list(dict.fromkeys(["opro", *resolved.base.general.baselines]))
        notices += resolved.notices
    else:
        cells = [resolved.base]
        if len(resolved.cells) > 1:
            notices.append(
                f"{resolved.path} has a grid of {len(resolved.cells)} cells; this runs its base "
                f"values. For all of it: opro sweep {resolved.path}"
            )
    _check_number(cells, names, resolved)
    for cell, repetitions in _problems(cells):
        _check_starts(cell, repetitions)
    specs = [spec for cell in cells for spec in cell.runs(names)]
    choices, missing = _choose(specs, env, dry)
    notices += [notice for choice in choices.values() for notice in choice.notices]
    specs = [_concrete(spec, choices) for spec in specs]
    specs = _unique(specs, cells)
    for spec in specs:
        if spec.repetition == 0:
            _check(spec)
    _check_budget(resolved.base, choices.values())
    return Plan(
        resolved,
        tuple(specs),
        {choice.wanted: choice for choice in choices.values()},
        tuple(dict.fromkeys(notices)),
        tuple(names),
        grid=resolved.grid if sweeping else {},
        unavailable=tuple(missing.values()),
    )


def _unique(specs: list[RunSpec], cells: Sequence[Preset]) -> list[RunSpec]:
    """Every run once: cells may agree on a baseline, and a target may be given twice."""
    targets = [label(target) for target in cells[0].problem.targets]
    if len(cells) == 1 and len(set(targets)) == len(targets):
        return specs  # hashing thousands of repetitions takes seconds
    return list({spec.sha256(): spec for spec in specs}.values())


def _choose(
    specs: Iterable[RunSpec], env: Environment, dry: bool
) -> tuple[dict[Wanted, Choice], dict[Wanted, str]]:
    """The models that are wanted: those to be had here, and why others are not."""
    choices: dict[Wanted, Choice] = {}
    missing: dict[Wanted, str] = {}
    for want in dict.fromkeys(filter(None, map(wanted, specs))):
        try:
            choices[want] = choose(want, env)
        except ModelUnavailable as error:
            if not dry:
                raise
            missing[want] = f"{error.message} ({error.hint})" if error.hint else error.message
    return choices, missing


def _check_number(cells: Sequence[Preset], names: Sequence[str], resolved: Resolved) -> None:
    """Raises UsageError for more runs than anybody means."""
    runs = sum(cell.count(names) for cell in cells)
    if runs <= MAX_RUNS:
        return
    base = resolved.base
    parts = [plural(len(base.problem.targets), "target"), plural(base.general.reps, "repetition")]
    if len(cells) > 1:
        parts += [f"{key} ({plural(len(v), 'value')})" for key, v in resolved.grid.items()]
    raise UsageError(
        f"These are {runs:,} runs, more than {MAX_RUNS:,}: " + " × ".join(parts) + ".",
        "leave out targets, repetitions or values of an axis",
    )


def _problems(cells: Iterable[Preset]) -> list[tuple[Preset, int]]:
    """The distinct problems, each with a cell that has it and its most repetitions."""
    found: dict[str, tuple[Preset, int]] = {}
    for cell in cells:
        key = cell.problem.model_dump_json()
        most = found[key][1] if key in found else 0
        found[key] = cell, max(most, cell.general.reps)
    return list(found.values())


def _check_starts(cell: Preset, repetitions: int) -> None:
    """Raises UsageError where an instance, or a starting point of it, is not possible."""
    try:
        cell.problem.check(repetitions)
    except Unusable as unusable:
        raise UsageError(
            f"A starting point of {cell.name} is no point of the problem: {unusable}.",
            "widen problem.bounds, or give starting points within them",
        ) from None


def wanted(spec: RunSpec) -> Wanted | None:
    """The model a run asks for, or None where it needs none."""
    settings = spec.optimizer
    if not isinstance(settings, OproSettings):
        return None
    price = None
    if settings.price_input is not None and settings.price_output is not None:
        price = Price(settings.price_input, settings.price_output)
    return Wanted(
        spec=settings.model,
        base_url=settings.base_url,
        candidates=settings.candidates_per_call,
        price=price,
        samples=settings.concrete("list").replies_per_step,
    )


def _concrete(spec: RunSpec, choices: Mapping[Wanted, Choice]) -> RunSpec:
    """The spec with ``auto`` replaced by what it comes to, and without a temperature that the
    model would ignore: two runs that differ in it only are the same run."""
    want = wanted(spec)
    choice = choices.get(want) if want is not None else None
    if choice is None or not isinstance(spec.optimizer, OproSettings):
        return spec
    changes = {"model": choice.spec, **spec.optimizer.resolved(choice.form)}
    if not choice.temperature:
        changes["temperature"] = None
    return spec.with_optimizer(**changes)


def _check(spec: RunSpec) -> None:
    """Raises UsageError where a problem and an optimizer do not go together."""
    if not spec.optimizer.needs_model:
        spec.optimizer.build(Task(spec.instance(), Randomness(spec.seed, "")))


def _check_budget(preset: Preset, choices: Iterable[Choice]) -> None:
    """Raises UsageError for a cap on money with a model whose price nobody knows."""
    if preset.general.budget.max_cost is None:
        return
    for choice in choices:
        if choice.price is None:
            raise UsageError(
                f"There is a cap on cost, and the price of {choice.spec} is unknown.",
                "give it (in dollars per million tokens) as opro.price_input and "
                "opro.price_output, or use --max-calls or --max-tokens",
            )


def _target(text: str) -> dict[str, Any]:
    target: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--target {text}: no NAME=VALUE.", "as in --target w=15,b=14")
        if name.strip() in target:
            raise UsageError(
                f"--target {text}: {name.strip()} is set twice.", "keep one of the two"
            )
        target[name.strip()] = presets.scalar(value, f"--target {text}")
    return target
