"""``sweep`` and ``report``, as on the command line."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

from opro_cli.api.account import Account, shared_by
from opro_cli.api.background import Work
from opro_cli.api.errors import python_words
from opro_cli.api.progress import Watch, display_for
from opro_cli.api.result import Result
from opro_cli.api.search import Folder
from opro_cli.api.stored import Run, Runs
from opro_cli.core.errors import RunFailed, UsageError
from opro_cli.core.registry import did_you_mean
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override
from opro_cli.presets.plan import make_plan
from opro_cli.presets.resolve import resolve
from opro_cli.report import FORMATS, needs_histories, render
from opro_cli.report.summary import Summary, summarize
from opro_cli.runs.jobs import jobs_for_plan
from opro_cli.runs.launch import Launcher, Outcome


class SweepResult(Runs):
    """The runs of a sweep, and how it ended."""

    def __init__(
        self, folder: Folder, ids: tuple[str, ...], stopped: str, notices: list[str]
    ) -> None:
        super().__init__(folder.store, ids)
        self._folder = folder
        self.stopped = stopped
        """Why not everything was begun, such as a cap; empty where nothing stopped it."""
        self.notices = tuple(dict.fromkeys(notices))
        """What a command would have said on the way."""


def sweep(
    preset: str | Path,
    *,
    runs: str | Path | None = None,
    account: Account | None = None,
    progress: bool | str = False,
    fresh: bool = False,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> SweepResult:
    """Run all of a preset, as ``opro sweep`` does.

    Args:
        preset: a name or a file.
        runs: the directory where the runs are kept; runs that it has already are not made again.
            None: a temporary one, removed with the result.
        account: caps and limits that several calls share.
        progress: as of :func:`opro_cli.minimize`.
        fresh: make new runs, also where the same ones exist.
        settings: any setting by its dotted key; ``{"sweep.opro.temperature": [1.0, 1.5]}`` sweeps.
        options: the options of the command that set something, as in ``model="local"``,
            ``reps=2`` or ``max_cost=1``.

    Raises:
        OproError: something is wrong, and nothing was started; or every run has failed.
    """
    from opro_cli.cli.flags import SWEEP, Options, flags_of
    from opro_cli.cli.options.overrides import overrides_of

    with python_words():
        flags = {f.name: f for f in flags_of(SWEEP) if f.setting or f.name == "target"}
        known = list(flags)
        for name in options:
            if name not in known:
                raise UsageError(
                    f"sweep() has no argument {name!r}.",
                    did_you_mean(name, known) or "opro sweep --help lists them",
                )
        env = Environment(path=None)
        given = {
            name: [value] if flags[name].repeatable and isinstance(value, str) else value
            for name, value in options.items()
            if value is not None
        }
        overrides = overrides_of(Options(SWEEP, given), env)
        overrides += [Override(str(k), v, "settings") for k, v in (settings or {}).items()]
        plan = make_plan(resolve(str(preset), overrides), env)
        folder, watch = Folder(runs), Watch(display_for(progress))
        background, shared = shared_by(account)
        launcher = Launcher(folder.store, [watch], env, watch.notice, account=shared)

        def run() -> Coroutine[Any, Any, Outcome]:
            return launcher.run(lambda: jobs_for_plan(plan, folder.store, fresh=fresh))

        with Work(background, run) as work:
            outcome = work.result()
        failed = [view.totals for view in outcome.runs if view.totals.error]
        if failed and len(failed) == len(outcome.runs):
            raise RunFailed(str(failed[0].error), failed[0].hint)
        ids = tuple(view.id for view in outcome.runs if view.id)
        return SweepResult(folder, ids, outcome.stopped, watch.notices)


def report(
    runs: str | Path | Runs | Run | Result | Iterable[Run | Result],
    format: str = "table",  # noqa: A002
    *,
    baseline: str | None = None,
    model_only: bool = False,
) -> str:
    """A report on runs, as ``opro report`` prints it.

    Args:
        runs: a directory, its runs, or some runs.
        format: ``table``, ``markdown``, ``csv`` or ``json``.
        baseline: an optimizer to compare the others with, repetition by repetition.
        model_only: leave random-search points out of the runs of a model.

    Raises:
        OproError: there is no such format, or no such directory.
    """
    with python_words():
        FORMATS.check(format, "format")
        return render(_summary(runs, format, baseline, model_only=model_only), format)


def _summary(
    runs: str | Path | Runs | Run | Result | Iterable[Run | Result],
    form: str,
    baseline: str | None,
    *,
    model_only: bool,
) -> Summary:
    if isinstance(runs, str | Path):
        runs = Runs.open(runs)
    damaged = runs.damaged if isinstance(runs, Runs) else []
    several: Iterable[Run | Result] = [runs] if isinstance(runs, Run | Result) else runs
    found = [item.run if isinstance(item, Result) else item for item in several]
    stored = [run._stored for run in found]
    return summarize(
        stored, damaged, baseline, model_only=model_only, histories=needs_histories(form)
    )
