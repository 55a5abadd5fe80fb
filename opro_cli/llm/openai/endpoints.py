"""The servers that speak OpenAI's protocol, from ``endpoints.toml``."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from opro_cli.core.model import FREE, Price
from opro_cli.llm.negotiation import Shape
from opro_cli.llm.provider import bare_name

SCHEMAS = ("json_schema", "json_object", "")
"""What a server's ``response_format`` takes, from most to least, as ``Shape.schema`` counts it."""


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks OpenAI's protocol. The keys of ``endpoints.toml`` are explained there.

    A server that is not in that file has the defaults.
    """

    name: str
    title: str = ""
    url: str = ""
    key: str = ""
    begins: Sequence[str] = ()
    local: bool = False
    billed: str = ""
    limit: str = "max_tokens"
    seed: str = "seed"
    schema: str = SCHEMAS[0]
    source: str = ""
    read: date | None = None

    @property
    def variable(self) -> str:
        """The environment variable that names another address."""
        return self.name.upper().replace("-", "_") + "_BASE_URL"

    @property
    def running(self) -> str:
        """What may help where the server cannot be reached; empty for one that is not local."""
        return f"is {self.title} running at {self.url}?" if self.local else ""

    def shape(self) -> Shape:
        """What a request to it has in it, to begin with."""
        return Shape(
            left_out=set() if self.seed else {"seed"},
            swapped=self.limit != "max_tokens",
            schema=SCHEMAS.index(self.schema),
        )

    def price(self, model: str, url: str) -> Price | None:
        """Free for a model that this machine runs itself; None where the price is unknown.

        Args:
            model: as ``--model`` takes it.
            url: the address of the server that is asked.
        """
        elsewhere = self.billed and bare_name(model).endswith(self.billed)
        return FREE if self.local and is_loopback(url) and not elsewhere else None


@cache
def endpoints() -> dict[str, Endpoint]:
    """The known endpoints by name."""
    text = (files("opro_cli.llm") / "endpoints.toml").read_text(encoding="utf-8")
    return {name: Endpoint(name, **row) for name, row in tomllib.loads(text).items()}


def endpoint_of(model: str) -> Endpoint:
    """The endpoint of a model, by the beginning of its name. Raises KeyError."""
    return endpoints()[model.partition(":")[0]]


def endpoint_at(url: str) -> Endpoint:
    """The endpoint at an address, whose ways its server has; one with the defaults for others."""
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    known = (e for e in endpoints().values() if urlsplit(e.url).netloc == host)
    return next(known, Endpoint(""))


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
