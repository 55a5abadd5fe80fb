"""A space of texts, such as instructions: a point is ``(text,)``."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opro_cli.core.events import Point
from opro_cli.core.problem import InvalidSolution

_BLANKS = re.compile(r"[ \t]+")
_LINES = re.compile(r"\n{3,}")


class Texts:
    """Texts of bounded length, normalised so that equal ones look equal.

    Args:
        name: of the text, such as "instruction".
        max_chars: characters at most.
        refuse: raises InvalidSolution for a text that is none of the space for another reason.
    """

    def __init__(
        self, name: str, max_chars: int, refuse: Callable[[str], None] = lambda text: None
    ) -> None:
        self._name, self._max_chars, self._refuse = name, max_chars, refuse

    @property
    def names(self) -> tuple[str, ...]:
        """The name of the text."""
        return (self._name,)

    def render(self, point: Point) -> str:
        """The text as a JSON string, on one line."""
        return json.dumps(point[0], ensure_ascii=False)

    def read(self, text: str) -> Point:
        """Inverse of :meth:`render`; a text that is no JSON string is taken as it stands."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        return self.from_text(value if isinstance(value, str) else text)

    def from_text(self, text: str) -> Point:
        """The normalised text. Raises InvalidSolution."""
        clean = normalise(text)
        if not clean:
            raise InvalidSolution("empty", f"an empty {self._name}")
        if len(clean) > self._max_chars:
            raise InvalidSolution(
                "out_of_range", f"{len(clean)} characters, more than {self._max_chars}"
            )
        self._refuse(clean)
        return (clean,)

    def to_values(self, point: Point) -> Any:
        """``{"instruction": "…"}``."""
        return {self._name: point[0]}

    def from_values(self, values: Mapping[str, Any] | Sequence[Any]) -> Point:
        """Inverse of :meth:`to_values`; an empty text is a point too. Raises InvalidSolution."""
        found = values.get(self._name) if isinstance(values, Mapping) else next(iter(values), None)
        if not isinstance(found, str):
            raise InvalidSolution("unparsable", f"no text {self._name}")
        return self.from_text(found) if normalise(found) else ("",)

    def schema(self) -> dict[str, Any]:
        """An object with the text."""
        return {
            "type": "object",
            "properties": {self._name: {"type": "string"}},
            "required": [self._name],
        }

    def describe(self) -> str:
        """The bound in words."""
        return f"the {self._name} has at most {self._max_chars} characters"


def normalise(text: str) -> str:
    """Composed characters, no control characters, single blanks, no blanks at the ends."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
    lines = (_BLANKS.sub(" ", line).strip() for line in kept.split("\n"))
    return _LINES.sub("\n\n", "\n".join(lines)).strip()
