"""The opened models of a process."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import cast

from opro_cli.core.errors import LLMError
from opro_cli.core.events import Reply
from opro_cli.core.model import Model, ModelRequest
from opro_cli.core.text import clean
from opro_cli.llm import provider_of, secret_names
from opro_cli.llm.budget import Budget
from opro_cli.llm.budgeted import Budgeted, StopsOnQuota
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.negotiation import Negotiated
from opro_cli.llm.provider import C, Client, Env, ModelChoice, bare_name, pricer, same_model
from opro_cli.llm.redaction import Redacted, key_forms
from opro_cli.llm.retry import Retry, throttled


@dataclass(frozen=True)
class Account:
    """What calls of one process may have in common; all that use it share an event loop."""

    budget: Budget
    limiter: Limiter


@dataclass
class ModelPool:
    """Opens each model once, with one client for each server.

    Args:
        env: environment variables, those of ``.env`` included.
        limiter: limits the calls of all models.
        budget: caps the calls of all models.
        notify: shows the user one sentence.
    """

    env: Env
    limiter: Limiter
    budget: Budget
    notify: Callable[[str], None] = lambda text: None
    _clients: dict[tuple[str, str], Client] = field(default_factory=dict, init=False)
    _opened: dict[ModelRequest, Model] = field(default_factory=dict, init=False)
    _reported: set[tuple[str, str]] = field(default_factory=set, init=False)
    """(requested model, model that has answered) that the user knows of."""

    def __post_init__(self) -> None:
        self.limiter.notify = self.notify
        self.limiter.guard = self.budget.unless_stopped
        self._notify_retry = throttled(lambda text: self.notify(f"{text} Trying again."))

    @property
    def limits(self) -> LimitSettings:
        """The limiter's settings."""
        return self.limiter.settings

    def open(self, choice: ModelChoice) -> Model:
        """The model, opened once. Raises ModelUnavailable."""
        key = replace(choice.request, strict=False)
        if key not in self._opened:
            self._opened[key] = provider_of(choice.name).open(choice, self)
        return self._opened[key]

    def client(self, kind: str, server: str, make: Callable[[], C]) -> C:
        """The client for a server, made once.

        Args:
            kind: of the client, such as "gemini".
            server: its address; empty for the provider's own.
            make: makes the client.
        """
        if (kind, server) not in self._clients:
            self._clients[kind, server] = make()
        return cast(C, self._clients[kind, server])

    def hosted(self, model: Model, choice: ModelChoice) -> Model:
        """A hosted model with redaction, budget, limiter and retries."""
        redacted = Redacted(model, key_forms(self.env, secret_names()))
        once = throttled(self.notify, math.inf)
        budgeted = Budgeted(redacted, self.budget, pricer(choice), notify=once)
        negotiated = Negotiated(budgeted, self.notify)
        return StopsOnQuota(Retry(negotiated, self.limiter, self._notify_retry), self.budget)

    def on_reply(self, choice: ModelChoice) -> Callable[[Reply], None] | None:
        """A check of the model that has answered, to be called with each new reply.

        Another model than the requested one is reported once; with ``strict``, it raises LLMError.
        None for a model that is not hosted.
        """
        if not choice.hosted:
            return None
        asked = bare_name(choice.name)

        def check(reply: Reply) -> None:
            if same_model(asked, reply.model):
                return
            message = f"{asked} was asked for, and {clean(reply.model, 80)} has answered"
            if choice.request.strict:
                raise LLMError(f"{message}.", "leave out --strict-model to accept it")
            if (asked, reply.model) not in self._reported:
                self._reported.add((asked, reply.model))
                self.notify(f"{message}; every reply is recorded with the model that served it.")

        return check

    async def close(self) -> None:
        """Close every model, then every client."""
        for thing in (*self._opened.values(), *self._clients.values()):
            await thing.close()
