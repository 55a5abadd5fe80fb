"""What a problem is: a space of points, the words for a meta-prompt, and an evaluator.

A *point* is a tuple: two numbers, a permutation, a mixture of numbers and names. A *space* knows
the points (how to write one, read one, and describe them all). A *problem* brings an *evaluator*,
which puts a value on each of them.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from opro_cli.core.events import Evaluation, Judged, Point, Status
from opro_cli.core.model import Model
from opro_cli.core.numbers import distinct, significant

Direction: TypeAlias = Literal["minimize", "maximize"]


class InvalidSolution(Exception):
    """A reply that is no point of the space; ``status`` says in which way."""

    def __init__(self, status: Status, why: str) -> None:
        super().__init__(why)
        self.status: Status = status


class Notation(Protocol):
    """A way of writing points on one line: ``read(render(p)) == p`` for every point ``p``."""

    @property
    def prefix(self) -> str:
        """The beginning of every rendered point, such as ``w=``; may be empty."""

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""

    def render(self, point: Point) -> str:
        """One line, such as ``w=15, b=14``."""

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`. Raises InvalidSolution."""

    def grammar(self) -> str:
        """GBNF of the text after ``prefix`` in a rendered point (no rule name, no newline)."""


class Space(Protocol):
    """All points of a problem, and how each is written as a line and as JSON.

    ``from_values(to_values(p)) == p`` and ``read(render(p)) == p`` for every point ``p``.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of a point's coordinates, in order; empty where they have none."""

    def render(self, point: Point) -> str:
        """One line, such as ``w=15, b=14``."""

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`. Raises InvalidSolution."""

    def to_values(self, point: Point) -> Any:
        """The JSON value of a point, such as ``{"w": 15, "b": 14}``."""

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """A point from parsed JSON (an object or an array), rounded and checked.

        Raises InvalidSolution.
        """

    def schema(self) -> dict[str, Any]:
        """JSON schema of :meth:`to_values`."""

    def describe(self) -> str:
        """The constraints in words, as one clause."""


@runtime_checkable
class Rowed(Notation, Protocol):
    """A space whose points can stand in a list that a model continues."""

    def compact(self, first: int = 0) -> Notation:
        """The shortest way of writing points, such as ``15 14``.

        It begins with coordinate ``first``, modulo their number, and goes round, where a point
        can be begun with any of its coordinates.
        """


@runtime_checkable
class Drawable(Protocol):
    """A space from which points can be drawn at random, anywhere or near another point."""

    def sample(self, rng: np.random.Generator) -> Point:
        """A point of the space drawn uniformly."""

    def neighbor(self, point: Point, rng: np.random.Generator) -> Point:
        """A point near this one, by a step of any size: small steps as often as large ones."""

    def nearest(self, point: Point) -> Point:
        """The point of the space nearest to one that may lie between its points or outside.

        A point of the space is its own nearest point.
        """


@runtime_checkable
class Continuous(Protocol):
    """A space that is a unit cube to optimizers that move through one."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name a coordinate; their number is the dimension d."""

    def to_unit(self, point: Point) -> NDArray[np.float64]:
        """The point in the unit cube, shape (d,): 0 is the low end of a coordinate, 1 the high."""

    def from_unit(self, unit: NDArray[np.float64]) -> Point:
        """The point at a place of the unit cube, as finely as the objective takes it.

        Where the objective is defined between the points of the space, this need not be one
        of them; :meth:`Drawable.nearest` brings it there. ``from_unit(to_unit(p)) == p``.
        """


@runtime_checkable
class Textual(Protocol):
    """A space of texts, each a point ``(text,)``."""

    def from_text(self, text: str) -> Point:
        """The point of a text as a person or a model wrote it. Raises InvalidSolution."""


def nearest_point(space: Space, point: Point) -> Point:
    """The point of the space nearest to this one; the same point where a space has no others."""
    return space.nearest(point) if isinstance(space, Drawable) else point


@dataclass(frozen=True)
class ProblemText:
    """The words of a problem for a meta-prompt and for tables."""

    task: str
    """What is optimized, as in "a function of two inputs, w and b"."""
    solution: str
    """What one proposal is called, as in "pair (w, b)"."""
    value: str = "value"
    """What a value is called."""
    direction: Direction = "minimize"
    background: str = ""
    """What is stated about the problem beside the pairs, as sentences. Empty: nothing, its formula
    is hidden."""
    value_decimals: int | None = 0
    """Decimals of a shown value; with 0 it is cut to an integer, as in OPRO's code. None: as many
    significant digits as tell different values apart."""
    percent: bool = False
    """Whether the value is a share, shown as whole per cent."""

    def shown(self, value: float) -> float | int:
        """The value as a meta-prompt shows it."""
        if not math.isfinite(value):
            return value
        if self.percent:
            return round(100 * value)
        if self.value_decimals is None:
            return float(significant(value))
        if self.value_decimals == 0:
            return int(value)
        return float(np.round(value, self.value_decimals))

    def render_value(self, value: float) -> str:
        """The shown value as text."""
        if self.percent:
            return str(self.shown(value))
        if self.value_decimals is None:
            return significant(value)
        shown = self.shown(value)
        if isinstance(shown, float) and math.isfinite(shown):
            return f"{shown:.{self.value_decimals}f}"
        return str(shown)

    def render_values(self, values: Sequence[float]) -> list[str]:
        """The shown values as text, side by side: different ones look different where they can."""
        if self.value_decimals is None and not self.percent:
            return distinct(values)
        return [self.render_value(value) for value in values]


@dataclass(frozen=True)
class Measurement:
    """The result of evaluating one point."""

    value: float
    why: str = ""
    """Why there is no value, where the objective gave none; the value is nan then."""
    evaluations: int = 1
    """What it counts for: an example of a data set is an evaluation."""
    detail: str = ""
    """As of :class:`opro_cli.core.events.Evaluation`."""
    note: str = ""
    """As of :class:`opro_cli.core.events.Evaluation`."""


OnValue: TypeAlias = Callable[[Point, Measurement], None]
"""Called with each measurement as soon as it is there."""

Evaluate: TypeAlias = Callable[[Sequence[Point], OnValue], Awaitable[list[Measurement]]]
"""Evaluates points: one measurement for each, in their order. Never raises for a single point."""


@runtime_checkable
class Racing(Protocol):
    """An evaluator that can drop points early that fall behind."""

    async def race(
        self, points: Sequence[Point], on_value: OnValue, rule: str
    ) -> list[Measurement]:
        """As :data:`Evaluate`; a dropped point has no value, and its ``why`` says after how many.

        Args:
            points: to be evaluated.
            on_value: told of each measurement.
            rule: who is dropped: ``halving`` or ``paired``.
        """


@runtime_checkable
class Judge(Protocol):
    """An evaluator that can also judge points on data that no optimizer sees."""

    def judge(self, pairs: Sequence[Evaluation]) -> AsyncIterator[Judged]:
        """Judge the best of these, once, when the search has ended: one event a data set."""


@dataclass(frozen=True)
class GradedAnswer:
    """One example of a data set, and how it was answered under an instruction."""

    question: str
    target: str
    """The right answer."""
    reply: str = ""
    read: str = ""
    """The answer that was read in the reply."""
    score: float = math.nan
    """From 0 (wrong) to 1 (right); nan where it was not asked."""
    feedback: str = ""


@runtime_checkable
class Graded(Protocol):
    """A problem whose points are graded on examples that a meta-prompt may show."""

    def graded(self, point: Point | None = None) -> Sequence[GradedAnswer]:
        """Each example with the answer under a point, as far as it was asked; None: no answers."""


class Problem(ABC):
    """One instance: its data, its starting points, its target."""

    space: Space
    """The points."""
    text: ProblemText
    """The words."""
    optimum: float | None
    """The value at the target, or None where it is not known."""
    costly: ClassVar[bool] = False
    """Whether a value takes money or hours: estimates and replays then never compute one."""
    target: Point | None = None
    """The point that is looked for, where the value is a formula: a picture may then compute it
    anywhere. None for a function of the user's, which runs for no picture."""

    @property
    def evaluations_per_point(self) -> int:
        """Evaluations that the value of a point takes: for a data set, one an example."""
        return 1

    @property
    def final_evaluations(self) -> int:
        """Evaluations that judging the finalists takes, at most."""
        return 0

    @abstractmethod
    def starts(self, rng: np.random.Generator) -> list[Point]:
        """The points evaluated before the first step."""

    def evaluate(self, point: Point) -> float:
        """The point's value, where it is a plain function of the point.

        A value that is not finite is a result ("invalid"), not an exception.
        """
        raise NotImplementedError(f"{type(self).__name__} is evaluated by its evaluator alone")

    def evaluator(self, models: Mapping[str, Model]) -> AbstractAsyncContextManager[Evaluate]:
        """A function that evaluates points while the context is open.

        Args:
            models: the models that the problem's settings asked for, by role.
        """
        return evaluate_here(self)

    @abstractmethod
    def solved(self, point: Point, value: float) -> bool:
        """Whether the point, whose value this is, is the target or as good as it."""


@contextlib.asynccontextmanager
async def evaluate_here(problem: Problem) -> AsyncIterator[Evaluate]:
    """The default evaluator: calls :meth:`Problem.evaluate`, point after point."""

    async def evaluate(points: Sequence[Point], on_value: OnValue) -> list[Measurement]:
        measurements = []
        for point in points:
            measurements.append(Measurement(problem.evaluate(point)))
            on_value(point, measurements[-1])
        return measurements

    yield evaluate
