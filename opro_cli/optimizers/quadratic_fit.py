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

from opro_cli.events import Point, Scored
from opro_cli.optimizers.base import Asked, Proposal, Task
from opro_cli.optimizers.baseline import BaselineSettings, Floats, Known, cube
from opro_cli.problems.base import Number

LABEL = "quadratic-fit"
HALVINGS = 40
"""How often the distance of design points is halved before there is nothing left to propose."""
SCALES, PARTS = 8, 17
"""How finely the space's points along the valley are looked through: so many reaches, each half
the one before, in so many parts."""
SINGULAR = 1e-9
"""Singular values below this, relative to the largest, are none: the coefficients are not known."""


class QuadraticFitSettings(BaselineSettings):
    """The ``quadratic-fit:`` section."""

    name: ClassVar[str] = LABEL
    summary: ClassVar[str] = "the minimiser of a quadratic through all pairs so far"
    step_name: ClassVar[str] = "evaluation"

    edge: Annotated[Number, Field(gt=0, le=0.5)] = 0.04
    """Distance of design points from the best point, as a fraction of each coordinate's range;
    halved where they are known already."""

    def build(self, task: Task) -> QuadraticFit:
        """The fit on this problem. Raises UsageError where points are no numbers."""
        return QuadraticFit(self, task)

    def deterministic(self) -> bool:
        """Nothing is drawn at random."""
        return True


class QuadraticFit:
    """Design points while coefficients are missing; then minimiser after minimiser."""

    def __init__(self, settings: QuadraticFitSettings, task: Task) -> None:
        self._settings = settings
        self._problem = task.problem
        self._randomness = task.randomness
        self._space = cube(task, LABEL)
        self._known = Known(task.problem.wording.direction)

    def starts(self) -> list[Point]:
        """The problem's starting points."""
        return self._problem.starts(self._randomness.generator(0, "starts"))

    def tell(self, pairs: Sequence[Scored]) -> None:
        """Learn the values."""
        self._known.add(pairs)

    async def ask(self, step: int) -> Asked:
        """The fit's minimiser where there is one and it is new, else a design point."""
        center = self._space.to_unit(self._known.ranked()[0])
        pairs = self._known.valid()
        # In units of the edge, from the best point: powers of such numbers are of like size.
        places = (
            np.array([self._space.to_unit(point) for point, _ in pairs]).reshape(-1, len(center))
            - center
        ) / self._settings.edge
        if determined(places):
            fitted = fit(places, np.array([loss for _, loss in pairs]))
            for point in self._least(fitted, center):
                if point not in self._known:
                    return Asked((Proposal(point, "fit"),), in_turn=True)
        designed = self._designed(center, places)
        if designed is None:
            return Asked((), stop="exhausted")
        return Asked((Proposal(designed, "design"),), in_turn=True)

    def _least(self, fitted: Fitted, center: Floats) -> list[Point]:
        """Where the fit is least: of the space's points, then between them."""
        edge, space = self._settings.edge, self._problem.space
        middle = np.clip(center + fitted.least() * edge, 0.0, 1.0)
        # The best of the space's points lies along the valley rather than nearest to its bottom.
        found: dict[Point, float] = {}
        for vector in np.linalg.eigh(fitted.hessian)[1].T:
            for reach in edge * 0.5 ** np.arange(SCALES):
                for part in np.linspace(-1.0, 1.0, PARTS):
                    unit = np.clip(middle + part * reach * vector, 0.0, 1.0)
                    point = space.nearest(self._space.from_unit(unit))
                    if point not in found:
                        found[point] = fitted.at((self._space.to_unit(point) - center) / edge)
        return [min(found, key=lambda point: found[point]), self._space.from_unit(middle)]

    def _designed(self, center: Floats, places: Floats) -> Point | None:
        """The new point round the best one that tells most, the farthest such points first."""
        for halving in range(HALVINGS):
            scale = 0.5**halving
            best, score = None, -np.inf
            for offset in _offsets(len(center)):
                unit = center + scale * self._settings.edge * offset
                if np.any((unit < 0) | (unit > 1)):
                    continue
                point = self._space.from_unit(unit)
                if point in self._known:
                    continue
                gain = _information(np.vstack([places, scale * offset]))
                if gain > score:
                    best, score = point, gain
            if best is not None:
                return best
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
    return bool(len(_singular(matrix)) == matrix.shape[1])


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
        """Where it is least, (d,).

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


def _products(d: int) -> list[tuple[int, int]]:
    return list(combinations_with_replacement(range(d), 2))


def _singular(matrix: Floats) -> Floats:
    """The singular values that are more than rounding."""
    values = np.asarray(np.linalg.svd(matrix, compute_uv=False), dtype=np.float64)
    kept: Floats = values[values > SINGULAR * values.max(initial=0.0)]
    return kept


def _information(places: Floats) -> float:
    """How well points at these places determine a quadratic: rank first, then volume."""
    kept = _singular(features(places))
    return 1e6 * len(kept) + float(np.sum(np.log(kept)))
