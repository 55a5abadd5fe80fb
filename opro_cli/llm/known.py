"""What is known of a hosted model (``models.yaml``), and what is not."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from opro_cli.errors import ModelUnavailable
from opro_cli.llm.base import Price


@dataclass(frozen=True)
class Known:
    """One model. Prices are in USD per million tokens; None is unknown, which is not free."""

    name: str
    listed: bool = True
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
class Table:
    """The data file."""

    as_of: date
    default: str
    models: dict[str, Known]
    retired: list[dict[str, Any]] = field(default_factory=list)


@cache
def table() -> Table:
    """The data file, read once."""
    text = (files("opro_cli.llm") / "models.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    models = {
        name: Known(name, **{**facts, "thinking": tuple(facts.get("thinking", ()))})
        for name, facts in data["models"].items()
    }
    return Table(data["as_of"], data["default"], models, data["retired"])


def known(model: str) -> Known:
    """What is known of a model; of an unlisted Gemini 3 or later, that temperature is not sent."""
    found = table().models.get(model)
    if found is not None:
        return found
    old = model.startswith(("gemini-1", "gemini-2")) or not model.startswith("gemini-")
    return Known(model, listed=False, temperature=old)


def refuse_retired(model: str) -> None:
    """Raises ModelUnavailable for a name that no longer answers, naming a successor."""
    for row in table().retired:
        if fnmatch.fnmatchcase(model, row["pattern"]):
            raise ModelUnavailable(
                f"{model} was retired on {row['since']} and no longer answers.",
                f"its successor is {row['successor']}: --model {row['successor']}",
            )
