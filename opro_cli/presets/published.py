"""Published results in a preset, which reports show next to ours."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field

from opro_cli.core.settings import Integer, Number, Settings
from opro_cli.optimizers import DEFAULT
from opro_cli.problems.settings import Target

Percent: TypeAlias = Annotated[Number, Field(ge=0, le=100)]


class Stat(Settings):
    """A published mean, with its standard deviation where one was given."""

    mean: Number
    std: Number | None = None


class PublishedRow(Settings):
    """What was published for one target. ``steps: null`` says that it was not solved."""

    target: Target
    """The target that they are for."""
    steps: Stat | None = None
    """Steps to the solution: mean and std."""
    recorded_pairs: Stat | None = None
    """Points with repeats: mean and std."""
    distinct_pairs: Stat | None = None
    """Different points: mean and std."""
    iterations: Integer | None = None
    """Iterations of gradient descent."""
    gap: Stat | None = None
    """How much worse than the optimum, in per cent of it, over all repetitions."""
    train: Percent | None = None
    """Accuracy on the training examples, in per cent, of an instruction."""
    test: Percent | None = None
    """Accuracy on the test examples, in per cent."""
    overall: Percent | None = None
    """Accuracy on both together, in per cent."""
    instruction: str | None = None
    """The instruction itself."""
    note: str = ""
    """What else was said."""


class Published(Settings):
    """Published results of one optimizer."""

    optimizer: str = DEFAULT
    """The optimizer that they are of."""
    model: str
    """The model that they were made with."""
    source: str
    """Where they are published."""
    instruction: str | None = None
    """The instruction of all rows that name none."""
    footnote: str = ""
    """What a reader must know to compare, in sentences."""
    rows: tuple[PublishedRow, ...]

    def about(self) -> dict[str, Any]:
        """What each of its rows has from it."""
        shown = {"model": self.model, "source": self.source}
        if self.instruction is not None:
            shown["instruction"] = self.instruction
        return shown | ({"footnote": self.footnote} if self.footnote else {})
