"""Prices of models that our own file is silent about, from the package ``genai-prices``.

The package brings its table with it: no server is asked. Our own file goes first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import Any

from opro_cli.core.model import Price

HOURS = 24
"""Some prices depend on the hour: the highest of a day is taken, so that no cap is exceeded."""


def listed_price(model: str, url: str) -> Price | None:
    """The price of a model on a server; None where it, or the package, is not there.

    Where a price grows with the length of a prompt, it is the highest.

    Args:
        model: as the server knows it.
        url: the server's address: the same model costs more or less elsewhere.
    """
    if not url or find_spec("genai_prices") is None:
        return None
    from genai_prices import data_snapshot

    try:
        found: Any = data_snapshot.get_snapshot().find_provider_model(model, None, None, url)[1]
        now = datetime.now(UTC)
        prices = [found.get_prices(now + timedelta(hours=hour)) for hour in range(HOURS)]
    except LookupError:
        return None
    input_, output = (
        _highest([getattr(price, name) for price in prices])
        for name in ("input_mtok", "output_mtok")
    )
    return None if input_ is None or output is None else Price(input_, output)


def _highest(prices: list[Any]) -> float | None:
    """The highest of prices that may have tiers; None where one is unknown."""
    if any(price is None for price in prices):
        return None
    tiers = [
        value
        for price in prices
        for value in (
            getattr(price, "base", price),
            *(t.price for t in getattr(price, "tiers", ())),
        )
    ]
    return float(max(tiers))
