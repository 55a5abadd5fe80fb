"""Reads the cities of a TSPLIB file (G. Reinelt, ORSA Journal on Computing 3, 1991).

Of the ways to state distances, EUC_2D is read: points on a plane, whose distances are rounded to
whole numbers.
"""

from __future__ import annotations

import math
from pathlib import Path

from opro_cli.core.errors import PresetError

MAX_BYTES = 1_000_000

SECTION = "NODE_COORD_SECTION"

HINT = (
    "as in `tsplib: berlin52.tsp`, a file beside the preset, or `coordinates: [[0, 0], [0, 9], …]`"
)


def read_cities(name: str, folder: str) -> list[tuple[float, float]]:
    """The coordinates in a file, in its order. Raises PresetError.

    Args:
        name: the file's.
        folder: where it is looked for first; then in the current one.
    """
    try:
        here = Path(name).expanduser()
    except RuntimeError:  # ~nobody
        here = Path(name)
    path = next((p for p in (Path(folder) / name, here) if p.is_file()), None)
    if path is None:
        raise PresetError(f"problem.tsplib: there is no file {name} in {folder or '.'}.", HINT)
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return cities(file.read(MAX_BYTES))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PresetError(f"problem.tsplib: {name} cannot be read: {why}.", HINT) from None


def cities(text: str) -> list[tuple[float, float]]:
    """The coordinates in the text of a file. Raises ValueError."""
    head, found, rest = text.partition(SECTION)
    for line in head.splitlines():
        key, _, value = (part.strip().upper() for part in line.partition(":"))
        if key == "EDGE_WEIGHT_TYPE" and value != "EUC_2D":
            raise ValueError(f"its distances are {value}, and only EUC_2D is known here")
    if not found:
        raise ValueError(f"it has no {SECTION}")
    points = []
    for line in rest.splitlines():
        words = line.split()
        if not words:
            continue
        if not _number(words[0]):  # EOF, or another section
            break
        if len(words) != 3 or not all(map(_number, words)):
            raise ValueError(f"{line.strip()[:60]!r} is no number of a city with two coordinates")
        points.append((float(words[1]), float(words[2])))
    return points


def _number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
