"""OPRO: a language model proposes, from the solution–score pairs shown to it (arXiv 2309.03409)."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from opro_cli.core.events import Evaluation
from opro_cli.core.model import Request
from opro_cli.core.optimizer import Batch, OptimizerContext, Proposal
from opro_cli.core.problem import Drawable
from opro_cli.core.sampler import Sampler
from opro_cli.optimizers.base import BaseOptimizer
from opro_cli.optimizers.history import History, Pair, Show, choose_pairs
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import Prompt, PromptOptions
from opro_cli.optimizers.opro.replies import StepReplies
from opro_cli.optimizers.opro.step_settings import StepSettings
from opro_cli.optimizers.perturbation import perturb_points


class Opro(BaseOptimizer):
    """The loop of OPRO's section 2: show pairs, sample, read; and what a strategy adds to it.

    Args:
        settings: with nothing left open.
        context: problem and randomness.
        sampler: the model.
    """

    def __init__(self, settings: StepSettings, context: OptimizerContext, sampler: Sampler) -> None:
        super().__init__(context)
        self._settings = settings
        self._sampler = sampler
        self._form = FORMS[settings.metaprompt]
        self._history = History(context.problem.text.direction)

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        self._history.add(pairs)

    @override
    async def ask(self, step: int) -> Batch:
        """Ask the model, again where it brings too little, and draw the missing points by code.

        Each time, the model is shown newly chosen pairs.
        """
        settings, history = self._settings, self._history
        refused = history.tried if settings.duplicates == "refuse" else None
        count = settings.points_by_model(history.steps_without_gain)
        replies = StepReplies(settings.metaprompt, self.space, count, refused)
        for attempt in range(settings.tries or 1):
            if not replies.missing:
                break
            pairs = self._choose_pairs(step, attempt)
            options = self._options(pairs, replies, step + attempt if settings.turn else 0)
            prompt = self._form.write(self.problem, pairs, self._aim(pairs), options)
            request = self._request(step, prompt, replies)
            sampled = await self._sampler.sample(request, prompt.shown, settings.metaprompt)
            replies.add(sampled, options.first)
        drawn = self._draw(step, replies)
        return Batch((*replies.proposals, *drawn), tuple(replies.solutions))

    def _draw(self, step: int, replies: StepReplies) -> list[Proposal]:
        """The proposals that code draws."""
        settings, history = self._settings, self._history
        count = settings.points_by_code(history.steps_without_gain)
        if settings.fill:
            count = settings.points_per_step - len(replies.proposals)
        if count <= 0 or not isinstance(self.space, Drawable):
            return []
        points = perturb_points(
            history.ranked(),
            self.space,
            count,
            history.tried | {proposal.point for proposal in replies.proposals},
            self.randomness.generator(step, "perturbed"),
        )
        return [Proposal(point, "perturbed") for point in points]

    def _choose_pairs(self, step: int, attempt: int) -> list[Pair]:
        rng = self.randomness.generator(step, f"shown/{attempt}" if attempt else "shown")
        show: Show = "mixed" if self._settings.show == "mixed" else "best"
        return choose_pairs(self._history.ranked(), self._settings.max_num_pairs, show, rng)

    def _options(self, pairs: Sequence[Pair], replies: StepReplies, first: int) -> PromptOptions:
        settings, history = self._settings, self._history
        steps = history.steps_without_gain
        return PromptOptions(
            proposals=settings.proposals_per_call,
            selection=settings.show == "mixed" and len(pairs) < len(history),
            progress=history.progress(self.space) if settings.progress else None,
            steps_without_gain=steps if settings.is_plateau(steps) else 0,
            proposed=replies.seen,
            first=first,
            notes=history.notes,
        )

    def _request(
        self, step: int, prompt: Prompt, replies: StepReplies, samples: int | None = None
    ) -> Request:
        settings = self._settings
        return Request(
            prompt=prompt.text,
            samples=settings.replies_for(replies.missing) if samples is None else samples,
            step=step,
            first=replies.count,
            temperature=settings.temperature,
            max_tokens=prompt.max_tokens or settings.max_output_tokens,
            schema=prompt.schema,
            grammar=prompt.grammar,
            stop=prompt.stop,
            seed=self.randomness.number(step, "model"),
        )

    def _aim(self, pairs: Sequence[Pair]) -> float | None:
        """A better value than the best: by a part of the best, or of the better half's spread."""
        settings, fraction = self._settings, self._settings.aim or 1.0
        if not pairs or (fraction == 1 and not self._form.continues):
            return None
        best, whole = pairs[-1][1], abs(pairs[-1][1])
        spread = abs(pairs[len(pairs) // 2][1] - best)
        if settings.aim_by == "spread" and spread:
            whole = min(whole, spread) or spread
        gain = (1 - fraction) * whole
        return best - gain if self.problem.text.direction == "minimize" else best + gain
