"""Which model a name means, whether it can be had here, and opening it.

A provider is a module with two functions: ``check(wanted, env) -> Choice``, which contacts nobody
and imports nothing heavy, and ``open_model(choice, models) -> LLM``. Adding one is a file, and a
line in ``PROVIDERS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from importlib import import_module
from typing import Any, Protocol, TypeAlias, TypeVar, cast

from opro_cli.errors import ModelUnavailable, UsageError
from opro_cli.llm.base import LLM, Form, Price
from opro_cli.llm.budget import Budget, Budgeted
from opro_cli.llm.discreet import Discreet, forms
from opro_cli.llm.known import known, table
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.retry import Retry

Env: TypeAlias = Mapping[str, str]

PROVIDERS = {
    "local": "opro_cli.llm.local",
    "local:": "opro_cli.llm.local",
    "gemini-": "opro_cli.llm.gemini",
    "vertex:": "opro_cli.llm.gemini",
    "openai:": "opro_cli.llm.openai",
}
"""A whole name, or the beginning of names (which ends in ``:`` or ``-``), and its module."""

ALL_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """A model as a preset asks for it."""

    spec: str
    """Its name, as ``--model`` takes it."""
    base_url: str | None = None
    candidates: int = 1
    """Replies a call, where the model has that."""
    price: Price | None = None
    """What the user says it costs."""
    samples: int = field(default=8, compare=False)
    """Replies that one step will ask for, to begin with."""


@dataclass(frozen=True)
class Choice:
    """A model that can be had here, not opened yet."""

    wanted: Wanted
    """With a name that is never ``auto``."""
    form: Form
    concurrency: int
    """Runs that may use it at once."""
    price: Price | None
    """None where it is unknown, which is not free."""
    notices: tuple[str, ...] = ()
    temperature: bool = True
    """Whether the model honours it."""

    @property
    def spec(self) -> str:
        """The model's name."""
        return self.wanted.spec


class Provider(Protocol):
    """What a provider's module has."""

    def check(self, wanted: Wanted, env: Env) -> Choice:
        """Raises ModelUnavailable where the model cannot be had, with what would help."""

    def open_model(self, choice: Choice, models: Models) -> LLM:
        """The model, ready to be asked. Raises ModelUnavailable."""


class Client(Protocol):
    """Connections that several models share."""

    async def close(self) -> None:
        """Close them."""


C = TypeVar("C", bound=Client)


@dataclass
class Models:
    """The opened models of a process: one client a server, one limiter, one budget.

    Raises:
        ModelUnavailable: the limits need a package that is not installed.
    """

    env: Env
    limits: LimitSettings
    budget: Budget
    notify: Callable[[str], None] = lambda text: None
    """Told, in a sentence, when a call has to be made again."""
    limiter: Limiter = field(init=False)
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict)
    _opened: dict[Wanted, LLM] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.limits)

    def open(self, choice: Choice) -> LLM:
        """The model, opened once. Raises ModelUnavailable."""
        if choice.wanted not in self._opened:
            self._opened[choice.wanted] = _provider(choice.spec).open_model(choice, self)
        return self._opened[choice.wanted]

    def client(self, kind: str, server: str, make: Callable[[], C]) -> C:
        """The one client for a server, made when it is first needed."""
        if (kind, server) not in self._clients:
            self._clients[kind, server] = make()
        return cast(C, self._clients[kind, server])

    def hosted(self, llm: LLM, choice: Choice) -> LLM:
        """A hosted model that keeps keys to itself, behind retries, limiter and budget."""
        discreet = Discreet(llm, forms(self.env))
        return Budgeted(Retry(discreet, self.limiter, self.notify), self.budget, pricer(choice))

    async def close(self) -> None:
        """Close every model, then every client."""
        for thing in (*self._opened.values(), *self._clients.values()):
            await thing.close()


def choose(wanted: Wanted, env: Env) -> Choice:
    """The model that is meant here. Contacts nobody and loads nothing.

    Raises:
        ModelUnavailable: with what would make it available.
        UsageError: no provider knows such a name.
    """
    if wanted.spec == "auto":
        return _auto(wanted, env)
    return _provider(wanted.spec).check(wanted, env)


def _provider(spec: str) -> Provider:
    for prefix, module in PROVIDERS.items():
        begins = prefix[-1] in ":-" and spec.startswith(prefix)
        if begins or spec == prefix:
            provider: Any = import_module(module)
            return cast(Provider, provider)
    raise UsageError(
        f"There is no model {spec!r}.",
        "models: auto, local, local:PATH.gguf, a Gemini model such as "
        f"{table().default}, vertex:MODEL, openai:MODEL",
    )


def _auto(wanted: Wanted, env: Env) -> Choice:
    """Gemini with a key, else the local model, else an error that names both ways out."""
    from opro_cli.llm import gemini, local

    if gemini.key(env):
        return gemini.check(replace(wanted, spec=table().default), env)
    if local.installed():
        choice = local.check(replace(wanted, spec="local"), env)
        notice = "No API key found, so the model is the local one (Gemma 3 270M)."
        return replace(choice, notices=(notice, *choice.notices))
    raise ModelUnavailable(
        "There is no model to ask: no Gemini API key, and the local model is not installed.",
        f"put GEMINI_API_KEY=… into .env, or {local.INSTALL}",
    )


def hosted(wanted: Wanted) -> Choice:
    """The choice of a hosted model, with what is known of it. Raises ModelUnavailable."""
    model = bare(wanted.spec)
    facts = known(model)
    if wanted.candidates > facts.candidates:
        raise ModelUnavailable(
            f"{model} brings {facts.candidates} candidate a call, not {wanted.candidates}.",
            "set opro.proposals_per_call instead: several proposals in one reply",
        )
    notices = []
    if not facts.temperature:
        notices.append(
            f"{model} ignores temperature; to explore more, raise --points-per-step "
            "or --max-num-pairs."
        )
    if facts.ends is not None:
        verb = "ends" if facts.ends > date.today() else "has ended"
        notices.append(f"{model} {verb} on {facts.ends}; its successor is {facts.successor}.")
    price = wanted.price or facts.price
    return Choice(wanted, "instruct", ALL_AT_ONCE, price, tuple(notices), facts.temperature)


def pricer(choice: Choice) -> Callable[[str], Price | None]:
    """Prices of the model chosen, and of another that answers in its place."""
    name = bare(choice.spec)

    def price(served: str) -> Price | None:
        return choice.price if same_model(name, served) else known(served).price

    return price


def sendable(key: str, name: str) -> str:
    """A key that can travel as a header. Raises ModelUnavailable, without showing it."""
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ModelUnavailable(
            f"{name} holds characters that no key has (a line break, a space?).",
            "copy it again, on one line",
        )
    return key


def bare(spec: str) -> str:
    """The model's own name, without the provider's prefix."""
    return spec.partition(":")[2] or spec


def same_model(asked: str, served: str) -> bool:
    """Whether the served name is the one asked for, or a dated or numbered version of it."""
    served = served.removeprefix("models/")
    if served in ("", asked):
        return True
    rest = served.removeprefix(asked)
    return rest != served and rest[0] in "-@:" and rest[1:2].isdigit()
