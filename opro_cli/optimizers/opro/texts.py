"""OPRO for texts, such as instructions: what is shown of the data, and proposals by reflection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from typing_extensions import override

from opro_cli.core.events import Evaluation, Point
from opro_cli.core.optimizer import Batch, OptimizerContext
from opro_cli.core.problem import Graded, GradedAnswer
from opro_cli.core.sampler import Sampler
from opro_cli.optimizers.history import Pair
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import PromptOptions
from opro_cli.optimizers.opro.optimizer import Opro
from opro_cli.optimizers.opro.replies import StepReplies
from opro_cli.optimizers.opro.step_settings import StepSettings

WRONG_SHOWN, RIGHT_SHOWN = 3, 1
"""Examples of a meta-prompt that reflects on one instruction."""


class TextOpro(Opro):
    """OPRO on texts (section 5 of the paper), with reflection where the settings ask for it."""

    def __init__(self, settings: StepSettings, context: OptimizerContext, sampler: Sampler) -> None:
        super().__init__(settings, context, sampler)
        self._starting: list[Pair] = []

    @override
    def tell(self, pairs: Sequence[Evaluation]) -> None:
        super().tell(pairs)
        self._starting = self._starting or self._history.ranked()

    @override
    async def ask(self, step: int) -> Batch:
        """Ask with the trajectory, and, for a share of the proposals, with one instruction each."""
        settings = self._settings
        refused = self._history.tried if settings.duplicates == "refuse" else None
        by_reflection = int((settings.reflect or 0.0) * settings.points_per_step)
        replies = StepReplies(
            settings.metaprompt, self.space, settings.points_per_step - by_reflection, refused
        )
        for attempt in range(settings.tries or 1):
            if replies.missing:
                await self._ask_once(step, attempt, replies)
        if by_reflection:
            replies.allow(by_reflection)
            for number in range(by_reflection):
                await self._reflect(step, number, replies)
        race = settings.race or "off"
        return Batch(replies.proposals, tuple(replies.solutions), race=race)

    async def _ask_once(self, step: int, attempt: int, replies: StepReplies) -> None:
        settings = self._settings
        pairs = self._choose_pairs(step, attempt)
        options = PromptOptions(
            exemplars=self._exemplars(step, attempt),
            scores=settings.scores is not False,
            notes=self._history.notes,
        )
        prompt = self._form.write(self.problem, pairs, None, options)
        request = self._request(step, prompt, replies)
        replies.add(await self._sampler.sample(request, prompt.shown, settings.metaprompt))

    async def _reflect(self, step: int, number: int, replies: StepReplies) -> None:
        """Ask for a better instruction than one that is the best on some examples."""
        rng = self.randomness.generator(step, f"reflect/{number}")
        parent = self._parent(rng)
        if parent is None:
            return
        options = PromptOptions(mistakes=self._mistakes(parent[0], rng))
        prompt = FORMS["reflect"].write(self.problem, [parent], None, options)
        request = self._request(step, prompt, replies, samples=1)
        replies.add(await self._sampler.sample(request, prompt.shown, "reflect"))

    @override
    def _choose_pairs(self, step: int, attempt: int) -> list[Pair]:
        if not self._settings.trajectory:
            return self._starting
        return super()._choose_pairs(step, attempt)

    def _exemplars(self, step: int, attempt: int) -> tuple[GradedAnswer, ...]:
        """Examples of the data, drawn at random or from those that the best gets wrong."""
        settings, problem = self._settings, self.problem
        count = settings.exemplars or 0
        if not count or not isinstance(problem, Graded):
            return ()
        constant = settings.exemplar_choice == "constant"
        name = "exemplars" if constant or not attempt else f"exemplars/{attempt}"
        rng = self.randomness.generator(0 if constant else step, name)
        best = self._history.best
        answers = list(problem.graded(best[0] if best else None))
        if settings.exemplar_choice == "wrong":
            wrong = [answer for answer in answers if answer.score < 1]
            answers = wrong if len(wrong) >= count else answers
        return tuple(drawn(answers, count, rng))

    def _mistakes(self, point: Point, rng: np.random.Generator) -> tuple[GradedAnswer, ...]:
        """Examples that an instruction gets wrong, and one that it gets right."""
        if not isinstance(self.problem, Graded):
            return ()
        answers = [a for a in self.problem.graded(point) if not math.isnan(a.score)]
        wrong = drawn([a for a in answers if a.score < 1], WRONG_SHOWN, rng)
        right = drawn([a for a in answers if a.score >= 1], RIGHT_SHOWN, rng)
        return (*wrong, *right)

    def _parent(self, rng: np.random.Generator) -> Pair | None:
        """One instruction, as likely as the number of examples on which no other is better.

        As GEPA chooses (arXiv 2507.19457, section 3.3), but with no pruning of dominated ones.
        """
        ranked = self._history.ranked()
        if not ranked or not isinstance(self.problem, Graded):
            return ranked[-1] if ranked else None
        scores = np.array([[a.score for a in self.problem.graded(p)] for p, _ in ranked])
        scores = np.nan_to_num(scores, nan=0.0)
        top = scores.max(axis=0)
        wins = ((scores == top) & (top > 0)).sum(axis=1).astype(float)
        if not wins.sum():
            return ranked[-1]
        return ranked[int(rng.choice(len(ranked), p=wins / wins.sum()))]


def drawn(
    answers: Sequence[GradedAnswer], count: int, rng: np.random.Generator
) -> list[GradedAnswer]:
    """At most so many of these, drawn without replacement."""
    count = min(count, len(answers))
    return [answers[int(i)] for i in rng.choice(len(answers), count, replace=False)]
