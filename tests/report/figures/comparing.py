"""Stored runs of several optimizers on the same instances, written event by event."""

from __future__ import annotations

from dataclasses import replace

from opro_cli.core.events import (
    Evaluation,
    Failed,
    Replied,
    Reply,
    Started,
    Stepped,
    Stopped,
    Usage,
)
from opro_cli.optimizers.nelder_mead import NelderMeadSettings
from opro_cli.optimizers.random_search import RandomSettings
from opro_cli.problems.regression.linear import LinearSettings
from opro_cli.report.summary import Summary, summarize
from opro_cli.runs.store import RunStore
from tests import recording
from tests.recording import add

SEEDS = {"w": {"first": 1, "step": 1}, "b": {"first": 2, "step": 1}}
LINEAR = LinearSettings(targets=[{"w": 15, "b": 14}], seeds=SEEDS)
OPRO = replace(recording.SPEC, preset="lines", problem=LINEAR)
RANDOM = replace(OPRO, optimizer=RandomSettings())
SIMPLEX = replace(OPRO, optimizer=NelderMeadSettings())

OPTIMUM = OPRO.build_problem().optimum

GAPS = {
    "opro": [[900.0, 500.0, 40.0], [800.0, 90.0, 0.0], [950.0, 940.0, 930.0]],
    "random": [[900.0, 890.0, 700.0], [1000.0, 990.0, 600.0], [999.0, 998.0, 5.0]],
}
"""The gap of the point of each step, by optimizer and repetition; 0 is the target."""


def events(gaps, reason="max_steps", asks=True):
    """A run that begins with a gap of 1000."""
    yield Started(tuple(Evaluation((i, 0), OPTIMUM + 1000.0 + i, "start") for i in range(5)))
    source = "model" if asks else "random"
    for step, gap in enumerate(gaps, start=1):
        if asks:
            yield Replied(step, 0, Reply("1, 2", "stop", "gemma", Usage(10, 5), cost=0.5))
        yield Stepped(step, (Evaluation((step, step), OPTIMUM + gap, source),), (), 1)
    if reason:
        yield Stopped(len(gaps), reason)


def store_all(runs: RunStore, gaps=GAPS) -> Summary:
    """Runs with these gaps; one that comes to 0 has solved its problem."""
    for name, several in gaps.items():
        spec = {"opro": OPRO, "random": RANDOM, "nelder-mead": SIMPLEX}[name]
        for repetition, values in enumerate(several):
            reason = "converged" if values[-1] == 0 else "max_steps"
            mine = replace(spec, repetition=repetition)
            add(runs, mine, *events(values, reason, name == "opro"), model=_model(name))
    return summarize(*runs.all(), histories=True)


def add_failed(runs: RunStore, repetition: int) -> None:
    """A run that gave up after its first step, with a better value than all others."""
    spec = replace(OPRO, repetition=repetition)
    gave_up = Failed(2, "ModelUnavailable", "no answer")
    add(runs, spec, *events([0.001], None), gave_up, model="gemma")


def _model(name: str) -> str | None:
    return "gemma" if name == "opro" else None
