"""What a provider of models is, and what all hosted models have in common.

A provider is one file with an object of a :class:`Provider` subclass, and one line in
``opro_cli.llm.PROVIDERS``. ``opro --help`` reads the names of all providers, so a provider's module
imports the packages it needs (and anything else that is slow to import) in ``check`` and ``open``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ANY_NUMBER, Ability, Model, ModelRequest, Price
from opro_cli.llm.catalog import facts_of
from opro_cli.llm.prices import listed_price

if TYPE_CHECKING:
    from opro_cli.llm.budget import Budget
    from opro_cli.llm.limiter import LimitSettings

Env: TypeAlias = Mapping[str, str]

VERSION = re.compile(
    r"([-@:](latest|\d{3,}|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d)(-(preview|exp|beta))?"
    r"(-v\d+(:\d+)?)?|:(free|nitro|floor|exacto))$"
)
"""The end of a model's name that tells its version, or the way it is served."""


@dataclass(frozen=True)
class ModelChoice:
    """A model that is available here, not opened yet."""

    request: ModelRequest
    """Its name is never ``auto``."""
    ability: Ability
    concurrency: int
    """Runs that may use the model at once."""
    price: Price | None
    """None where it is unknown, which is not free."""
    notices: tuple[str, ...] = ()
    """Sentences for the user, shown before the first run."""
    temperature: bool = True
    """Whether the model uses the temperature."""
    shares_prompt: bool = False
    """Whether the samples of a step are a call each, but count their prompt once."""
    hosted: bool = False
    """Whether a server runs the model, and says which model has answered."""
    server: str = ""
    """The server with its source, for the user; empty for the provider's own."""
    details: Mapping[str, str] = field(default_factory=dict, hash=False)
    """As of :class:`opro_cli.core.model.ModelInfo`, as far as it is known before it is opened."""

    @property
    def name(self) -> str:
        """The model's name, as ``--model`` takes it."""
        return self.request.name


@dataclass(frozen=True)
class Listed:
    """Models of a provider whose names begin in the same way, for ``opro models``."""

    prefix: str
    """The beginning of their names, such as ``groq:``."""
    title: str
    server: str = ""
    """The address; empty where it depends on other things."""
    key: str = ""
    """The environment variable that holds the key; empty where there is none."""
    here: bool = False
    """Whether that variable is set."""
    local: bool = False
    """Whether the server is one on the user's own machine, which needs no key."""


class Client(Protocol):
    """Connections that several models share."""

    async def close(self) -> None:
        """Close the connections."""


C = TypeVar("C", bound=Client)


class Pool(Protocol):
    """The part of :class:`opro_cli.llm.model_pool.ModelPool` that opens a model."""

    @property
    def env(self) -> Env:
        """Environment variables, those of ``.env`` included."""

    @property
    def limits(self) -> LimitSettings:
        """Limits for all calls of the process."""

    @property
    def budget(self) -> Budget:
        """Caps for all calls of the process."""

    def client(self, kind: str, server: str, make: Callable[[], C]) -> C:
        """The client for a server, made once.

        Args:
            kind: of the client, such as "gemini".
            server: its address; empty for the provider's own.
            make: makes the client.
        """

    def hosted(self, model: Model, choice: ModelChoice) -> Model:
        """A hosted model with redaction, retries, limiter and budget."""


class Provider(ABC):
    """Checks and opens the models of one provider."""

    names: ClassVar[tuple[str, ...]]
    """Names of models: whole, or a beginning, which ends in ``:`` or ``-``."""
    help: ClassVar[str]
    """The names for the help of ``--model``, as in "gemini-…, vertex:…"."""
    keys: ClassVar[tuple[str, ...]] = ()
    """Environment variables that hold secrets. No output ever shows their values."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions are recorded with every run."""
    setup: ClassVar[str] = ""
    """What the user can do to let ``auto`` choose this provider."""
    free: ClassVar[bool] = False
    """Whether its models cost nothing, as on the user's own machine."""
    automatic_notice: ClassVar[str] = ""
    """A sentence for the user where ``auto`` has chosen this provider."""

    def knows(self, name: str) -> bool:
        """Whether a model of this name belongs to this provider."""
        return any(
            name.startswith(known) if known[-1] in ":-" else name == known for known in self.names
        )

    @abstractmethod
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        """The model, if it is available here. Contacts no server and loads no model.

        Raises:
            ModelUnavailable: it is not; the hint says what makes it available.
            UsageError: another setting of the request is wrong.
        """

    @abstractmethod
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        """The model, ready to be asked. Raises ModelUnavailable."""

    def meant(self, name: str) -> str:
        """The model that is meant by a name that none of its models has; empty for none."""
        del name
        return ""

    def automatic(self, env: Env) -> str:
        """The model that ``auto`` means here; empty where this provider has none to offer."""
        del env
        return ""

    def listed(self, env: Env) -> list[Listed]:
        """The beginnings of the names of its models, for a list. Raises ModelUnavailable."""
        here = any(env.get(key, "").strip() for key in self.keys)
        return [
            Listed(name, "", key=" or ".join(self.keys), here=here)
            for name in self.names
            if name[-1] in ":-"
        ]

    def extra_versions(self) -> dict[str, str]:
        """Versions recorded with every run, besides those of ``packages``."""
        return {}


def hosted_choice(
    request: ModelRequest, server: str = "", url: str = "", price: Price | None = None
) -> ModelChoice:
    """The choice of a hosted model, with the facts known of it. Raises ModelUnavailable.

    Args:
        request: the model.
        server: as of :class:`ModelChoice`.
        url: the server's address, whose host is recorded with every run; empty to record none.
        price: what the provider says that it costs; None where it does not know.
    """
    model = bare_name(request.name)
    facts = facts_of(model)
    if request.candidates > facts.candidates:
        raise ModelUnavailable(
            f"{model} brings {facts.candidates} candidate a call, not {request.candidates}.",
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
    return ModelChoice(
        request=request,
        ability="instruct",
        concurrency=ANY_NUMBER,
        price=request.price or price or facts.price or listed_price(model, url),
        notices=tuple(notices),
        temperature=facts.temperature,
        hosted=True,
        server=server,
        details={"server": host} if (host := urlsplit(url).hostname) else {},
    )


def pricer(choice: ModelChoice) -> Callable[[str], Price | None]:
    """Gives the price of the chosen model, and of another that answers in its place."""
    name = bare_name(choice.name)
    url = f"https://{choice.details['server']}" if "server" in choice.details else ""

    @cache
    def price(served: str) -> Price | None:
        if same_model(name, served):
            return choice.price
        known = facts_of(served).price or listed_price(served, url)
        return known or choice.price  # an unknown name is no reason to be free

    return price


def sendable(key: str, name: str) -> str:
    """A key that can be sent as a header. Raises ModelUnavailable, without showing the key.

    Args:
        key: the key.
        name: the environment variable that holds it.
    """
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ModelUnavailable(
            f"{name} holds characters that no key has (a line break, a space?).",
            "copy it again, on one line",
        )
    return key


def bare_name(name: str) -> str:
    """The model's own name, without the provider's prefix."""
    return name.partition(":")[2] or name


def same_model(asked: str, served: str) -> bool:
    """Whether the served name is the requested one: with or without the prefix of a provider, and
    with or without a date or a number of a version."""
    if served in ("", asked):
        return True
    wanted, got = _own_name(asked), _own_name(served)
    short_wanted, short_got = VERSION.sub("", wanted), VERSION.sub("", got)
    if wanted == got:
        return True
    if short_wanted == short_got:  # two different versions are two models
        return wanted == short_wanted or got == short_got or wanted.endswith("-latest")
    if not wanted.endswith("-latest"):
        return False
    more = Counter(got.split("-")) - Counter(short_wanted.split("-"))
    less = Counter(short_wanted.split("-")) - Counter(got.split("-"))
    return not less and all(word.replace(".", "").isdigit() for word in more)


def _own_name(name: str) -> str:
    """A name in small letters, without the prefixes of providers, such as ``openai/``."""
    return name.strip().lower().rstrip("/").rpartition("/")[2]
