"""A coordinate whose values are names or other words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

from opro_cli.core.problem import InvalidSolution

Choice: TypeAlias = StrictBool | StrictInt | StrictFloat | StrictStr | None

WORD = re.compile(r"[A-Za-z0-9_.+-]{1,40}")
"""The text of a choice."""


@dataclass(frozen=True)
class Choices:
    """One of a few values, each written as a word: ``rbf``, ``16``, ``true``."""

    name: str
    choices: tuple[Choice, ...]

    @property
    def max_chars(self) -> int:
        """Length of the longest choice."""
        return max(len(choice_text(choice)) for choice in self.choices)

    def render(self, value: Choice) -> str:
        """The choice as a word."""
        return choice_text(value)

    def parse(self, value: Any) -> Choice:
        """The choice that equals this value, or is written like it. Raises InvalidSolution."""
        text = value.strip() if isinstance(value, str) else choice_text(value)
        for same in (str.__eq__, _alike):
            for choice in self.choices:
                if same(choice_text(choice), text):
                    return choice
        raise InvalidSolution("out_of_range", f"{self.name} is none of {self._listed()}")

    def nearest(self, value: Choice) -> Choice:
        """The choice itself: names have no distance."""
        return value

    def sample(self, rng: np.random.Generator) -> Choice:
        """Any choice, all equally likely."""
        return self.choices[int(rng.integers(len(self.choices)))]

    def neighbor(self, value: Choice, rng: np.random.Generator) -> Choice:
        """Any other choice: names have no distance."""
        others = [choice for choice in self.choices if choice is not value]
        return others[int(rng.integers(len(others)))] if others else value

    def to_unit(self, value: Choice) -> float:
        """The middle of the choice's part of the interval."""
        texts = [choice_text(choice) for choice in self.choices]
        return (texts.index(choice_text(value)) + 0.5) / len(texts)

    def from_unit(self, unit: float) -> Choice:
        """The choice whose part of the interval this is."""
        last = len(self.choices) - 1
        return self.choices[min(max(int(unit * len(self.choices)), 0), last)]

    def schema(self) -> dict[str, Any]:
        """JSON schema of the choice."""
        return {"enum": list(self.choices)}

    def grammar(self) -> str:
        """GBNF of the word."""
        return "(" + " | ".join(f'"{choice_text(choice)}"' for choice in self.choices) + ")"

    def describe(self) -> str:
        """The choices in words."""
        return f"{self.name} is one of {self._listed()}"

    def _listed(self) -> str:
        return ", ".join(choice_text(choice) for choice in self.choices)


def _alike(choice: str, text: str) -> bool:
    """Whether a text means a number, or true, false or null: 16.0 is 16, True is true."""
    if choice in ("true", "false", "null"):
        return {"none": "null"}.get(text.lower(), text.lower()) == choice
    try:
        return float(choice) == float(text)
    except ValueError:
        return False


def choice_text(value: Any) -> str:
    """A choice as JSON and YAML write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
