"""The examples of a run for an instruction, and how the scorer answered each of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from opro_cli.core.events import Answered, Point
from opro_cli.problems.instructions.data import Example
from opro_cli.problems.instructions.fields import SCORER, task_of
from opro_cli.problems.instructions.problem import InstructionsProblem
from opro_cli.problems.instructions.scoring import question_of
from opro_cli.problems.instructions.sets import Sets
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.report.judged import recorded_sets
from opro_cli.runs.disk.answers import answer_key, read_answers
from opro_cli.runs.disk.contents import PROBLEM, model_identity
from opro_cli.runs.progress import RunView
from opro_cli.runs.store import StoredRun


class RunExamples:
    """The examples of one run with the scorer's replies.

    Args:
        run: on disk.
        view: its totals.
    """

    def __init__(self, run: StoredRun, view: RunView) -> None:
        self._run, self._view = run, view

    def of(self, split: str) -> tuple[Example, ...]:
        """The examples of ``train``, ``dev`` or ``test``; none where the data are not there."""
        sets = self._sets
        return (
            () if sets is None else {"train": sets.train, "dev": sets.dev, "test": sets.test}[split]
        )

    def answer(self, point: Point, example: Example) -> Answered | None:
        """The recorded answer to an example under an instruction.

        Raises RunsError where the file of answers is damaged.
        """
        if self._problem is None:
            return None
        asked = question_of(self._problem, self._problem.settings.scorer, point, example)
        return self._answers.get(answer_key(self._identity, asked))

    @cached_property
    def _problem(self) -> InstructionsProblem | None:
        problem = self._view.spec.build_problem()
        return problem if isinstance(problem, InstructionsProblem) else None

    @cached_property
    def _sets(self) -> Sets | None:
        spec = self._view.spec
        if not isinstance(spec.problem, InstructionsSettings):
            return None
        digest = self._view.contents.get(f"{PROBLEM}data")
        return recorded_sets(spec.problem, task_of(spec.target), digest)

    @cached_property
    def _identity(self) -> str:
        request = self._view.spec.problem.model_requests()[SCORER]
        return model_identity(request, self._view.contents, SCORER)

    @cached_property
    def _answers(self) -> Mapping[str, Answered]:
        return read_answers(self._run.path).by_key
