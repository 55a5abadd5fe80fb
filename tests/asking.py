"""One or more requests to a loopback server, through the real client, its pool and its budget."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from opro_cli.core.errors import LLMError
from opro_cli.core.events import Replied, Reply
from opro_cli.core.events.json_form import from_json, to_json
from opro_cli.core.model import ModelRequest, Request
from opro_cli.llm import choose_model
from opro_cli.llm.budget import Budget, BudgetSettings
from opro_cli.llm.limiter import Limiter, LimitSettings
from opro_cli.llm.model_pool import ModelPool
from tests.loopback import Asked, Loopback

KEY = "marker-key-0123456789"
BEDROCK_URL = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
SCHEMA = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string"},
        "solution": {
            "type": "object",
            "properties": {"w": {"type": "integer", "minimum": -9, "maximum": 9}},
            "required": ["w"],
        },
    },
    "required": ["reasoning", "solution"],
}


@dataclass
class Outcome:
    """What came of the requests."""

    replies: list[Reply] = field(default_factory=list)
    error: LLMError | None = None
    said: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    budget: Budget | None = None

    @property
    def reply(self) -> Reply:
        """The last reply, after a way through the log."""
        if self.error is not None:
            raise self.error
        event = Replied(1, 0, self.replies[-1])
        assert from_json(to_json(event)) == event
        return self.replies[-1]


def ask(
    answers: Any,
    model: str = "openai:gpt",
    *,
    times: int = 1,
    attempts: int | None = 2,
    timeout: float = 20.0,
    caps: dict[str, Any] | None = None,
    query: str = "",
    made: dict[str, Any] | None = None,
    **asked: Any,
) -> Outcome:
    """Ask a model for one reply, ``times`` times in a row.

    Args:
        answers: of the server.
        model: as ``--model`` takes it.
        times: requests.
        attempts: for each reply.
        timeout: of a call.
        caps: of the budget.
        query: at the end of the server's address.
        made: changes of the request.
        asked: further fields of the :class:`ModelRequest`.
    """
    fields = {"temperature": 1.0, "seed": 5, "schema": SCHEMA, "max_tokens": 100, **(made or {})}
    request = Request("What is better? Answer in JSON.", 1, 1, **fields)
    found, server = Outcome(), Loopback(answers)
    found.budget = Budget(BudgetSettings(**(caps or {})))

    async def run(url: str) -> None:
        env = dict.fromkeys(("OPENAI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY"), KEY)
        env |= {"AWS_ACCESS_KEY_ID": "AKIAMARKER0123456789", "AWS_SECRET_ACCESS_KEY": KEY}
        env["AWS_REGION"] = "us-east-1"
        env |= dict.fromkeys(("GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL", BEDROCK_URL), url)
        env["OPENAI_BASE_URL"] = f"{url}/v1{query}"
        limits = LimitSettings(attempts=attempts, timeout=timeout)
        models = ModelPool(env, Limiter(limits), found.budget, notify=found.said.append)
        models.limiter.quiet = found.waits.append

        async def sleep(seconds: float) -> None:
            found.waits.append(seconds)

        models.limiter.sleep = sleep
        try:
            opened = models.open(choose_model(ModelRequest(model, **asked), env))
            for _ in range(times):
                found.replies += await opened.sample(request)
        except LLMError as error:
            found.error = error
        finally:
            await models.close()

    with server.serving() as url:
        asyncio.run(run(url))
    found.asked = server.asked
    return found
