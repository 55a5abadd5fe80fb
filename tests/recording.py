"""Runs on disk that a test writes event by event, as a run would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opro_cli.core.events import Evaluation, Event, Started
from opro_cli.core.optimizer import Limits
from opro_cli.optimizers.opro.settings import OproSettings
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.runs.store import RunStore

SPEC = RunSpec(
    preset="mine",
    problem=LinearSettings(targets=[{"w": 15, "b": 14}]),
    repetition=0,
    optimizer=OproSettings(model="local", metaprompt="list", show="mixed"),
    seed=0,
    limits=Limits(500, 60, per_step=8),
)
STARTS = Started(tuple(Evaluation((i, 14), 1000.0 + i, "start") for i in range(5)))


def add(
    runs: RunStore,
    spec: RunSpec,
    *events: Event,
    model: str | None = "gemma",
    digests: Mapping[str, str] | None = None,
) -> Path:
    """A run with these events, made from these contents; its directory."""
    run = runs.create(spec, {"model": model, "digests": dict(digests or {})})
    log = run.open_log()
    for event in events:
        log.append(event)
    return run.path
