"""What a generated data set is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from opro_cli.core.errors import UsageError
from opro_cli.core.text import clean
from opro_cli.problems.instructions.data import DataSet, Example, made

T = TypeVar("T")

MOST = 100_000
"""Examples that are made at most."""

MOST_MISSES = 200
"""Draws in a row that give no new question, until the questions are held to be used up."""


@dataclass(frozen=True)
class Generator:
    """A data set that is made by code.

    Args:
        draw: one question with its answer, from a random generator.
        metric: the name of the metric that grades replies.
        max_output_tokens: enough for an answer, and too few for an essay.
        description: what the optimizer is told of the task; it does not give the answer away.
        models: for which models the task is, as a sentence.
        labels: the labels, for the metric ``label``.
    """

    draw: Callable[[np.random.Generator], tuple[str, str]]
    metric: str
    max_output_tokens: int
    description: str
    models: str
    labels: tuple[str, ...] = ()

    def __call__(self, rng: np.random.Generator, count: int) -> list[Example]:
        """So many examples, with different questions. Raises UsageError."""
        if not 1 <= count <= MOST:
            raise UsageError(f"size: from 1 to {MOST:,} examples can be generated, not {count:,}.")
        found: dict[str, str] = {}
        misses = 0
        while len(found) < count:
            question, target = self.draw(rng)
            misses = misses + 1 if question in found else 0
            found.setdefault(question, target)
            if misses == MOST_MISSES:
                raise UsageError(
                    f"size: only {len(found):,} different questions were found, not {count:,}.",
                    "lower the size",
                )
        return [Example(i, question, target) for i, (question, target) in enumerate(found.items())]


def generate(generator: Generator, seed: int, count: int) -> DataSet:
    """The data set of a seed. Raises UsageError for a negative seed, or too large a count.

    NumPy may change the numbers of its generators, so what is recorded is the digest.
    """
    if seed < 0:
        raise UsageError(f"seed: {clean(str(seed), 40)} is below 0.")
    return made(generator(np.random.default_rng(seed), count))


def pick(rng: np.random.Generator, things: Sequence[T]) -> T:
    """One of these, uniformly."""
    return things[int(rng.integers(len(things)))]


def sample(rng: np.random.Generator, things: Sequence[T], count: int) -> list[T]:
    """Different ones of these, in random order."""
    return [things[int(i)] for i in rng.permutation(len(things))[:count]]


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()
