"""From what was typed to the list of runs: preset, overrides, model. Nothing is started here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opro_cli import presets
from opro_cli.environment import Environment
from opro_cli.errors import ModelUnavailable, PresetError, UsageError
from opro_cli.llm.providers import Choice, choose
from opro_cli.optimizers.opro import OproSettings
from opro_cli.presets import Override, Resolved
from opro_cli.spec import Preset, RunSpec

FLAGS = {
    "model": "opro.model",
    "temperature": "opro.temperature",
    "max_num_pairs": "opro.max_num_pairs",
    "points_per_step": "opro.points_per_step",
    "num_points": "problem.num_points",
    "max_steps": "max_steps",
    "patience": "patience",
    "reps": "reps",
    "seed": "seed",
    "learning_rate": "sgd.learning_rate",
    "tolerance": "sgd.tolerance",
    "batch_size": "sgd.batch_size",
    "max_iterations": "sgd.max_iterations",
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
    models: Mapping[str, Choice]
    """By the name in a spec's ``model``."""
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


def make(
    asked: Asked, env: Environment, optimizers: Sequence[str] | None = None, *, dry: bool = False
) -> Plan:
    """The plan for these optimizers, or for everything in the preset.

    Args:
        asked: what was typed.
        env: environment and ``.env``.
        optimizers: names, run on the preset's own values; None for a sweep: all optimizers the
            preset names, on every cell of its grid.
        dry: plan although no model can be had.

    Raises:
        UsageError: for the first thing that is wrong.
    """
    resolved = presets.resolve(asked.preset, overrides(asked, env))
    notices: list[str] = []
    if optimizers is None:
        cells: Sequence[Preset] = resolved.cells
        names = ["opro", *resolved.base.general.baselines]
    else:
        cells, names = [resolved.base], list(optimizers)
        if len(resolved.cells) > 1:
            notices.append(
                f"{resolved.path} has a grid of {len(resolved.cells)} cells; this runs its base "
                f"values. For all of it: opro sweep {resolved.path}"
            )
    specs = [spec for cell in cells for spec in cell.runs(names)]
    models: dict[str, Choice] = {}
    for wanted in dict.fromkeys(spec.model for spec in specs if spec.model is not None):
        try:
            models[wanted] = choose(wanted, env)
        except ModelUnavailable:
            if not dry:
                raise
            continue
        notices += models[wanted].notices
    specs = [_concrete(spec, models) for spec in specs]
    for spec in specs:
        _check(spec)
    unique = {spec.sha256(): spec for spec in specs}  # cells may agree on a baseline
    return Plan(
        resolved,
        tuple(unique.values()),
        {choice.spec: choice for choice in models.values()},
        tuple(notices),
        tuple(names),
    )


def _concrete(spec: RunSpec, models: Mapping[str, Choice]) -> RunSpec:
    """The spec with ``auto`` replaced by what it comes to."""
    choice = models.get(spec.model or "")
    if choice is None or not isinstance(spec.optimizer, OproSettings):
        return spec
    return spec.with_optimizer(model=choice.spec, **spec.optimizer.resolved(choice.form))


def _check(spec: RunSpec) -> None:
    """Raises UsageError where a problem and an optimizer do not go together."""
    if not spec.optimizer.needs_model:
        from opro_cli.optimizers import Task
        from opro_cli.randomness import Randomness

        spec.optimizer.build(Task(spec.instance(), Randomness(spec.seed, "")))


def _target(text: str) -> dict[str, Any]:
    target: dict[str, Any] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"--target {text}: no NAME=VALUE.", "as in --target w=15,b=14")
        target[name.strip()] = presets.scalar(value.strip())
    return target


def most_calls(spec: RunSpec) -> int:
    """Model calls of one run, at most: one a proposal asked for."""
    samples = getattr(spec.optimizer, "points_per_step", 0) if spec.optimizer.needs_model else 0
    return int(samples) * spec.effective_limits.max_steps
