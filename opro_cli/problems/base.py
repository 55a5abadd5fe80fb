"""What a problem is: the protocol, and the words every problem shares.

A *point* is a tuple: two numbers, a permutation, a mixture of numbers and names.
A *space* knows the points (how to write one, read one, and describe them all);
a *problem* puts a value on each of them.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict

from opro_cli.events import Fate

Point: TypeAlias = tuple[Any, ...]
Direction: TypeAlias = Literal["minimize", "maximize"]


class Unusable(Exception):
    """A reply that is no point of the space; ``fate`` says in which way."""

    def __init__(self, fate: Fate, why: str) -> None:
        super().__init__(why)
        self.fate: Fate = fate


class Notation(Protocol):
    """A way of writing points on one line: ``read(render(p)) == p`` for every point ``p``."""

    @property
    def lead(self) -> str:
        """What every rendered point starts with, such as ``w=``; may be empty."""

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""

    def render(self, point: Point) -> str:
        """One line, such as ``w=15, b=14``."""

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`. Raises Unusable."""

    def grammar(self) -> str:
        """GBNF of what may follow ``lead`` in a rendered point (no rule name, no newline)."""


class Space(Notation, Protocol):
    """All points of a problem, and the ways of writing one: a line with names, a row, and JSON.

    ``from_values(to_values(p)) == p`` for every point ``p``.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The names of a point's coordinates, in order; empty where they have none."""

    def row(self, turn: int = 0) -> Notation:
        """The shortest way of writing points, such as ``15 14``.

        It begins with coordinate ``turn``, modulo their number, and goes round, where a point can
        be begun with any of its coordinates.
        """

    def to_values(self, point: Point) -> Any:
        """The JSON value of a point, such as ``{"w": 15, "b": 14}``."""

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """A point from parsed JSON (an object or an array), rounded and checked.

        Raises Unusable.
        """

    def schema(self) -> dict[str, Any]:
        """JSON schema of :meth:`to_values`."""

    def describe(self) -> str:
        """The constraints in words, as one clause."""

    def nearest(self, point: Point) -> Point:
        """The point of the space nearest to one that may lie between its points or outside.

        A point of the space is its own nearest point.
        """

    def sample(self, rng: np.random.Generator) -> Point:
        """A point of the space drawn uniformly."""

    def near(self, point: Point, rng: np.random.Generator) -> Point:
        """A point not far from this one, mostly another, by a step of any size.

        Whatever can be changed by little and by much is changed by little as often as by much.
        """


@runtime_checkable
class Continuous(Protocol):
    """A space that is a cube to optimizers that move through one: what they ask beyond Space."""

    @property
    def names(self) -> tuple[str, ...]:
        """One name a coordinate; their number is the dimension d."""

    def to_unit(self, point: Point) -> NDArray[np.float64]:
        """The point in the unit cube, shape (d,): 0 is the low end of a coordinate, 1 the high."""

    def from_unit(self, unit: NDArray[np.float64]) -> Point:
        """The point at a place of the unit cube, as finely as the objective takes it.

        Where the objective is defined between the points of the space, this need not be one
        of them; :meth:`Space.nearest` brings it there. ``from_unit(to_unit(p)) == p``.
        """


@dataclass(frozen=True)
class Wording:
    """How a problem speaks of itself in a meta-prompt."""

    task: str
    """What is sought, as in "a function of two inputs, w and b"."""
    solution: str
    """What one proposal is called, as in "pair (w, b)"."""
    value: str = "value"
    """What a score is called."""
    direction: Direction = "minimize"
    background: str = ""
    """What is told of the problem beside the pairs, as sentences. Empty: nothing, its formula is
    hidden."""
    value_decimals: int = 0
    """Decimals of a shown value; with 0 it is cut to an integer, as in OPRO's code."""

    def shown(self, value: float) -> float | int:
        """The value as a meta-prompt shows it."""
        if not math.isfinite(value):
            return value
        if self.value_decimals == 0:
            return int(value)
        return float(np.round(value, self.value_decimals))

    def render_value(self, value: float) -> str:
        """The shown value as text."""
        shown = self.shown(value)
        if isinstance(shown, float) and math.isfinite(shown):
            return f"{shown:.{self.value_decimals}f}"
        return str(shown)


class Problem(Protocol):
    """One instance: a target, its data, its starting points."""

    @property
    def space(self) -> Space:
        """The points."""

    @property
    def wording(self) -> Wording:
        """The words."""

    @property
    def optimum(self) -> float | None:
        """The value at the target, or None where it is not known."""

    def starts(self, rng: np.random.Generator) -> list[Point]:
        """The points evaluated before the first step."""

    def evaluate(self, point: Point) -> float:
        """The point's value. A non-finite value is a result ("invalid"), not an exception."""

    def solved(self, point: Point, value: float) -> bool:
        """Whether the point, whose value this is, is the target or as good as it."""


_PLAIN = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
LARGEST_INTEGER = 10**15
"""What a setting may count to: beyond any use, and exact as a float."""


def plain_number(value: Any) -> Any:
    """Let ``"1e-6"`` be a number (YAML 1.1 reads it as text), and true, 0x10 and 010 be none."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    if isinstance(value, str):
        text = value.strip()
        if len(text) > 100 or not _PLAIN.fullmatch(text):
            raise ValueError(
                f"{_cut(text)!r} is no decimal number (as in 15, 0.5 or 1e-6; no leading zero)"
            )
        return float(text)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError(f"a number beyond {LARGEST_INTEGER:.0e}")
    return value


def plain_integer(value: Any) -> Any:
    """As :func:`plain_number`, for whole numbers: ``5`` and ``5.0``, but not ``5.5``."""
    value = plain_number(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_INTEGER:
        return int(value)
    return value


def plain_coordinate(value: Any) -> Any:
    """A part of a target: ``15.0`` is ``15``, so that either is the same run; a text stays."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return plain_integer(value)
    raise ValueError(f"a number or a text is wanted, not {_cut(repr(value))}")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


Number: TypeAlias = Annotated[
    float, BeforeValidator(plain_number), Field(allow_inf_nan=False), Strict()
]
Integer: TypeAlias = Annotated[int, BeforeValidator(plain_integer), Strict()]
Target: TypeAlias = dict[str, Annotated[float | int | str, BeforeValidator(plain_coordinate)]]


class Settings(BaseModel):
    """A frozen section of a preset. Unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemSettings(Settings, ABC):
    """The ``problem:`` section; one subclass a problem, with its own ``kind``."""

    kind: str
    summary: ClassVar[str] = ""
    """One sentence for ``opro presets`` and the documentation."""
    target_suffix: ClassVar[str] = ""
    """What a table's heading adds to a name in a target: ``_true`` makes ``w_true`` of ``w``."""

    gap: ClassVar[bool] = False
    """Whether what counts is how far the best value is above the optimum, in per cent of it."""

    examples: ClassVar[dict[str, str]] = {}
    """What a right value of a field looks like, for hints."""

    targets: tuple[Target, ...] = Field(min_length=1)
    """One instance each; what a target holds is up to the problem. A problem without targets has
    one that is empty."""

    def located(self, folder: str) -> Self:
        """The settings, knowing the folder of the preset they come from, if that matters."""
        return self

    @abstractmethod
    def build(self, target: Target, repetition: int) -> Problem:
        """The instance of one target in one repetition (counted from 0)."""

    def summary_of_settings(self) -> dict[str, Any]:
        """What makes two problems the same experiment: the settings without the targets."""
        return self.model_dump(mode="json", exclude={"targets"})

    def varies(self) -> bool:
        """Whether repetitions differ in data or starting points."""
        return False

    def seeded(self) -> bool:
        """Whether instances or starting points depend on the seed of the run."""
        return True

    def check(self, repetitions: int) -> None:
        """Build every instance and its starting points, as the runs will.

        Called before anything is started; :meth:`build` alone must do for reading a log.

        Raises:
            Unusable: a starting point is no point of the space.
            UsageError: an instance cannot be built, or not be evaluated here.
        """
        for target in self.targets:
            for repetition in range(repetitions if self.varies() else 1):
                self.build(target, repetition).starts(np.random.default_rng(0))


def label(target: Target) -> str:
    """A target in a few characters, as in ``w=15 b=14``; ``-`` for a problem without one."""
    return " ".join(f"{name}={value}" for name, value in target.items()) or "-"
