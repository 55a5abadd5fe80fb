"""What a model is: one prompt in, n replies out. A model knows nothing of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from opro_cli.core.events import Reply

Ability: TypeAlias = Literal["instruct", "continue"]
"""What a model can do: follow an instruction, or only continue a text."""

ANY_NUMBER = 1_000_000
"""Samples a call, or runs at once, where nothing limits them."""


class CallObserver(Protocol):
    """Told of every attempt to call a model, so that it can be recorded."""

    def called(self, request: Request, calls: int, tokens: int, cost: float) -> None:
        """A call for this request begins, and the most that it can take."""

    def failed(self, request: Request, message: str, *, free: bool) -> None:
        """A call has brought no reply; ``free`` where the server has refused it."""


class Grader(Protocol):
    """Grades replies by code that may do anything: it runs once, and then its word is believed."""

    async def grade(self, reply: Reply) -> tuple[str, str]:
        """What is to be recorded of a reply: the answer read, or a comment, and its grade."""

    def recall(self, read: str, grade: str) -> None:
        """What is recorded of a reply that was graded before."""


@dataclass(frozen=True)
class Request:
    """One prompt and how to sample from it.

    Args:
        prompt: the prompt, whole.
        samples: number of replies.
        step: the step of the run, from 1; with ``first``, it names each reply in the log.
        first: number of the first reply within the step, from 0.
        system: the system message, for models that follow instructions; empty for none.
        temperature: None to leave it to the provider.
        max_tokens: tokens a reply may have.
        schema: JSON schema of a reply, for models that follow instructions.
        grammar: GBNF of a reply, for models that continue text.
        stop: texts that end a reply, for models that continue text.
        seed: for models that can be seeded.
        shared: characters at the beginning of the prompt that other requests begin with too; with
            the system message, a local model evaluates them once for one-sample requests.
        whole: ``first`` and ``samples`` of the request that this one is a part of, if it is one;
            a model whose replies depend on each other evaluates the whole again.
        observer: told of every call.
        label: the use of the reply, for the record, such as ``train/17``.
        note: gives the answer read in a reply, and its grade, for the record.
        grader: instead of ``note``, where grading runs code of the user's.
        held: the run whose end the call is for: it may spend what the budget holds back for that.
    """

    prompt: str
    samples: int
    step: int
    first: int = 0
    system: str = ""
    temperature: float | None = None
    max_tokens: int = 4096
    schema: dict[str, Any] | None = None
    grammar: str | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    shared: int = 0
    whole: tuple[int, int] | None = field(default=None, compare=False)
    observer: CallObserver | None = field(default=None, compare=False, repr=False)
    label: str = field(default="", compare=False)
    note: Callable[[Reply], tuple[str, str]] | None = field(default=None, compare=False, repr=False)
    grader: Grader | None = field(default=None, compare=False, repr=False)
    held: str = field(default="", compare=False)


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; output includes thinking."""

    input: float
    output: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """Dollars for these numbers of tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


FREE = Price(0.0, 0.0)
"""The price of a model on the user's own machine."""


@dataclass(frozen=True)
class ModelRequest:
    """A model as the settings of an optimizer or a problem ask for it."""

    name: str
    """As ``--model`` takes it."""
    base_url: str | None = None
    candidates: int = 1
    """Replies a call, where the model has that."""
    price: Price | None = None
    """What the user says it costs."""
    strict: bool = False
    """Whether a reply of another model is an error."""
    reasoning_effort: str | None = None
    """How much a hosted model thinks, in its own word; None for its provider's default here."""
    extra_body: str = ""
    """A JSON object that is sent with every request; empty for none."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values of headers that are sent with every request."""
    parallel: int = 1
    """Prompts that a local model evaluates at once. More than one is faster, and changes an answer
    now and then, at temperature 0 too."""
    samples: int = field(default=8, compare=False)
    """Replies that one step will ask for, to begin with."""


@dataclass(frozen=True)
class ModelInfo:
    """What is known of an opened model.

    Args:
        name: the model, as a report names it.
        ability: whether it follows instructions or continues text.
        samples_per_call: replies that one call of ``sample`` can bring.
        details: what its replies depend on, where that is known, by name; recorded with a run.
        at_once: requests that it answers side by side; further ones would only wait.
    """

    name: str
    ability: Ability = "instruct"
    samples_per_call: int = 1
    details: Mapping[str, str] = field(default_factory=dict, hash=False)
    at_once: int = ANY_NUMBER


class Model(Protocol):
    """A model behind a provider."""

    @property
    def info(self) -> ModelInfo:
        """Name and abilities."""

    async def sample(self, request: Request) -> list[Reply]:
        """``request.samples`` replies, in no particular relation to each other.

        A blocked, empty or truncated reply is a Reply. Raises LLMError where there is none.
        """

    async def close(self) -> None:
        """Give back connections and memory. Safe to call twice."""


class Wrapper:
    """A model round another model: subclasses override :meth:`sample`."""

    def __init__(self, inner: Model) -> None:
        self.inner = inner

    @property
    def info(self) -> ModelInfo:
        """As of the inner model."""
        return self.inner.info

    async def sample(self, request: Request) -> list[Reply]:
        """As of the inner model."""
        return await self.inner.sample(request)

    async def close(self) -> None:
        """Close the inner model."""
        await self.inner.close()
