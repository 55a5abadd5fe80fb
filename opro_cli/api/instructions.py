"""``optimize_instruction``: an instruction with which a model answers a data set right."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from opro_cli.api.account import budget_of
from opro_cli.api.errors import python_words
from opro_cli.api.functions.objective import Objective, failure
from opro_cli.api.options import CommonOptions, complete, documented
from opro_cli.api.result import Result
from opro_cli.api.search import Folder, optimizer_of, overrides_of, session_for
from opro_cli.api.session import Session
from opro_cli.core.errors import RunsError, UsageError
from opro_cli.core.problem import Measurement
from opro_cli.presets.environment import Environment
from opro_cli.presets.overrides import Override
from opro_cli.presets.plan import Plan, make_plan
from opro_cli.presets.resolve import resolve
from opro_cli.problems.custom import metric as own_metric
from opro_cli.problems.custom import worker
from opro_cli.problems.custom.in_process import PYTHON, BoundFunction
from opro_cli.problems.instructions.fields import InstructionFields
from opro_cli.problems.settings import ProblemSettings
from opro_cli.runs.disk.files import write_whole

PRESET = "instructions"
"""The preset whose settings are taken, where no other one is given."""

DATA = ".data"
"""The folder of the runs directory where examples are kept that were given as a list."""

Metric = str | Callable[..., Any]
"""A metric by name, or a function of ``question``, ``answer`` and ``reply``."""


@documented(CommonOptions)
def optimize_instruction(
    data: str | Path | Sequence[Mapping[str, Any]],
    *,
    question: str | None = None,
    answer: str | None = None,
    metric: Metric | None = None,
    scorer: str | None = None,
    preset: str | Path = PRESET,
    **options: Unpack[CommonOptions],
) -> Result:
    """Look for an instruction with which the scorer answers most questions right.

    Args:
        data: a file (JSON, JSON Lines, CSV or TSV), or a list of dicts, which is kept with the
            run.
        question: the column of the question, or a template of columns.
        answer: the column of the right answer.
        metric: ``exact``, ``label``, ``choice``, ``number``, ``contains``, ``regex``, ``json``;
            ``file.py:function``; or a function of ``question``, ``answer`` and ``reply`` that
            returns a grade from 0 to 1, alone or with a text. It is called in a thread.
        scorer: the model that answers.
        preset: whose other settings are taken.
        …

    Raises:
        OproError: an argument is wrong, and nothing was started; or the run failed.
    """
    with python_words():
        call = _Call(data, question, answer, metric, scorer, preset, options)
        with call.session() as session:
            return call.result(session)


@documented(CommonOptions)
async def aoptimize_instruction(
    data: str | Path | Sequence[Mapping[str, Any]],
    *,
    question: str | None = None,
    answer: str | None = None,
    metric: Metric | None = None,
    scorer: str | None = None,
    preset: str | Path = PRESET,
    **options: Unpack[CommonOptions],
) -> Result:
    """:func:`optimize_instruction`, awaited."""
    with python_words():
        call = _Call(data, question, answer, metric, scorer, preset, options)
        session = call.session()
        await session.wait()
        return call.result(session)


class _Call:
    """One call. Raises UsageError where an argument is wrong."""

    def __init__(
        self,
        data: str | Path | Sequence[Mapping[str, Any]],
        question: str | None,
        answer: str | None,
        metric: Metric | None,
        scorer: str | None,
        preset: str | Path,
        options: Mapping[str, Any],
    ) -> None:
        self._options = complete(options, CommonOptions, "optimize_instruction()")
        self._optimizer = optimizer_of(self._options)
        self._folder = Folder(self._options["runs"])
        self._preset = str(preset)
        self._metric = None
        name = metric
        if metric is not None and not isinstance(metric, str):
            self._metric = Objective(metric, own_metric.NAMES, "metric", _graded)
            name = f"{PYTHON}:{re.sub(r'[^A-Za-z0-9_.]', '_', self._metric.name)}"
        given = {
            "data": _data(data, self._folder),
            "question": question,
            "answer": answer,
            "metric": name,
            "scorer.model": scorer,
        }
        self._overrides = [
            Override(f"problem.{key}", value, f"{key.partition('.')[0]}=", kind=PRESET)
            for key, value in given.items()
            if value is not None
        ]

    def session(self) -> Session:
        """The run, to be entered. Raises OproError with nothing started."""
        session = session_for(self._plan, self._folder, self._options)
        session.not_compared = self._metric.not_compared if self._metric else ()
        return session

    def result(self, session: Session) -> Result:
        """The result, once the run has ended. Raises OproError where it failed."""
        return Result(session.outcome(), session.notices(), self._folder)

    def _plan(self, session: Session, env: Environment) -> Plan:
        options, optimizer = self._options, self._optimizer
        overrides = [Override("seed", options["seed"], "seed="), *self._overrides]
        evaluations = budget_of(options["budget"]).evaluations
        if evaluations is not None:
            overrides.append(Override("max_evaluations", evaluations, "budget="))
        resolved = resolve(self._preset, [*overrides, *overrides_of(optimizer, options, env)])
        return make_plan(resolved.with_problem(self._bound), env, [optimizer])

    def _bound(self, settings: ProblemSettings) -> ProblemSettings:
        metric = self._metric
        if metric is None or not isinstance(settings, InstructionFields):
            return settings

        async def measure(arguments: dict[str, Any]) -> Measurement:
            return await metric.in_thread(arguments)

        digests = metric.digests("metric")
        return settings.with_metric(BoundFunction(measure, own_metric.WORKERS, digests))


def _graded(result: Any) -> Measurement:
    """What a metric has returned, as a measurement."""
    found = worker.graded(result)
    if "value" not in found:
        return failure(str(found["why"]))
    return Measurement(found["value"], detail=str(found["feedback"]))


def _data(data: str | Path | Sequence[Mapping[str, Any]], folder: Folder) -> str:
    """The file of the data; a list is written into the runs directory. Raises UsageError."""
    if isinstance(data, str | Path):
        path = Path(data).expanduser()
        return str(path.absolute() if path.is_file() or "{" in str(data) else path)
    try:
        lines = "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in data)
        contents = lines.encode()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"data holds something that is no example: {error}.",
            'as in data=[{"question": "2 + 2?", "answer": "4"}, …]',
        ) from None
    place = folder.path.absolute() / DATA
    path = place / f"{hashlib.sha256(contents).hexdigest()[:16]}.jsonl"
    try:
        place.mkdir(parents=True, exist_ok=True)
        write_whole(path, lines)
    except OSError as error:
        raise RunsError(
            f"{path} cannot be written: {error.strerror}.", "choose another place with runs="
        ) from None
    return str(path)
