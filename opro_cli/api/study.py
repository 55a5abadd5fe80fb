"""A search whose values come from the caller's own loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import Unpack

from opro_cli.api.errors import python_words
from opro_cli.api.options import Options, complete, documented
from opro_cli.api.result import Result
from opro_cli.api.search import Folder, search
from opro_cli.api.session import Trial
from opro_cli.api.space import Space
from opro_cli.api.stored import Run
from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Direction
from opro_cli.problems.custom.in_process import BoundFunction


@documented(Options)
class Study:
    """A search, trial by trial.

    ::

        study = opro.Study(space, model="local", budget=60)
        for t in study:
            t.tell(f(**t.values))
        study.best

    Leaving the loop leaves the run where it is; going over the study again continues it.
    """

    def __init__(
        self, space: Space, direction: Direction = "minimize", **options: Unpack[Options]
    ) -> None:
        """A study that has not begun.

        Args:
            space: as of :func:`opro_cli.minimize`.
            direction: ``minimize`` or ``maximize``.
            options: as of :func:`opro_cli.minimize`, without ``workers``.

        Raises:
            OproError: an argument is wrong.
        """
        with python_words():
            self._options = complete(options, Options, "Study()")
            if direction not in ("minimize", "maximize"):
                raise UsageError(
                    f"direction is {direction!r}.", 'it should be "minimize" or "maximize"'
                )
        self._options["name"] = self._options["name"] or "study"
        self._space, self._direction = space, direction
        self._folder = Folder(self._options["runs"])
        self._id = ""
        self.result: Result | None = None
        """The result, once the search has ended."""

    def __iter__(self) -> Iterator[Trial]:
        """The trials, until the search ends. Each needs its value before the next one.

        Raises:
            OproError: something is wrong, and nothing was started; or the run failed.
        """
        with python_words():
            session = search(
                self._space,
                self._direction,
                self._options,
                self._folder,
                lambda session: BoundFunction(session.ask),
                "Study()",
            )
            self._options["fresh"] = False  # from now on, this run is continued
            with session:
                for trial in session.trials():
                    self._id = session.watch.runs[0].id
                    yield trial
                outcome = session.outcome()
            self._id = outcome.runs[0].id
            self.result = Result(outcome, session.notices(), self._folder)

    @property
    def run(self) -> Run | None:
        """The stored run, as it is now; None before the first trial."""
        if not self._id:
            return None
        (stored,), _ = self._folder.store.select([self._id])
        return Run(stored, self._folder)

    @property
    def best(self) -> dict[str, Any] | None:
        """The best parameters so far, by name; None where there are none."""
        run = self.run
        return None if run is None else run.best

    @property
    def value(self) -> float | None:
        """Their value."""
        run = self.run
        return None if run is None else run.value

    def __repr__(self) -> str:
        return f"<Study of {', '.join(map(str, self._space))}: best {self.value} at {self.best}>"
