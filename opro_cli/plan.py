"""From what was typed to the list of runs: preset, overrides, model. Nothing is started here."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opro_cli import optimizers, presets
from opro_cli.environment import Environment
from opro_cli.errors import ModelUnavailable, PresetError, UsageError
from opro_cli.llm.base import Price
from opro_cli.llm.providers import Choice, Wanted, choose
from opro_cli.optimizers import Task
from opro_cli.optimizers.opro import OproSettings
from opro_cli.presets import Override, Resolved
from opro_cli.randomness import Randomness
from opro_cli.spec import Preset, RunSpec

FLAGS = {
    "model": "opro.model",
    "temperature": "opro.temperature",
    "max_num_pairs": "opro.max_num_pairs",
    "points_per_step": "opro.points_per_step",
    "num_points": "problem.num_points",
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

    @property
    def preset(self) -> Preset:
        """The preset, without its sweep."""
        return self.resolved.base


def overrides(asked: Asked, env: Environment) -> list[Override]:
    """What the user sets over the preset, the weakest first. Raises PresetError."""
    found = []
    if env.get("MODEL_NAME", "").strip():
        found.append(Override("opro.model", env["MODEL_NAME"].strip(), env.source("MODEL_NAME")))
    found += [presets.setting(text) for text in asked.settings]
    for flag, key in FLAGS.items():
        value = asked.flags.get(flag)
        if value is not None:
            found.append(Override(key, presets.scalar(str(value)), option(flag)))
    w_true, b_true = asked.flags.get("w_true"), asked.flags.get("b_true")
    targets = [_target(text) for text in asked.targets]
    if (w_true is None) != (b_true is None):
        raise PresetError(
            "A target needs both --w-true and --b-true.", "as in --w-true 15 --b-true 14"
        )
    if w_true is not None and b_true is not None:
        targets.append({"w": presets.scalar(w_true), "b": presets.scalar(b_true)})
    if targets:
        source = "--target" if asked.targets else "--w-true, --b-true"
        found.append(Override("problem.targets", targets, source))
    return found


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
    if names is None:
        names = ["opro", *resolved.base.general.baselines]
    else:
        cells = [resolved.base]
        if len(resolved.cells) > 1:
            notices.append(
                f"{resolved.path} has a grid of {len(resolved.cells)} cells; this runs its base "
                f"values. For all of it: opro sweep {resolved.path}"
            )
    specs = [spec for cell in cells for spec in cell.runs(names)]
    choices: dict[Wanted, Choice] = {}
    for spec in specs:
        want = wanted(spec)
        if want is None or want in choices:
            continue
        try:
            choices[want] = choose(want, env)
        except ModelUnavailable:
            if not dry:
                raise
            continue
        notices += choices[want].notices
    specs = [_concrete(spec, choices) for spec in specs]
    for spec in specs:
        _check(spec)
    _check_budget(resolved.base, choices.values())
    unique = {spec.sha256(): spec for spec in specs}  # cells may agree on a baseline
    return Plan(
        resolved,
        tuple(unique.values()),
        {choice.wanted: choice for choice in choices.values()},
        tuple(dict.fromkeys(notices)),
        tuple(names),
    )


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
        samples=settings.replies_per_step,
    )


def _concrete(spec: RunSpec, choices: Mapping[Wanted, Choice]) -> RunSpec:
    """The spec with ``auto`` replaced by what it comes to."""
    want = wanted(spec)
    choice = choices.get(want) if want is not None else None
    if choice is None or not isinstance(spec.optimizer, OproSettings):
        return spec
    return spec.with_optimizer(model=choice.spec, **spec.optimizer.resolved(choice.form))


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
        if not equals:
            raise UsageError(f"--target {text}: no NAME=VALUE.", "as in --target w=15,b=14")
        target[name.strip()] = presets.scalar(value.strip())
    return target
