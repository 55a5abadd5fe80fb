"""What a shell completes an option with. Every function imports only what it needs, when called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

import typer

SHORTEST = 100
"""Runs that are offered, at most: the newest."""


def presets() -> list[str]:
    """The names of the presets."""
    from opro_cli.presets.files import available

    return list(available())


def models() -> list[str]:
    """The names of the models that are known, and the beginnings of others."""
    from opro_cli.llm import AUTO, PROVIDERS
    from opro_cli.llm.catalog import catalog
    from opro_cli.llm.local.known import INSTRUCTED

    names = [AUTO, *(name for key in PROVIDERS for name in PROVIDERS[key].names)]
    whole = [name for name in names if not name.endswith("-")]
    return [*whole, *(f"local:{model.name}" for model in INSTRUCTED), *catalog().models]


def fetchable() -> list[str]:
    """The local models that can be fetched."""
    from opro_cli.llm.local.known import KNOWN

    return list(KNOWN)


def optimizers() -> list[str]:
    """The names of the optimizers."""
    from opro_cli.optimizers import OPTIMIZERS

    return list(OPTIMIZERS)


def strategies() -> list[str]:
    """The strategies of the model's optimizer."""
    from opro_cli.optimizers.opro.strategies import STRATEGIES

    return list(STRATEGIES)


def metrics() -> list[str]:
    """The metrics of instructions."""
    from opro_cli.problems.instructions.metrics import METRICS

    return list(METRICS)


def formats() -> list[str]:
    """The formats of a report."""
    from opro_cli.report import FORMATS

    return list(FORMATS)


def kinds() -> list[str]:
    """The kinds of figure."""
    from opro_cli.report.figures.kinds import KINDS

    return list(KINDS)


def axes() -> list[str]:
    """What the horizontal axis of a figure counts."""
    from opro_cli.report.figures.comparisons import AXES

    return list(AXES)


def targets() -> list[str]:
    """The targets of an export."""
    from opro_cli.export import TARGETS

    return list(TARGETS)


def displays() -> list[str]:
    """The displays of progress."""
    from opro_cli.cli.progress import AUTO, DISPLAYS

    return [AUTO, *DISPLAYS]


def states() -> list[str]:
    """The states of a run."""
    from opro_cli.runs.progress import STATES

    return list(STATES)


def _commands(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of all commands, for ``opro help``."""
    del incomplete
    return list(getattr(ctx.find_root().command, "commands", ()))


def _runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The ids of runs, the newest first, in the directory that the command names."""
    del incomplete  # typer leaves out what does not begin so
    from opro_cli.core.errors import OproError
    from opro_cli.presets.environment import Environment
    from opro_cli.runs.store import RUN_FILE, runs_directory

    given = ctx.params.get("runs_dir")
    with contextlib.suppress(OproError, OSError):
        root = runs_directory(Path(given) if given else None, Environment())
        found = sorted((p.name for p in root.iterdir() if (p / RUN_FILE).is_file()), reverse=True)
        return ["latest", *found[:SHORTEST]]
    return ["latest"]


def _named(names: Callable[[], list[str]]) -> Callable[[typer.Context, str], list[str]]:
    """As typer calls it. What cannot be loaded is not offered: a shell shows no error."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        del ctx, incomplete
        with contextlib.suppress(Exception):
            return names()
        return []

    return complete


COMPLETERS: Mapping[str, Callable[[typer.Context, str], list[str]]] = {
    "presets": _named(presets),
    "models": _named(models),
    "fetchable": _named(fetchable),
    "optimizers": _named(optimizers),
    "strategies": _named(strategies),
    "metrics": _named(metrics),
    "formats": _named(formats),
    "kinds": _named(kinds),
    "axes": _named(axes),
    "targets": _named(targets),
    "displays": _named(displays),
    "states": _named(states),
    "commands": _commands,
    "runs": _runs,
}
