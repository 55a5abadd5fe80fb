"""The results of runs that look for an instruction: what was chosen, and how it does on the test.

Only finished runs count. Of several repetitions, dev chooses the one whose instruction is shown,
never the test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from opro_cli.core.errors import OproError
from opro_cli.core.events import Point, Verdict
from opro_cli.core.totals import RunTotals
from opro_cli.presets.spec import RunSpec
from opro_cli.problems.instructions.fields import SCORER
from opro_cli.problems.instructions.sets import Sets, load_sets
from opro_cli.problems.instructions.settings import InstructionsSettings
from opro_cli.report.paired import PARTIAL, Paired
from opro_cli.report.rows import FINISHED, Row
from opro_cli.report.statistics import Interval, wilson
from opro_cli.runs.disk.contents import PROBLEM
from opro_cli.runs.progress import RunView

FEW_UNREAD = 0.1
"""A share of answers that could not be read is worth a word from here on."""


@dataclass(frozen=True)
class Share:
    """The score of an instruction on a set of examples."""

    value: float
    """From 0 to 1."""
    detail: str
    """How each example was answered, one character each."""

    @property
    def examples(self) -> int:
        """All examples of the set."""
        return len(self.detail)

    @property
    def right(self) -> float:
        """Right answers; not a whole number where answers have scores between."""
        return round(self.value * self.examples, 6)

    @property
    def interval(self) -> Interval:
        """Wilson's; for scores between 0 and 1 it is wider than it needs to be."""
        return wilson(self.right, self.examples)

    def __str__(self) -> str:
        """``27/30``, or ``61.4% of 30`` where answers have scores between."""
        if set(self.detail) & set(PARTIAL):
            return f"{100 * self.value:.1f}% of {self.examples}"
        return f"{self.right:.0f}/{self.examples}"


@dataclass(frozen=True)
class JudgedRun:
    """What one run found, as far as it is judged."""

    totals: RunTotals

    def verdict(self, part: str, split: str = "test") -> Verdict | None:
        """The first verdict of this part on a data set."""
        return next((v for v in self._verdicts(split) if v.part == part), None)

    @cached_property
    def chosen(self) -> Point | None:
        """The instruction that the run chose; None where it has not chosen yet."""
        verdict = self.verdict("chosen")
        if verdict is not None:
            return verdict.point
        if self.totals.state not in FINISHED:
            return None
        finalists = self._verdicts("dev")  # there is no test
        if not finalists:
            return self.totals.best[0] if self.totals.best else None
        return min(finalists, key=self._rank).point

    def _rank(self, verdict: Verdict) -> tuple[float, int, Point]:
        """By the right answers on train and dev, then the shorter, as the problem chooses."""
        train = self.train(verdict.point)
        right = verdict.value * len(verdict.detail) + (train.right if train else 0.0)
        return -round(right, 9), len(str(verdict.point[0])), verdict.point

    def train(self, point: Point | None) -> Share | None:
        """How a point did on train."""
        pair = self.totals.scored.get(point) if point is not None else None
        return None if pair is None else Share(pair.value, pair.detail)

    def on(self, split: str, point: Point | None) -> Share | None:
        """How a point did on dev or test; None where it was not judged there."""
        found = (Share(v.value, v.detail) for v in self._verdicts(split) if v.point == point)
        return next(found, None)

    @property
    def start(self) -> Point | None:
        """The instruction that the search began with."""
        verdict = self.verdict("start")
        return verdict.point if verdict else None

    @property
    def controls(self) -> list[Verdict]:
        """The other instructions on the test: controls, and the best by train."""
        return [v for v in self._verdicts("test") if v.part in ("control", "trained")]

    @cached_property
    def gain(self) -> Paired | None:
        """From the start to the chosen instruction, on the test."""
        before, after = self.on("test", self.start), self.on("test", self.chosen)
        return Paired(((before.detail, after.detail),)) if before and after else None

    @property
    def gap(self) -> float | None:
        """Train minus test of the chosen instruction."""
        train, test = self.train(self.chosen), self.on("test", self.chosen)
        return train.value - test.value if train and test else None

    @property
    def grades(self) -> Counter[str]:
        """All graded answers by their character in ``GRADES``."""
        details = {("train", point): pair.detail for point, pair in self.totals.scored.items()}
        for split, judged in self.totals.judged.items():
            details |= {(split, v.point): v.detail for v in judged.verdicts}
        found = Counter("".join(details.values()))
        del found["."]
        return found

    def _verdicts(self, split: str) -> Sequence[Verdict]:
        judged = self.totals.judged.get(split)
        return judged.verdicts if judged else ()


class JudgedRow:
    """What the repetitions of a row found.

    Args:
        row: of a problem whose points are instructions.
    """

    def __init__(self, row: Row) -> None:
        self.row = row
        judged = [JudgedRun(run.totals) for run in row.runs if run.totals.state in FINISHED]
        self.runs = [run for run in judged if run.chosen is not None]

    @cached_property
    def best(self) -> JudgedRun | None:
        """The repetition whose instruction is best on dev, then on train, then the shortest."""
        return min(self.runs, key=_by_dev, default=None)

    @cached_property
    def best_view(self) -> RunView | None:
        """The run of ``best``."""
        best = self.best
        return next((v for v in self.row.runs if best and v.totals is best.totals), None)

    @cached_property
    def gain(self) -> Paired | None:
        """From the start to what was chosen, over all repetitions that have a test."""
        pairs = [pair for run in self.runs if run.gain for pair in run.gain.pairs]
        return Paired(tuple(pairs)) if pairs and len({len(a) for a, _ in pairs}) == 1 else None

    def against(self, base: JudgedRow) -> Paired | None:
        """From what the other row chose to what this one chose, on the same test.

        The one run of a deterministic optimizer is compared with every repetition.
        """
        others = {_identity(v): r for v, r in base.by_view()}
        only = base.runs[0] if len(base.runs) == 1 and base.row.deterministic else None
        pairs = []
        for view, run in self.by_view():
            other = others.get(_identity(view), only)
            mine, theirs = run.on("test", run.chosen), other and other.on("test", other.chosen)
            if mine and theirs and mine.examples == theirs.examples:
                pairs.append((theirs.detail, mine.detail))
        return Paired(tuple(pairs)) if pairs else None

    def by_view(self) -> list[tuple[RunView, JudgedRun]]:
        """The runs that count, as they are shown and as they were judged."""
        views = {id(view.totals): view for view in self.row.runs}
        return [(views[id(run.totals)], run) for run in self.runs]

    @property
    def answers(self) -> float:
        """Answers of a run: for the search, dev and test; the mean of the runs that count."""
        return _mean([_answers(run.totals) for run in self.runs])

    @property
    def search_answers(self) -> float:
        """Answers of a run for the search alone: what budgets are about."""
        return _mean([run.totals.evaluations for run in self.runs])

    @property
    def scorer_cost(self) -> float | None:
        """US dollars of all runs for answers; None where a price is unknown."""
        roles = [role for run in self.row.runs for role in run.totals.roles.values()]
        return None if any(r.unpriced for r in roles) else sum(r.cost for r in roles)

    @cached_property
    def floor(self) -> tuple[float, str] | None:
        """The share of the most frequent answer in the test, and that answer.

        None where the data are not there any more, or others.
        """
        return majority(self.row.runs[0].spec, self.row.problem_contents.get(f"{PROBLEM}data"))


def is_judged(spec: RunSpec) -> bool:
    """Whether the points of a run are instructions, which are judged on a test."""
    return isinstance(spec.problem, InstructionsSettings)


def scorer_name(spec: RunSpec) -> str:
    """The model that answers the examples; empty where the problem asks none."""
    request = spec.problem.model_requests().get(SCORER)
    return request.name if request else ""


def majority(spec: RunSpec, digest: str | None) -> tuple[float, str] | None:
    """The share of the most frequent answer in the test, and that answer; see ``floor``."""
    problem = spec.problem
    if not isinstance(problem, InstructionsSettings) or digest is None:
        return None
    return _majority(problem.model_dump_json(), str(spec.target.get("task", "")), digest)


def recorded_sets(problem: InstructionsSettings, task: str, digest: str | None) -> Sets | None:
    """The examples of a run; None where the data are not there any more, or others.

    Args:
        problem: the settings.
        task: of the run's target.
        digest: of the data, as recorded.
    """
    try:
        sets = load_sets(problem, task)
    except (OproError, OSError, ValueError, KeyError):
        return None
    return sets if sets.digest == digest else None


@lru_cache(maxsize=64)
def _majority(settings: str, task: str, digest: str) -> tuple[float, str] | None:
    sets = recorded_sets(InstructionsSettings.model_validate_json(settings), task, digest)
    targets = Counter(example.target for example in sets.test) if sets else None
    if not targets:
        return None
    answer, count = targets.most_common(1)[0]
    return count / targets.total(), answer


def _by_dev(run: JudgedRun) -> tuple[float, float, int, Point]:
    point = run.chosen or ()
    dev, train = run.on("dev", point), run.train(point)
    length = sum(len(str(part)) for part in point)
    return -(dev.value if dev else 0.0), -(train.value if train else 0.0), length, point


def _identity(view: RunView) -> tuple[int, int]:
    return view.spec.seed, view.spec.repetition


def _answers(totals: RunTotals) -> int:
    return sum(role.answers for role in totals.roles.values())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
