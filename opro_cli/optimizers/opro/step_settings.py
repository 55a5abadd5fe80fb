"""The settings of one step of OPRO, and the numbers of proposals, replies and calls they give."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer
from pydantic_core import PydanticCustomError
from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.core.model import Ability
from opro_cli.core.registry import did_you_mean
from opro_cli.core.settings import Integer, Number
from opro_cli.optimizers.base import AskingSettings
from opro_cli.optimizers.opro.metaprompt import FORMS
from opro_cli.optimizers.opro.strategies import STRATEGIES, TEXT_STRATEGIES, Strategy

FIRST = (
    "model",
    "strategy",
    "temperature",
    "max_num_pairs",
    "points_per_step",
    "proposals_per_call",
    "candidates_per_call",
)
"""The settings that are shown first; those of the model that are not among them come last."""


def check_form(name: Any) -> Any:
    """The name of a meta-prompt form, or ``auto``; an error with the nearest names for another."""
    names = ["auto", *FORMS]
    if name not in names:
        *most, last = map(repr, names)
        hint = did_you_mean(str(name), names)
        raise PydanticCustomError(
            "meta_prompt_form",
            "Input should be {most} or {last}{hint}",
            {"most": ", ".join(most), "last": last, "hint": f" ({hint})" if hint else ""},
        )
    return name


Form: TypeAlias = Annotated[str, BeforeValidator(check_form)]
"""A name in ``FORMS``, or ``auto``."""


def check_strategy(name: Any) -> Any:
    """The name of a strategy; for another an error that says which are for texts only."""
    if name not in TEXT_STRATEGIES:
        for_texts = [repr(one) for one in TEXT_STRATEGIES if one not in STRATEGIES]
        raise PydanticCustomError(
            "strategy",
            "Input should be {names}; for instructions also {texts}",
            {"names": " or ".join(map(repr, STRATEGIES)), "texts": ", ".join(for_texts)},
        )
    return name


_UNUSED: Any = Field(default=None, exclude_if=lambda value: value is None)


class StepSettings(AskingSettings, ABC):
    """The settings that make up a step; those left open (null or ``auto``) are the strategy's."""

    strategy: Annotated[Strategy, BeforeValidator(check_strategy)] = "adaptive"
    """The set of values for the settings below that are left open: see
    :mod:`opro_cli.optimizers.opro.strategies`."""
    max_num_pairs: Annotated[Integer, Field(ge=1, le=10_000)] = 20
    """Pairs shown in a meta-prompt, at most."""
    points_per_step: Annotated[Integer, Field(ge=1, le=1000)] = 8
    """Proposals a step, all from the same meta-prompt."""
    proposals_per_call: Annotated[Integer, Field(ge=1, le=100)] = 1
    """Proposals in one reply: 1 asks ``points_per_step`` times, 8 asks once for 8 distinct ones."""

    metaprompt: Form = "auto"
    """The form; ``auto``: the strategy's, by what the model can do."""
    show: Literal["auto", "best", "mixed"] = "auto"
    """Which pairs: the ``best``, or ``mixed`` (half the best, half at random)."""
    aim: Annotated[Number, Field(gt=0, le=1)] | None = None
    """The value asked for, as a fraction of the best one so far; 1 asks for a better one without
    naming a value, where the form can."""
    aim_by: Literal["auto", "best", "spread"] = "auto"
    """What ``aim`` is a fraction of: the ``best`` value itself, or, where that is less, the
    ``spread`` of the better half of the pairs shown."""
    duplicates: Literal["auto", "keep", "refuse"] = "auto"
    """Points known already: ``keep`` records them again; ``refuse`` leaves them out."""
    oversample: Annotated[Integer, Field(ge=1, le=20)] | None = None
    """Replies asked for where one is needed; the first that bring new points are taken."""
    tries: Annotated[Integer, Field(ge=1, le=10)] | None = None
    """Times that a step asks, at most, until it has its proposals."""
    perturb: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Share of a step's proposals that the model is not asked for: code draws them near good
    points."""
    plateau: Annotated[Integer, Field(ge=0, le=10_000)] | None = None
    """Steps without a better value that make a plateau, which an instruction mentions; 0: there are
    no plateaus."""
    perturb_on_plateau: Annotated[Number, Field(ge=0, le=1)] | None = None
    """The share of ``perturb`` on a plateau."""
    fill: bool | None = None
    """Whether proposals that the model does not bring are drawn in the same way."""
    turn: bool | None = None
    """``rows`` form: begin with another coordinate in every step."""
    progress: bool | None = None
    """``instruct`` form: say how many points were tried, and where."""

    # For problems whose points are texts, such as instructions; left out where they are not used.
    exemplars: Annotated[Integer, Field(ge=0, le=100)] | None = _UNUSED
    """Examples of the data shown in a meta-prompt."""
    exemplar_choice: Literal["random", "wrong", "constant"] | None = _UNUSED
    """Which: drawn again in every step, drawn from those that the best instruction gets wrong, or
    always the same."""
    scores: bool | None = _UNUSED
    """Whether the meta-prompt shows the scores."""
    trajectory: bool | None = _UNUSED
    """Whether the pairs shown grow with the search, or stay those of the start."""
    reflect: Annotated[Number, Field(ge=0, le=1)] | None = _UNUSED
    """Share of a step's proposals that improve one instruction, shown with replies to it."""
    race: Literal["off", "halving", "paired"] | None = _UNUSED
    """Whether instructions that fall behind are scored on all examples, or dropped early."""

    @model_serializer(mode="wrap")
    def _in_order(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The settings in the order in which presets and reports show them."""
        dumped: dict[str, Any] = serialize(self)
        own = [name for name in dumped if name not in AskingSettings.model_fields]
        return {name: dumped[name] for name in (*FIRST, *own, *dumped) if name in dumped}

    def resolved(self, ability: Ability, *, free_text: bool = False) -> Self:
        """The same settings with the strategy's values for a model of this ability.

        Args:
            ability: of the model.
            free_text: whether the points are texts.
        """
        if free_text:
            values = TEXT_STRATEGIES[self.strategy]
        elif self.strategy in STRATEGIES:
            values = STRATEGIES[self.strategy][ability]
        else:
            raise UsageError(
                f"The strategy {self.strategy} is for instructions and other texts.",
                "take paper or adaptive",
            )
        left_open = {name for name in values if getattr(self, name) in (None, "auto")}
        return self.model_copy(update={name: values[name] for name in left_open})

    @property
    @override
    def evaluations_per_step(self) -> int:
        return self.points_per_step

    @property
    @override
    def samples_per_step(self) -> int:
        text = self.strategy not in STRATEGIES
        return self.resolved("continue", free_text=text).replies_per_step

    def is_plateau(self, steps: int) -> bool:
        """Whether this number of steps without a better value is a plateau."""
        return 0 < (self.plateau or 0) <= steps

    def points_by_code(self, steps: int = 0) -> int:
        """Proposals of a step that code draws, however many the model brings.

        Args:
            steps: since there was a better value.
        """
        share = self.perturb_on_plateau if self.is_plateau(steps) else self.perturb
        return int((share or 0.0) * self.points_per_step)

    @property
    def draws_points(self) -> bool:
        """Whether code draws points in any step."""
        return bool(self.fill) or self.points_by_code() > 0 or self.points_by_code(10_000) > 0

    def points_by_model(self, steps: int = 0) -> int:
        """Proposals of a step that the model is asked for; ``steps`` as above."""
        return self.points_per_step - self.points_by_code(steps)

    @property
    def replies_per_step(self) -> int:
        """Replies that a step asks for at first."""
        return self.replies_for(self.points_by_model())

    @property
    def most_replies(self) -> int:
        """Replies that a step asks for at most."""
        return self.replies_per_step * (self.tries or 1)

    def replies_for(self, proposals: int) -> int:
        """Replies to ask for where this number of proposals is missing."""
        return -(-proposals * (self.oversample or 1) // self.proposals_per_call)

    def calls_for(self, replies: int) -> int:
        """Calls that this number of replies needs."""
        return -(-replies // self.candidates_per_call)
