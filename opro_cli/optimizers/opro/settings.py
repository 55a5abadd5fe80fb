"""The ``opro:`` section of a preset: what it needs of a model and a problem, and its optimizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.events import Point
from opro_cli.core.model import Ability
from opro_cli.core.optimizer import OptimizerContext
from opro_cli.core.problem import Drawable, Graded, Problem, Textual
from opro_cli.llm.provider import ModelChoice
from opro_cli.optimizers.base import ROLE, PromptSizes
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.metaprompt.base import MetaPrompt, Prompt, PromptOptions
from opro_cli.optimizers.opro.optimizer import Opro
from opro_cli.optimizers.opro.step_settings import StepSettings
from opro_cli.optimizers.opro.strategies import STRATEGIES, TEXT_STRATEGIES
from opro_cli.optimizers.opro.texts import TextOpro

REPLY_TOKENS = (60, 400)
"""Output tokens of a reply with two or three sentences of reasoning, thinking at its lowest."""

LINE_TOKENS = (3, 16)
"""Output tokens of a line that is continued, where no grammar says how long it can be."""

SOLUTION_TOKENS = 20
"""Output tokens of each further solution in a reply."""

USUAL_TEXT = "word " * 24
"""An instruction of usual length."""

SOME_VALUE = 123.4567
"""A value of usual length, where a problem's values are costly."""


class OproSettings(StepSettings):
    """The ``opro:`` section."""

    name: ClassVar[str] = "opro"
    summary: ClassVar[str] = "a language model, shown the best pairs, proposes better ones"
    headline: ClassVar[frozenset[str]] = frozenset(
        {"strategy", "temperature", "max_num_pairs", "points_per_step", "metaprompt"}
    )

    @classmethod
    @override
    def load(cls, data: Mapping[str, Any]) -> Self:
        """The settings in a log; a log older than the strategies has the paper's."""
        if "strategy" not in data:
            data = {**data, "strategy": "paper"}
            if data.get("metaprompt") != "list":
                data["aim"] = 1.0  # it was not used
        return cls.model_validate(data)

    @override
    def default_of(self, name: str) -> Any:
        """The value that the strategy gives to a setting, else its default."""
        return self._values().get(name, super().default_of(name))

    @override
    def follows(self, name: str) -> str:
        values = self._values()
        return "strategy" if name in values and values[name] == getattr(self, name) else ""

    def _values(self) -> dict[str, Any]:
        """The values of the strategy for this kind of problem, and of model."""
        if self.race is not None:
            return TEXT_STRATEGIES[self.strategy]
        continues = self.metaprompt != "auto" and FORMS[self.metaprompt].continues
        return STRATEGIES[self.strategy]["continue" if continues else "instruct"]

    @override
    def experiment(self) -> dict[str, Any]:
        """Published results differ in the model, and so in the form of meta-prompt it takes."""
        return self.model_dump(include={"temperature", "max_num_pairs", "points_per_step"})

    @override
    def resolved_for(self, choices: Mapping[str, ModelChoice], *, free_text: bool = False) -> Self:
        settings = super().resolved_for(choices)
        if ROLE not in choices:
            return settings
        return settings.resolved(choices[ROLE].ability, free_text=free_text)

    @override
    def prompt_sizes(
        self, problem: Problem, starts: Sequence[Point], abilities: Mapping[str, Ability]
    ) -> dict[str, PromptSizes]:
        """The sizes of really written meta-prompts: the shortest shows the starting points alone,
        the longest as many pairs as are shown at most."""
        settings = self.resolved(abilities.get(ROLE, "instruct"), free_text=is_textual(problem))
        form = FORMS[settings.metaprompt]
        shown = [(USUAL_TEXT,)] if is_textual(problem) else [*starts]
        many = (shown * settings.max_num_pairs)[: settings.max_num_pairs]
        shortest = settings._written(form, problem, starts)
        longest = settings._written(form, problem, many)
        low, high = LINE_TOKENS if form.continues else REPLY_TOKENS
        if form.continues and longest.max_tokens:
            high = longest.max_tokens
        high = min(high, settings.max_output_tokens)
        low = min(low, high)
        more = SOLUTION_TOKENS * (settings.proposals_per_call - 1)
        least, most = settings.replies_per_step, settings.most_replies
        sizes = PromptSizes(
            replies=(least, most),
            calls=(settings.calls_for(least), settings.calls_for(most)),
            prompts=(1, settings.tries or 1),
            characters=(len(shortest.text), len(longest.text)),
            output_tokens=(low + more, high + more),
        )
        return {ROLE: sizes}

    def _written(self, form: MetaPrompt, problem: Problem, points: Sequence[Point]) -> Prompt:
        """A meta-prompt that shows these points."""
        pairs = [(p, SOME_VALUE if problem.costly else problem.evaluate(p)) for p in points]
        aim = min((value for _, value in pairs), default=0.0)
        examples = problem.graded() if self.exemplars and isinstance(problem, Graded) else ()
        shown = tuple(examples)[: self.exemplars or 0]
        options = PromptOptions(self.proposals_per_call, exemplars=shown)
        return form.write(problem, pairs, aim, options)

    @override
    def check_space(self, problem: Problem) -> None:
        """Raises UsageError where the form cannot write the points, or code cannot draw them.

        What is left open counts as it would for a model that follows instructions.
        """
        settings = self.resolved("instruct", free_text=is_textual(problem))
        FORMS[settings.metaprompt].check(problem.space)
        if settings.draws_points and not isinstance(problem.space, Drawable):
            raise UsageError(
                "OPRO is set to draw points by code, and the points of this problem cannot be "
                "drawn.",
                "set opro.perturb=0, opro.perturb_on_plateau=0 and opro.fill=false",
            )

    @override
    def build(self, context: OptimizerContext) -> Opro:
        """OPRO with the context's model. Raises UsageError without one, or where settings clash."""
        sampler = context.models.get(ROLE)
        if sampler is None:
            raise UsageError("OPRO needs a model.", "choose one with --model")
        textual = is_textual(context.problem)
        settings = self.resolved(sampler.info.ability, free_text=textual)
        if settings.proposals_per_call > 1 and FORMS[settings.metaprompt].continues:
            raise UsageError(
                f"The {settings.metaprompt} form of meta-prompt asks for one proposal a reply, "
                f"not {settings.proposals_per_call}.",
                "leave out opro.proposals_per_call, or set opro.metaprompt=instruct",
            )
        settings.check_space(context.problem)
        return (TextOpro if textual else Opro)(settings, context, sampler)


def is_textual(problem: Problem) -> bool:
    """Whether the points of a problem are texts."""
    return isinstance(problem.space, Textual)
