"""Hold the events of a replayed run against its recording."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

from typing_extensions import override

from opro_cli.core.errors import ReplayMismatch
from opro_cli.core.events import Evaluation, Event, Point, Prompted, Started, Stepped, Stopped
from opro_cli.core.sampler import RecordingEnded
from opro_cli.core.text import clean, point
from opro_cli.runs import compare
from opro_cli.runs.record import RunRecord, empty_totals


class Checker(ABC):
    """Takes the engine's events, and holds each against the recording."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.events: list[Event] = []
        self.totals = empty_totals(record.spec)

    def emit(self, event: Event) -> None:
        """Compare one event. Raises ReplayMismatch, or RecordingEnded past the last one."""
        self.compare(event)
        self.events.append(event)
        self.totals.add(event)

    async def flush(self) -> None:  # noqa: B027
        """Nothing is written."""

    @abstractmethod
    def compare(self, event: Event) -> None:
        """Raises ReplayMismatch where the recording says otherwise."""

    @abstractmethod
    def finish(self) -> None:
        """Compare what there is at the end. Raises ReplayMismatch."""

    def differs(self, ours: str, recorded: str, step: int | None = None) -> ReplayMismatch:
        """The first difference, as a sentence."""
        step = self.totals.step + 1 if step is None else step
        where = f"step {step}" if step else "starting points"
        return ReplayMismatch(
            f"{clean(self.record.view.id)}, {where}: {clean(ours)}; recorded: {clean(recorded)}."
        )

    def compare_pairs(
        self, step: int, ours: Sequence[Evaluation], theirs: Sequence[Evaluation]
    ) -> None:
        """Compare points and values, in whatever order."""
        found = compare.first_difference_of_pairs(ours, theirs)
        if found is not None:
            raise self.differs(*found, step)


class OwnChecker(Checker):
    """Compares with a log of this tool: event after event, to the last field."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__(record)
        self._recorded = record.uninterrupted()

    @override
    def compare(self, event: Event) -> None:
        recorded, position = self._recorded, len(self.events)
        if position >= len(recorded):
            raise RecordingEnded
        found = compare.first_difference(
            event, recorded[position], prompts=self.record.same_version
        )
        if found is not None:
            raise self.differs(*found, getattr(event, "step", 0))

    @override
    def finish(self) -> None:
        rest = self._recorded[len(self.events) :]
        if rest:
            step = getattr(rest[0], "step", 0)
            raise self.differs("nothing more happens", compare.describe_event(rest[0]), step)
        if self.record.changed:
            raise ReplayMismatch(f"{clean(self.record.view.id)}: {self.record.changed}")


class ForeignChecker(Checker):
    """Compares with a recording of OPRO's own code: the pairs shown, the values, the counts."""

    def __init__(self, record: RunRecord) -> None:
        super().__init__(record)
        problem = record.spec.build_problem()
        self._text = problem.text
        self._known: set[tuple[Point, str]] = set()
        self._replies = Counter(step for step, _ in record.replies)
        if record.optimum is not None and not compare.same_value(
            problem.optimum or 0.0, record.optimum
        ):
            raise self.differs(
                f"the loss at the true values is {problem.optimum!r}", repr(record.optimum), 0
            )

    @override
    def compare(self, event: Event) -> None:
        r = self.record
        match event:
            case Started(pairs):
                self._pairs(0, pairs, r.starts)
            case Prompted() if event.step not in r.shown:
                raise RecordingEnded
            case Prompted():
                replies = self._replies[event.step]
                if replies != event.samples:
                    said = f"{event.samples} replies are asked for"
                    raise self.differs(said, str(replies), event.step)
                self._shown(event)
            case Stepped():
                self._pairs(event.step, event.pairs, r.steps[event.step].pairs)
            case Stopped() if event != r.stop:
                raise self.differs(
                    compare.describe_event(event), compare.describe_event(r.stop), event.step
                )

    def _pairs(self, step: int, ours: Sequence[Evaluation], theirs: Sequence[Evaluation]) -> None:
        self.compare_pairs(step, ours, theirs)
        self._known |= {(p.point, self._text.render_value(p.value)) for p in ours}

    def _shown(self, event: Prompted) -> None:
        theirs = self.record.shown[event.step]
        # Pairs of equal value stood in no particular order in the recorded prompts.
        ours, recorded = ([value for _, value in pairs] for pairs in (event.shown, theirs))
        if ours != recorded:
            raise self.differs(f"values shown: {ours}", str(recorded), event.step)
        for pair, number in Counter(theirs).items():
            if pair not in self._known or number > 1:
                said = f"{point(pair[0])} with value {pair[1]}"
                raise self.differs("the history shown", said, event.step)

    @override
    def finish(self) -> None:
        r, t = self.record, self.totals
        last = max(r.steps, default=0)
        if t.step != last:
            raise self.differs(f"{t.step} steps in all", str(last), t.step)
        if r.stop is not None and t.reason is None:
            raise self.differs("the run goes on", compare.describe_event(r.stop), t.step)
        recorded = [pair.point for pairs in self._all() for pair in pairs]
        for ours, theirs, name in (
            (t.recorded_pairs, len(recorded), "recorded pairs"),
            (t.distinct_pairs, len(set(recorded)), "distinct pairs"),
        ):
            if ours != theirs:
                raise self.differs(f"{ours} {name}", str(theirs), last)

    def _all(self) -> list[tuple[Evaluation, ...]]:
        return [self.record.starts, *(step.pairs for step in self.record.steps.values())]
