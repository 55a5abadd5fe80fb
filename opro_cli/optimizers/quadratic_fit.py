"""A quadratic through all pairs so far, by least squares, and its minimiser as the next point.

On a loss that is quadratic, such as a sum of squares of a linear model, the (d+1)(d+2)/2
coefficients are known after as many points in general position, and the next point is the minimum:
that of the space's own points, which need not be the one nearest to the minimum between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from typing_extensions import override

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Continuous, nearest_point
from opro_cli.core.settings import Number
from opro_cli.optimizers.base import BaselineSettings, BaseOptimizer, Floats, continuous_space
from opro_cli.optimizers.history import KnownValues

LABEL = "quadratic-fit"

HALVINGS = 40
"""Times that the distance of design points is halved before there is nothing left to propose."""

SCALES, PARTS = 8, 17
"""The search through the space's points along the valley: SCALES distances, each half the one
before, and PARTS points on each."""

SINGULAR = 1e-9
"""Singular values below this, relative to the largest, count as 0: the coefficients are not
known."""

CLOSE = 1e-4
"""Design points whose distances differ by less, relative to the largest, are compared exactly."""


class QuadraticFitSettings(BaselineSettings):
    """The ``quadratic-fit:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the minimiser of a quadratic through all pairs so far"
    step_name: ClassVar[str] = "evaluation"
    space: ClassVar[type] = Continuous

    edge: Annotated[Number, Field(gt=0, le=0.5)] = 0.04
    """Distance of design points from the best point, as a fraction of each coordinate's range;
    halved where they are known already."""

    @override
    def build(self, context: OptimizerContext) -> QuadraticFit:
        return QuadraticFit(self, context)

    @override
    def deterministic(self) -> bool:
        return True


class QuadraticFit(BaseOptimizer):
    """Design points while coefficients are missing; then minimiser after minimiser."""

    def __init__(self, settings: QuadraticFitSettings, context: OptimizerContext) -> None:
        super().__init__(context)
        self._settings = settings
        self._cube = continuous_space(context.problem, LABEL)
        self._known = KnownValues(context.problem.text.direction)

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        self._known.add(pairs)

    @override
    async def ask(self, step: int) -> Batch:
        """The fit's minimiser where there is one and it is new, else a design point."""
        center = self._cube.to_unit(self._known.best)
        pairs = self._known.valid()
        # In units of the edge, from the best point: powers of such numbers are of like size.
        places = (
            np.array([self._cube.to_unit(point) for point, _ in pairs]).reshape(-1, len(center))
            - center
        ) / self._settings.edge
        if determined(places):
            fitted = fit(places, np.array([loss for _, loss in pairs]))
            for point in self._least(fitted, center):
                if point not in self._known:
                    return Batch((Proposal(point, "fit"),), in_turn=True)
        designed = self._designed(center, places)
        if designed is None:
            return Batch((), stop="exhausted")
        return Batch((Proposal(designed, "design"),), in_turn=True)

    def _least(self, fitted: Fitted, center: Floats) -> list[Point]:
        """The points where the fit is least: of the space's points, then between them."""
        edge = self._settings.edge
        middle = np.clip(center + fitted.least() * edge, 0.0, 1.0)
        # The best of the space's points lies along the valley rather than nearest to its bottom.
        found: dict[Point, float] = {}
        for vector in np.linalg.eigh(fitted.hessian)[1].T:
            for reach in edge * 0.5 ** np.arange(SCALES):
                for part in np.linspace(-1.0, 1.0, PARTS):
                    unit = np.clip(middle + part * reach * vector, 0.0, 1.0)
                    point = nearest_point(self.space, self._cube.from_unit(unit))
                    if point not in found:
                        found[point] = fitted.at((self._cube.to_unit(point) - center) / edge)
        return [min(found, key=lambda point: found[point]), self._cube.from_unit(middle)]

    def _designed(self, center: Floats, places: Floats) -> Point | None:
        """The new point round the best one that adds most, the farthest such points first."""
        for halving in range(HALVINGS):
            scale = 0.5**halving
            points, offsets = [], []
            for offset in _offsets(len(center)):
                unit = center + scale * self._settings.edge * offset
                if np.any((unit < 0) | (unit > 1)):
                    continue
                point = self._cube.from_unit(unit)
                if point not in self._known:
                    points.append(point)
                    offsets.append(scale * offset)
            if points:
                return points[most_informative(places, np.array(offsets))]
        return None


def _offsets(d: int) -> Iterator[Floats]:
    """The points of a design for all coefficients: ± each coordinate, and ± each two together."""
    unit = np.eye(d)
    for sign in (1.0, -1.0):
        yield from (sign * unit[i] for i in range(d))
        yield from (sign * (unit[i] + unit[j]) for i, j in combinations(range(d), 2))


def features(places: Floats) -> Floats:
    """1, the coordinates, and their products two by two: (n, d) → (n, (d+1)(d+2)/2)."""
    n, d = places.shape
    products = [places[:, i] * places[:, j] for i, j in _products(d)]
    return np.column_stack([np.ones(n), places, *products])


def determined(places: Floats) -> bool:
    """Whether points at these places, (n, d), determine a quadratic."""
    matrix = features(places)
    points, coefficients = matrix.shape
    return bool(points >= coefficients and len(_singular(matrix)) == coefficients)


@dataclass(frozen=True)
class Fitted:
    """A quadratic: constant + gradient · x + x · hessian · x / 2."""

    constant: float
    gradient: Floats
    """Shape (d,)."""
    hessian: Floats
    """Shape (d, d)."""

    def at(self, place: Floats) -> float:
        """Its value at a place, (d,)."""
        return float(self.constant + self.gradient @ place + place @ self.hessian @ place / 2)

    def least(self) -> Floats:
        """The place where it is least, (d,).

        Where it has no minimum, the directions in which it falls without end are taken as if it
        rose as steeply: the step of Y. Dauphin et al. (arXiv 1406.2572).
        """
        eigenvalues, vectors = np.linalg.eigh(self.hessian)
        steepness = np.abs(eigenvalues)
        flat = steepness <= np.finfo(np.float64).eps * max(float(steepness.max()), 1e-300)
        inverse = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, steepness))
        step: Floats = -vectors @ (inverse * (vectors.T @ self.gradient))
        return step


def fit(places: Floats, losses: Floats) -> Fitted:
    """The quadratic nearest to ``losses``, (n,), at ``places``, (n, d), by least squares."""
    d = places.shape[1]
    fitted = np.linalg.lstsq(features(places), losses, rcond=None)[0]
    hessian = np.zeros((d, d))
    for (i, j), value in zip(_products(d), fitted[d + 1 :], strict=True):
        hessian[i, j] += value
        hessian[j, i] += value
    gradient = np.asarray(fitted[1 : d + 1], dtype=np.float64)
    return Fitted(float(fitted[0]), gradient, hessian)


def most_informative(places: Floats, candidates: Floats) -> int:
    """The candidate that, added to the places, determines a quadratic best; of equals, the first.

    Args:
        places: shape (n, d).
        candidates: shape (m, d).
    """
    matrix, added = features(places), features(candidates)
    best, score = 0, -np.inf
    for i in _promising(matrix, added):
        gain = _information(np.vstack([matrix, added[i]]))
        if gain > score:
            best, score = int(i), gain
    return best


def _promising(matrix: Floats, added: Floats) -> Sequence[int]:
    """The rows of ``added`` that can be the most informative: most rows are ruled out.

    A row that is independent of the rows of ``matrix`` multiplies their volume by its distance from
    their span. So one singular value decomposition shows which rows are worth their own.
    """
    everything = range(len(added))
    if not len(matrix) or len(added) < 2:
        return everything
    _, values, vectors = np.linalg.svd(matrix, full_matrices=False)
    distances = np.linalg.norm(added - added @ vectors.T @ vectors, axis=1)
    farthest, longest = distances.max(), np.linalg.norm(added, axis=1).max()
    least = values[-1] * farthest / (2 * longest)  # bounds the singular values with such a row
    if least < 10 * SINGULAR * (values[0] + longest):
        return everything  # some may count as 0
    return [int(i) for i in np.flatnonzero(distances > (1 - CLOSE) * farthest)]


def _products(d: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(d), 2))


def _singular(matrix: Floats) -> Floats:
    """The singular values that are more than rounding."""
    values = np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64)
    kept: Floats = values[values > SINGULAR * values.max(initial=0.0)]
    return kept


def _information(matrix: Floats) -> float:
    """How well points with these features determine a quadratic: rank first, then volume."""
    kept = _singular(matrix)
    return 1e6 * len(kept) + float(np.sum(np.log(kept)))
