"""The time left, optimizer by optimizer: a step of one may take a thousand times one of another."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from opro_cli.runs.progress import RunView


@dataclass(frozen=True)
class Left:
    """The time that the runs of an optimizer will take."""

    seconds: float
    at_most: bool = False
    """Whether this is a bound, as no run of the optimizer has ended yet."""


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

    def by_optimizer(self) -> dict[str, Left]:
        """The time left of each optimizer that has not ended, as far as its steps tell it.

        The other runs of an optimizer are assumed to take as many steps as its finished ones, or
        at most as many as they may where none is finished.
        """
        found = {}
        for name in dict.fromkeys(run.spec.optimizer.name for run in self._runs):
            own = [run for run in self._runs if run.spec.optimizer.name == name]
            going = [run for run in own if not _ended(run)]
            finished = [run.totals.step for run in own if run.totals.reason]
            made = sum(run.totals.step for run in own) - self._before[name]
            if not going or not made:
                continue
            mean = sum(finished) / len(finished) if finished else None
            steps = (run.spec.most_steps if mean is None else mean for run in going)
            left = sum(
                max(most - run.totals.step, 1.0) for most, run in zip(steps, going, strict=True)
            )
            found[name] = Left(self._active[name] * left / made, at_most=mean is None)
        return found


def _ended(run: RunView) -> bool:
    return bool(run.totals.reason or run.totals.error)


def _steps(runs: Sequence[RunView]) -> Counter[str]:
    steps: Counter[str] = Counter()
    for run in runs:
        steps[run.spec.optimizer.name] += run.totals.step
    return steps
