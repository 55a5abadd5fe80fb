"""Reads the text of a TSPLIB file (G. Reinelt, ORSA Journal on Computing 3, 1991).

Symmetric instances are read: coordinates with the distances EUC_2D, CEIL_2D, ATT and GEO, and
explicit distances in any of the formats of a matrix or of a triangle.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from opro_cli.problems.tsp.instance import Distance, Floats

KINDS = tuple(kind for kind in get_args(Distance) if kind != "plane")

COORDINATES, DISPLAY = "NODE_COORD_SECTION", "DISPLAY_DATA_SECTION"
WEIGHTS = "EDGE_WEIGHT_SECTION"

MOST = 1000
"""Cities of an explicit matrix that is read, at most."""

_SECTION = re.compile(r"^\s*([A-Z_]+_SECTION)\s*:?\s*$", re.MULTILINE)


def instance_in(text: str) -> dict[str, Any]:
    """The settings in the text of a file: coordinates and distance, or distances.

    Raises ValueError where the file is of another form, or damaged.
    """
    head, *rest = _SECTION.split(text)
    keys = _keys(head)
    kind = keys.get("TYPE", "TSP").split(" ")[0]
    if kind != "TSP":
        raise ValueError(f"it is of the type {kind[:20]}, and symmetric ones (TSP) are read")
    sections = {name: _rows(body) for name, body in zip(rest[::2], rest[1::2], strict=True)}
    weights = keys.get("EDGE_WEIGHT_TYPE", "EUC_2D")
    if weights == "EXPLICIT":
        if WEIGHTS not in sections:
            raise ValueError(f"it has no {WEIGHTS}")
        numbers = [number for row in sections[WEIGHTS] for number in row]
        found: dict[str, Any] = {"distances": _matrix(numbers, keys).tolist()}
        shown = sections.get(DISPLAY) or sections.get(COORDINATES)
        return {**found, "coordinates": _points(shown)} if shown else found
    if weights not in KINDS:
        known = ", ".join([*KINDS, "EXPLICIT"])
        raise ValueError(f"its distances are {weights[:20]}, and known here are {known}")
    if COORDINATES not in sections:
        raise ValueError(f"it has no {COORDINATES}")
    return {"coordinates": _points(sections[COORDINATES]), "distance": weights}


def _keys(head: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in head.splitlines())
    return {key.strip().upper(): value.strip().upper() for key, _, value in pairs}


def _rows(body: str) -> list[list[float]]:
    """The numbers of a section, line by line, up to its end. Raises ValueError."""
    rows = []
    for line in body.splitlines():
        words = line.split()
        if words and words[0].upper() == "EOF":
            break
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            raise ValueError(f"{line.strip()[:60]!r} is no line of numbers") from None
        if not all(map(math.isfinite, row)):
            raise ValueError(f"{line.strip()[:60]!r} has a number that is not finite")
        rows.append(row)
    return rows


def _points(rows: list[list[float]]) -> list[tuple[float, float]]:
    for row in rows:
        if len(row) != 3:
            said = " ".join(f"{number:g}" for number in row)[:60]
            raise ValueError(f"{said!r} is no number of a city with two coordinates")
    return [(x, y) for _, x, y in rows]


def _matrix(numbers: list[float], keys: Mapping[str, str]) -> Floats:
    """The symmetric distances, shape (n, n). Raises ValueError."""
    form = keys.get("EDGE_WEIGHT_FORMAT", "FULL_MATRIX")
    size = keys.get("DIMENSION", "")
    if not (size.isascii() and size.isdigit() and 0 < int(size) <= MOST):
        raise ValueError(f"its DIMENSION is {size[:20]!r}, not a number up to {MOST}")
    n = int(size)
    distances = np.zeros((n, n))
    if form == "FULL_MATRIX":
        places = np.indices((n, n)).reshape(2, -1)
    else:
        # Of a symmetric matrix, the columns of one triangle are the rows of the other.
        lower = form in ("LOWER_ROW", "LOWER_DIAG_ROW", "UPPER_COL", "UPPER_DIAG_COL")
        upper = form in ("UPPER_ROW", "UPPER_DIAG_ROW", "LOWER_COL", "LOWER_DIAG_COL")
        if not (lower or upper):
            raise ValueError(f"its EDGE_WEIGHT_FORMAT is {form[:20]}, which is not known here")
        beside = 0 if "DIAG" in form else 1
        places = np.array(np.tril_indices(n, -beside) if lower else np.triu_indices(n, beside))
    if len(numbers) != places.shape[1]:
        raise ValueError(f"it has {len(numbers)} distances, and {form} takes {places.shape[1]}")
    distances[places[0], places[1]] = numbers
    if form == "FULL_MATRIX":
        return distances
    return np.asarray(np.maximum(distances, distances.T))
