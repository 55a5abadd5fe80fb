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
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, Limits, OptimizerContext, Proposal
from opro_cli.core.problem import Problem
from opro_cli.core.seeds import Randomness
from opro_cli.core.settings import Integer, Number
from opro_cli.optimizers.base import BaseOptimizer, Floats, OptimizerSettings

FIRST_BLOCK, LAST_BLOCK, GROWTH = 1, 32768, 2.0
"""Iterations between two recorded points: few at first, where the curve bends, then many."""

DIVERGED = 1e12
"""A descent whose loss grows to this many times the first one does not recover."""


@runtime_checkable
class Differentiable(Protocol):
    """What gradient descent needs of a problem, beyond :class:`opro_cli.core.problem.Problem`."""

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


class GradientDescentSettings(OptimizerSettings):
    """The ``sgd:`` section."""

    name: ClassVar[str] = "sgd"
    headline: ClassVar[frozenset[str]] = frozenset({"learning_rate", "tolerance"})
    summary: ClassVar[str] = "gradient descent on the data (full batch, or mini-batches)"
    reports_every_point: ClassVar[bool] = False
    step_name: ClassVar[str] = "iteration"
    information: ClassVar[str] = "data and gradients"
    solved_by: ClassVar[str] = "a loss within its tolerance of the target's"
    column: ClassVar[str] = "SGD steps"

    learning_rate: Annotated[Number, Field(gt=0)] = 1e-6
    """The size of a step."""
    tolerance: Annotated[Number, Field(gt=0)] = 0.1
    """Converged when |loss − loss at the target| is at most this."""
    batch_size: Annotated[Integer, Field(ge=1)] | None = None
    """Data points a gradient; None for all of them."""
    max_iterations: Annotated[Integer, Field(ge=1)] = 1_000_000
    """Iterations, at most."""

    @override
    def check_space(self, problem: Problem) -> None:
        differentiable(problem)

    @override
    def build(self, context: OptimizerContext) -> GradientDescent:
        problem = differentiable(context.problem)
        if self.batch_size is not None and self.batch_size > problem.num_rows:
            raise UsageError(
                f"sgd.batch_size is {self.batch_size}, but there are only "
                f"{problem.num_rows} data points.",
                "leave it out for the full batch",
            )
        return GradientDescent(self, context, problem)

    @override
    def limits(self, limits: Limits) -> Limits:
        """Its own number of iterations, and no patience: every iteration improves a little."""
        return Limits(max_steps=self.max_iterations, patience=None)

    @override
    def deterministic(self) -> bool:
        return self.batch_size is None


def differentiable(problem: Problem) -> Differentiable:
    """The problem with its gradient. Raises UsageError where it has none, or no known optimum."""
    if not isinstance(problem, Differentiable) or problem.optimum is None:
        raise UsageError(
            "Gradient descent needs a problem with a gradient and a known optimum.",
            "choose another optimizer, or leave sgd out of the baselines",
        )
    return problem


class GradientDescent(BaseOptimizer):
    """Gradient descent from one starting point, reported at some of its iterations."""

    reports_every_point = False

    def __init__(
        self, settings: GradientDescentSettings, context: OptimizerContext, problem: Differentiable
    ) -> None:
        super().__init__(context)
        self._settings = settings
        self._problem = problem
        self._report_at = context.report_at
        self._start = problem.starts(self.randomness.generator(0, "starts"), 1)[0]
        self._blocks = self._run()

    @override
    def starts(self) -> list[Point]:
        """One starting point: the first that the start seeds give."""
        return [self._start]

    @override
    async def ask(self, step: int) -> Batch:
        """Descend for a block of iterations; the last iterate is the proposal."""
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is a result
            return next(self._blocks)

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """Do nothing: gradient descent follows the gradient."""

    def _run(self) -> Iterator[Batch]:
        settings, problem = self._settings, self._problem
        goal = problem.optimum
        first = problem.evaluate(self._start)
        if goal is None:
            return
        if abs(first - goal) <= settings.tolerance:
            yield Batch((Proposal(self._start, "gradient"),), steps=0, stop="converged")
            return
        if settings.batch_size is None and isinstance(problem, Quadratic):
            iterates: _Iterates = _ClosedForm(settings, problem, self._start)
        else:
            iterates = _OneByOne(settings, problem, self._start, self.randomness)
        left = settings.max_iterations
        for block in block_sizes(self._report_at):
            losses, last = iterates.advance(min(block, left))
            made, stop = len(losses), None
            within = np.abs(losses - goal) <= settings.tolerance
            diverged = ~(losses <= DIVERGED * max(abs(first), 1.0))
            ended = np.flatnonzero(within | diverged)
            if ended.size:
                made = int(ended[0]) + 1
                stop = "converged" if within[ended[0]] else "diverged"
            elif made == left:
                stop = "max_iterations"
            left -= made
            point = tuple(float(v) for v in last(made))
            finite = all(map(math.isfinite, point))  # else it has overflowed
            proposals = (Proposal(point, "gradient"),) if finite else ()
            yield Batch(proposals, steps=made, evaluations=made, stop=stop)


def block_sizes(report_at: Sequence[int] = ()) -> Iterator[int]:
    """Iterations between two reports: those of a recording, then ever more."""
    at, block = 0, float(FIRST_BLOCK)
    for step in report_at:
        if step > at:
            yield step - at
            at, block = step, min(block * GROWTH + 1, LAST_BLOCK)
    while True:
        yield int(block)
        block = min(block * GROWTH + 1, LAST_BLOCK)


class _Iterates(Protocol):
    def advance(self, count: int) -> tuple[Floats, _At]:
        """Losses of the next ``count`` iterates, and a function giving the i-th, from 1."""


class _At(Protocol):
    def __call__(self, i: int, /) -> Floats: ...


class _ClosedForm:
    """Blocks of full-batch iterates on a quadratic loss, by the eigenvalues of its Hessian."""

    def __init__(self, settings: GradientDescentSettings, problem: Quadratic, start: Point) -> None:
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
        settings: GradientDescentSettings,
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
