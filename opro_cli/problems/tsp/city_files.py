"""Reads cities of one's own from a file: TSPLIB, CSV, TSV or JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opro_cli.core.errors import PresetError
from opro_cli.core.text import clean
from opro_cli.problems.tsp.tsplib import instance_in

MAX_BYTES = 1_000_000

HINT = (
    "a TSPLIB file, as in `cities: berlin52.tsp`, or CSV or JSON with x and y of each city; or "
    "`coordinates: [[0, 0], [0, 9], …]` in the preset"
)

AXES = (("x", "y"), ("lon", "lat"), ("lng", "lat"), ("longitude", "latitude"))
"""Names of the two coordinates in a table with names."""


def find_cities(name: str, folder: str) -> str:
    """The path of a file, in a folder or else in the current one; empty where there is none."""
    try:
        here = Path(name).expanduser()
    except RuntimeError:  # ~nobody
        here = Path(name)
    for path in (Path(folder) / name, here):
        try:
            if path.is_file():
                return str(path)
        except OSError:  # a name that is too long
            continue
    return ""


def read_cities(name: str, folder: str) -> dict[str, Any]:
    """The settings in a file: ``coordinates``, ``distance``, ``distances``. Raises PresetError.

    Args:
        name: the file's.
        folder: where it is looked for first; then in the current one.
    """
    path, shown = find_cities(name, folder), clean(name, 200)
    if not path:
        raise PresetError(f"problem.cities: there is no file {shown} in {folder or '.'}.", HINT)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES:,} bytes")
        return cities_in(data.decode("utf-8-sig", "replace"), Path(path).suffix.lower())
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise PresetError(
            f"problem.cities: {shown} cannot be read: {clean(str(why))}.", HINT
        ) from None


def cities_in(text: str, ending: str) -> dict[str, Any]:
    """The settings in the text of a file whose name ends in this way. Raises ValueError."""
    if ending == ".json":
        return {"coordinates": list(_in_json(json.loads(text)))}
    if ending in (".csv", ".tsv"):
        return {"coordinates": list(_in_table(text, "," if ending == ".csv" else "\t"))}
    return instance_in(text)


def _in_json(value: Any) -> Iterator[tuple[float, float]]:
    """A list of ``[x, y]`` or ``{"x": …, "y": …}``."""
    if not isinstance(value, list):
        raise ValueError("a list of cities is wanted, as in [[0, 0], [0, 9]]")
    for number, city in enumerate(value):
        found = city
        if isinstance(city, dict):
            lower = {str(key).lower(): item for key, item in city.items()}
            found = [lower[name] for name in _axes(list(lower)) if name in lower]
        if not isinstance(found, list) or len(found) != 2:
            raise ValueError(f"city {number} has no x and y")
        yield _pair(found, f"city {number}")


def _in_table(text: str, separator: str) -> Iterator[tuple[float, float]]:
    """Rows of x and y; with a header, its columns of these names."""
    rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(row)]
    columns: list[int] = []
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row]
        if number == 0 and not any(map(_is_number, cells)):
            names = [cell.lower() for cell in cells]
            columns = [names.index(name) for name in _axes(names) if name in names]
            if len(columns) != 2:
                raise ValueError(f"its columns are {', '.join(names)}; x and y are wanted")
            continue
        columns = columns or [i for i, cell in enumerate(cells) if _is_number(cell)][-2:]
        if len(columns) != 2 or max(columns) >= len(cells):
            raise ValueError(f"line {number + 1} has no x and y")
        yield _pair([cells[i] for i in columns], f"line {number + 1}")


def _axes(names: list[str]) -> tuple[str, str]:
    return next((pair for pair in AXES if set(pair) <= set(names)), AXES[0])


def _pair(values: list[Any], where: str) -> tuple[float, float]:
    if any(isinstance(value, bool) or not _is_number(value) for value in values):
        raise ValueError(f"{where}: x and y should be numbers")
    return float(values[0]), float(values[1])


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
