"""The facts known of hosted models, from ``models.yaml``."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import Price


@dataclass(frozen=True)
class ModelFacts:
    """The facts of one model. Prices are in US dollars per million tokens; None is unknown.

    The keys of ``models.yaml`` are explained there.
    """

    name: str
    listed: bool = True
    """Whether the catalog has the model."""
    input: float | None = None
    output: float | None = None
    temperature: bool = True
    candidates: int = 1
    thinking: tuple[str, ...] = ()
    ends: date | None = None
    successor: str = ""

    @property
    def price(self) -> Price | None:
        """None where it is unknown, which is not free."""
        if self.input is None or self.output is None:
            return None
        return Price(self.input, self.output)


@dataclass(frozen=True)
class Catalog:
    """The content of ``models.yaml``."""

    as_of: date
    """When the facts were collected."""
    default: str
    """The model that ``auto`` means where there is a Gemini key."""
    models: dict[str, ModelFacts]
    retired: list[dict[str, Any]] = field(default_factory=list)
    """Patterns of names that no longer answer, each with ``since`` and ``successor``."""


@cache
def catalog() -> Catalog:
    """The catalog, read once."""
    from importlib.resources import files  # not above: `opro --help` imports this module

    import yaml

    text = (files("opro_cli.llm") / "models.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    models = {
        name: ModelFacts(name, **{**facts, "thinking": tuple(facts.get("thinking", ()))})
        for name, facts in data["models"].items()
    }
    return Catalog(data["as_of"], data["default"], models, data["retired"])


def facts_of(model: str) -> ModelFacts:
    """The facts of a model. An unlisted Gemini 3 or later is assumed to ignore the temperature."""
    found = catalog().models.get(model)
    if found is not None:
        return found
    old = model.startswith(("gemini-1", "gemini-2")) or not model.startswith("gemini-")
    return ModelFacts(model, listed=False, temperature=old)


def refuse_retired(model: str) -> None:
    """Raises ModelUnavailable for a name that no longer answers, naming a successor."""
    for row in catalog().retired:
        if fnmatch.fnmatchcase(model, row["pattern"]):
            raise ModelUnavailable(
                f"{model} was retired on {row['since']} and no longer answers.",
                f"its successor is {row['successor']}: --model {row['successor']}",
            )
