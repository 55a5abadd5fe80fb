"""Calls of a function on the workers of an executor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Any

from typing_extensions import override

from opro_cli.core import __version__
from opro_cli.core.errors import RunFailed, UsageError
from opro_cli.core.problem import Measurement
from opro_cli.problems.custom.calls import Calls, ObjectiveCall, measurement_of
from opro_cli.problems.custom.executors import remote
from opro_cli.problems.custom.executors.base import OpenExecutor
from opro_cli.problems.custom.worker import brief

FIRST = 120.0
"""Seconds for the answer to the first request of a command."""

SAME = (
    "the workers need the same files in the same folder, as a shared file system has them, and the "
    "same version of opro-cli"
)


class ExecutorCalls(Calls):
    """Calls of one function, each a task of an executor.

    What the executor raises after its own retries, such as for a worker that is lost again and
    again, is why a point has no value. A call that the executor drops is no result: the run fails,
    and can be resumed.

    Args:
        call: the function.
        opened: the executor.
        digests: of the function's files; a worker with others is refused.
    """

    def __init__(
        self, call: ObjectiveCall, opened: OpenExecutor, digests: Mapping[str, str]
    ) -> None:
        self._opened = opened
        self._common = {
            "version": __version__,
            "digests": dict(digests),
            "objective": call.objective,
            "folder": call.folder,
            "timeout": call.timeout,
        }

    def check(self, names: Sequence[str]) -> None:
        """Load the function on a worker.

        Raises UsageError where no worker answers, one is refused, or it has no such function.
        """
        name = self._opened.name
        try:
            answer = self._submit(names=list(names)).result(FIRST)
        except TimeoutError:
            raise UsageError(
                f"No worker of {name} has answered in {FIRST:g} seconds.", "start its workers first"
            ) from None
        except RunFailed as error:
            raise UsageError(error.message, error.hint) from error
        except Exception as error:  # noqa: BLE001 (another version on its worker)
            raise UsageError(f"A worker of {name} cannot run opro: {brief(error)}.", SAME) from None
        self._check_refused(answer, UsageError)
        if "ready" not in answer:
            raise UsageError(
                f"problem.objective {self._common['objective']}, on a worker of {name}: "
                f"{answer.get('why')}.",
                SAME,
            )

    @override
    async def measure(self, arguments: dict[str, Any]) -> Measurement:
        """The result of one call. Raises RunFailed where the executor makes none."""
        future = self._submit(arguments=arguments)
        try:
            answer = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._lost("it has dropped a call") from None
        except BrokenExecutor as error:
            raise self._lost(brief(error)) from error
        except Exception as error:  # noqa: BLE001 (a lost worker, after all retries)
            answer = {"why": brief(error)}
        self._check_refused(answer, RunFailed)
        return measurement_of(answer)

    def _submit(self, **request: Any) -> Future[dict[str, Any]]:
        try:
            return self._opened.executor.submit(remote.serve, {**self._common, **request})
        except Exception as error:  # it is closed, or broken
            raise self._lost(brief(error)) from error

    def _lost(self, why: str) -> RunFailed:
        return RunFailed(
            f"The executor {self._opened.name} takes no calls any more ({why}).",
            "nothing is lost: start it again, then `opro resume`",
        )

    def _check_refused(
        self, answer: Mapping[str, Any], kind: type[RunFailed] | type[UsageError]
    ) -> None:
        if "refused" in answer:
            raise kind(f"A worker of {self._opened.name} {answer['refused']}.", SAME)
