"""Points as rows of bare values: ``15 14``."""

from __future__ import annotations

from collections.abc import Sequence

from opro_cli.problems.base import Point, Unusable
from opro_cli.problems.coordinate import Coordinate


class Row:
    """The values of named coordinates with spaces between, begun with any of them.

    Args:
        coordinates: in the order of a point.
        turn: the one that comes first, modulo their number; the others follow, and go round.
    """

    lead = ""

    def __init__(self, coordinates: Sequence[Coordinate], turn: int = 0) -> None:
        count = len(coordinates)
        self._order = [(turn + i) % count for i in range(count)]
        self._written = [coordinates[i] for i in self._order]

    @property
    def max_chars(self) -> int:
        """Length of the longest rendered point."""
        return sum(c.max_chars + 1 for c in self._written) - 1

    def render(self, point: Point) -> str:
        """One line, such as ``15 14``."""
        pairs = zip(self._written, self._order, strict=True)
        return " ".join(c.render(point[i]) for c, i in pairs)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`, the number of spaces apart. Raises Unusable."""
        words = text.split()
        if len(words) != len(self._written):
            raise Unusable("unparsable", f"not {len(self._written)} values with spaces between")
        values = zip(self._order, self._written, words, strict=True)
        found = {i: c.parse(word) for i, c, word in values}
        return tuple(found[i] for i in sorted(found))

    def grammar(self) -> str:
        """GBNF of a rendered point."""
        return ' " " '.join(c.grammar() for c in self._written)
