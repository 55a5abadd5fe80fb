"""The time left, optimizer by optimizer: a step of one may take a thousand times one of another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from opro_cli.runs.progress import RunView


class TimeLeft:
    """Measures how long steps take while runs go, and estimates the rest from it.

    Args:
        runs: all runs, before any of them goes on.
    """

    def __init__(self, runs: Sequence[RunView]) -> None:
        self._runs = runs
        self._before = _steps(runs)
        self._active: defaultdict[str, float] = defaultdict(float)
        self._last: float | None = None

    def tick(self, now: float, running: Sequence[RunView]) -> None:
        """Note which runs are going on.

        Args:
            now: seconds of a clock that is never set back.
            running: the runs that are begun and have not ended.
        """
        if self._last is not None:
            for name in {run.spec.optimizer.name for run in running}:
                self._active[name] += max(now - self._last, 0.0)
        self._last = now

    def seconds(self) -> float | None:
        """Seconds left; None where an optimizer has no finished run to go by.

        The other runs of an optimizer are assumed to take as many steps as its finished ones.
        Runs that ask a model go on beside those that ask none.
        """
        asking, alone = 0.0, 0.0
        for name in dict.fromkeys(run.spec.optimizer.name for run in self._runs):
            own = [run for run in self._runs if run.spec.optimizer.name == name]
            going = [run for run in own if not _ended(run)]
            if not going:
                continue
            finished = [run.totals.step for run in own if run.totals.reason]
            made = sum(run.totals.step for run in own) - self._before[name]
            if not finished or not made:
                return None
            mean = sum(finished) / len(finished)
            left = sum(max(mean - run.totals.step, 1.0) for run in going)
            seconds = self._active[name] * left / made
            if own[0].spec.model_requests():
                asking = max(asking, seconds)
            else:
                alone += seconds
        return max(asking, alone) or None


def _ended(run: RunView) -> bool:
    return bool(run.totals.reason or run.totals.error)


def _steps(runs: Sequence[RunView]) -> Counter[str]:
    steps: Counter[str] = Counter()
    for run in runs:
        steps[run.spec.optimizer.name] += run.totals.step
    return steps
