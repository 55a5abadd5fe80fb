"""Who answers: one prompt in, n replies out. A model knows nothing of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from opro_cli.events import Reply

Form: TypeAlias = Literal["instruct", "list"]
"""What a model can do: follow an instruction, or continue a list."""


@dataclass(frozen=True)
class Request:
    """One prompt and how to sample from it.

    Args:
        prompt: the meta-prompt, whole.
        samples: replies wanted.
        step: the step of the run, from 1; with ``first``, it names each reply in the log.
        first: number of the first reply wanted within the step, from 0.
        temperature: None to leave it to the provider.
        max_tokens: tokens a reply may have.
        schema: JSON schema of a reply, for models that follow instructions.
        grammar: GBNF of a reply, for models that continue text.
        stop: texts that end a reply, for models that continue text.
        seed: for models that can be seeded.
        shown: the solution–score pairs in the prompt, for the log.
        form: the meta-prompt's form, for the log.
    """

    prompt: str
    samples: int
    step: int
    first: int = 0
    temperature: float | None = None
    max_tokens: int = 4096
    schema: dict[str, Any] | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    shown: tuple[tuple[tuple[Any, ...], str], ...] = ()
    form: str = ""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; output includes thinking."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


FREE = Price(0.0, 0.0)
"""The price of a model on the user's own machine."""


class LLM(Protocol):
    """A model behind a provider."""

    @property
    def name(self) -> str:
        """The model, as a report names it."""

    @property
    def form(self) -> Form:
        """The form of meta-prompt this model takes."""

    @property
    def samples_per_call(self) -> int:
        """How many replies one call of ``sample`` can bring."""

    async def sample(self, request: Request) -> list[Reply]:
        """``request.samples`` replies, in no particular relation to each other.

        A blocked, empty or truncated reply is a Reply. Raises LLMError where there is none.
        """

    async def close(self) -> None:
        """Give back connections and memory. Safe to call twice."""
