"""The baseline for instructions: a few that people write anyway, the best of them taken.

It costs as many evaluations as there are instructions, and is the fair comparison: summed over the
23 tasks of the paper's Table 7, the best of three fixed instructions, chosen on the training
examples, takes a third (PaLM 2-L) to a half (text-bison) off the gain over a single one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import InvalidSolution, Space, Textual
from opro_cli.optimizers.base import BaselineSettings, BaseOptimizer, lacking

INSTRUCTIONS = (
    "Let's think step by step.",  # Kojima et al., arXiv 2205.11916
    "Let's work this out in a step by step way to be sure we have the right answer.",  # Zhou et al.
    "Let's solve the problem.",  # OPRO, section 5.1
    "Take a deep breath and work on this problem step-by-step.",  # OPRO, Table 1
    "Answer with the final answer only.",
    "Reply with the answer and nothing else.",
)
"""Published instructions, and two that ask for the form of an answer."""


class FixedSettings(BaselineSettings):
    """The ``fixed:`` section."""

    name: ClassVar[str] = "fixed"
    summary: ClassVar[str] = "for instructions: a few that people write anyway, the best is taken"
    space: ClassVar[type] = Textual

    instructions: tuple[str, ...] = Field(default=INSTRUCTIONS, min_length=1, max_length=1000)
    """Scored besides the starting instructions."""

    @override
    def proposals(self, space: Space) -> tuple[Point, ...]:
        """Raises UsageError where the points are no texts, or an instruction is none of them."""
        if not isinstance(space, Textual):
            raise lacking(Textual, self.name)
        try:
            return tuple(dict.fromkeys(space.from_text(text) for text in self.instructions))
        except InvalidSolution as invalid:
            raise UsageError(f"fixed.instructions: {invalid}.", "leave it out") from None

    @override
    def deterministic(self) -> bool:
        return True

    @override
    def build(self, context: OptimizerContext) -> Fixed:
        return Fixed(self.proposals(context.problem.space), context)


class Fixed(BaseOptimizer):
    """Proposes its instructions in one step."""

    def __init__(self, points: Sequence[Point], context: OptimizerContext) -> None:
        super().__init__(context)
        self._points = points

    @override
    async def ask(self, step: int) -> Batch:
        """All of them, and the end."""
        return Batch(tuple(Proposal(point, "fixed") for point in self._points), stop="exhausted")

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        """It learns nothing."""
