"""Gradient descent, full batch or mini-batch: the baseline that sees data and gradients.

The gradient is that of **half** the sum of squared errors. A run has converged at the first
iteration whose loss is within ``tolerance`` of the loss at the target.

For a full batch on a quadratic loss every iterate has a closed form. With H = Q Λ Qᵀ and the
least-squares solution p*, iterate t is p* + Q (1 − ηΛ)^t Qᵀ (p₀ − p*), so a block of iterates is
one array operation: the same iterations, counted one by one, without a Python loop over them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from opro_cli.errors import UsageError
from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Limits, OptimizerSettings, Proposal, Task
from opro_cli.problems.base import Integer, Number
from opro_cli.randomness import Randomness

Floats = NDArray[np.float64]

FIRST_BLOCK, LAST_BLOCK, GROWTH = 1, 32768, 2.0
"""Iterations between two recorded points: few at first, where the curve bends, then many."""
DIVERGED = 1e12
"""A loss this many times the first one is never coming back."""


@runtime_checkable
class Differentiable(Protocol):
    """What gradient descent asks of a problem, beyond :class:`~opro_cli.problems.Problem`."""

    @property
    def optimum(self) -> float | None:
        """The loss at the target."""

    @property
    def num_rows(self) -> int:
        """Number of data points."""

    def starts(self, rng: np.random.Generator, count: int | None = None) -> list[Point]:
        """``count`` starting points."""

    def evaluate(self, point: Point) -> float:
        """The loss."""

    def gradient(self, point: Floats, rows: NDArray[np.intp] | slice = ...) -> Floats:
        """Gradient of half the loss over some rows of the data."""


@runtime_checkable
class Quadratic(Differentiable, Protocol):
    """A problem whose loss is quadratic in the point."""

    def hessian(self) -> Floats:
        """Second derivative of half the loss, shape (d, d)."""


class SgdSettings(OptimizerSettings):
    """The ``sgd:`` section."""

    name: ClassVar[str] = "sgd"
    told: ClassVar[frozenset[str]] = frozenset({"learning_rate", "tolerance"})
    summary: ClassVar[str] = "gradient descent on the data (full batch, or mini-batches)"
    proposes: ClassVar[bool] = False
    step_name: ClassVar[str] = "iteration"
    sees: ClassVar[str] = "data and gradients"
    column: ClassVar[str] = "SGD count"

    learning_rate: Annotated[Number, Field(gt=0)] = 1e-6
    tolerance: Annotated[Number, Field(gt=0)] = 0.1
    """Converged when |loss − loss at the target| is at most this."""
    batch_size: Annotated[Integer, Field(ge=1)] | None = None
    """Data points a gradient; None for all of them."""
    max_iterations: Annotated[Integer, Field(ge=1)] = 1_000_000

    def build(self, task: Task) -> Sgd:
        """Gradient descent on this problem. Raises UsageError where it has no gradient."""
        problem = task.problem
        if not isinstance(problem, Differentiable) or problem.optimum is None:
            raise UsageError(
                "Gradient descent needs a problem with a gradient and a known optimum.",
                "leave sgd out of the preset's baselines",
            )
        if self.batch_size is not None and self.batch_size > problem.num_rows:
            raise UsageError(
                f"sgd.batch_size is {self.batch_size}, but there are only "
                f"{problem.num_rows} data points.",
                "leave it out for the full batch",
            )
        return Sgd(self, problem, task.randomness)

    def limits(self, limits: Limits) -> Limits:
        """Its own number of iterations, and no patience: every iteration improves a little."""
        return Limits(max_steps=self.max_iterations, patience=None)

    def deterministic(self) -> bool:
        """A full batch has no randomness."""
        return self.batch_size is None


class Sgd:
    """Gradient descent from one starting point, reported at thinned iterations."""

    def __init__(
        self, settings: SgdSettings, problem: Differentiable, randomness: Randomness
    ) -> None:
        self._settings = settings
        self._problem = problem
        self._randomness = randomness
        self._start = problem.starts(randomness.generator(0, "starts"), 1)[0]
        self._blocks = self._run()

    def starts(self) -> list[Point]:
        """One starting point: the first that the start seeds give."""
        return [self._start]

    async def ask(self, step: int) -> Asked:
        """Descend for a block of iterations; the last iterate is the proposal."""
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is a result
            return next(self._blocks)

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Nothing to learn: gradient descent follows the gradient."""

    def _run(self) -> Iterator[Asked]:
        settings, problem = self._settings, self._problem
        goal = problem.optimum
        first = problem.evaluate(self._start)
        if goal is None:
            return
        if abs(first - goal) <= settings.tolerance:
            yield Asked((Proposal(self._start, "gradient"),), steps=0, stop="converged")
            return
        if settings.batch_size is None and isinstance(problem, Quadratic):
            iterates: _Iterates = _ClosedForm(settings, problem, self._start)
        else:
            iterates = _OneByOne(settings, problem, self._start, self._randomness)
        left, block = settings.max_iterations, float(FIRST_BLOCK)
        while True:
            losses, last = iterates.advance(min(int(block), left))
            made, stop = len(losses), None
            within = np.abs(losses - goal) <= settings.tolerance
            gone = ~(losses <= DIVERGED * max(abs(first), 1.0))
            ended = np.flatnonzero(within | gone)
            if ended.size:
                made = int(ended[0]) + 1
                stop = "converged" if within[ended[0]] else "diverged"
            elif made == left:
                stop = "max_iterations"
            left -= made
            block = min(block * GROWTH + 1, LAST_BLOCK)
            point = tuple(float(v) for v in last(made))
            reached = all(map(math.isfinite, point))  # else it overflowed on the way
            proposals = (Proposal(point, "gradient"),) if reached else ()
            yield Asked(proposals, steps=made, evaluations=made, stop=stop)


class _Iterates(Protocol):
    def advance(self, count: int) -> tuple[Floats, _At]:
        """Losses of the next ``count`` iterates, and a function giving the i-th, from 1."""


class _At(Protocol):
    def __call__(self, i: int, /) -> Floats: ...


class _ClosedForm:
    """Blocks of full-batch iterates on a quadratic loss, by the eigenvalues of its Hessian."""

    def __init__(self, settings: SgdSettings, problem: Quadratic, start: Point) -> None:
        hessian, p0 = problem.hessian(), np.array(start, dtype=np.float64)
        eigenvalues, self._vectors = np.linalg.eigh(hessian)
        newton = np.linalg.lstsq(hessian, problem.gradient(p0), rcond=None)[0]
        self._solution = p0 - newton
        self._floor = problem.evaluate(tuple(self._solution))
        self._error = self._vectors.T @ newton
        self._shrink = 1 - settings.learning_rate * eigenvalues
        self._eigenvalues = eigenvalues

    def advance(self, count: int) -> tuple[Floats, _At]:
        powers = self._shrink ** np.arange(1, count + 1)[:, np.newaxis]
        errors = self._error * powers
        losses = self._floor + errors**2 @ self._eigenvalues
        self._error = errors[-1]
        return losses, lambda i: self._solution + self._vectors @ errors[i - 1]


class _OneByOne:
    """Iterate after iterate, each on its own rows of the data."""

    def __init__(
        self,
        settings: SgdSettings,
        problem: Differentiable,
        start: Point,
        randomness: Randomness,
    ) -> None:
        self._settings = settings
        self._problem = problem
        self._point = np.array(start, dtype=np.float64)
        self._batches = self._epochs(randomness)

    def _epochs(self, randomness: Randomness) -> Iterator[NDArray[np.intp] | slice]:
        """Rows of one iteration after the other: each epoch a new permutation, cut to batches."""
        size, epoch = self._settings.batch_size, 0
        while True:
            if size is None:
                yield slice(None)
                continue
            rows = randomness.generator(epoch, "batches").permutation(self._problem.num_rows)
            yield from (rows[i : i + size] for i in range(0, len(rows), size))
            epoch += 1

    def advance(self, count: int) -> tuple[Floats, _At]:
        points, losses = np.empty((count, len(self._point))), np.empty(count)
        for i in range(count):
            gradient = self._problem.gradient(self._point, next(self._batches))
            self._point = self._point - self._settings.learning_rate * gradient
            points[i] = self._point
            losses[i] = self._problem.evaluate(tuple(self._point))
        return losses, lambda i: points[i - 1]
