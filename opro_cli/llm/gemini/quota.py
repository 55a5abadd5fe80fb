"""Reads the details of a 429 from Google: a wait in seconds, or a spent quota of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as dt_time
from typing import Any
from zoneinfo import ZoneInfo

from opro_cli.core.errors import LLMError, QuotaError, TransientError


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a JSON array; an empty list for any other value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def quota_error(message: str, details: list[dict[str, Any]]) -> LLMError:
    """The error for a 429: with the server's wait, unless the quota of a day is spent."""
    kinds = [
        str(violation.get("quotaId", ""))
        for d in details
        if str(d.get("@type", "")).endswith("QuotaFailure")
        for violation in objects(d.get("violations"))
    ]
    if any("PerDay" in kind for kind in kinds):
        return QuotaError(f"the day's quota is spent and is reset {reset_time()} ({message})")
    wait = next(
        (_seconds(d.get("retryDelay")) for d in details if "RetryInfo" in str(d.get("@type"))), None
    )
    return TransientError(message, wait=wait, too_many=True)


def reset_time(now: datetime | None = None) -> str:
    """The time when the quota of a day is reset: midnight in Pacific time, as local time."""
    pacific = (now or datetime.now(UTC)).astimezone(ZoneInfo("America/Los_Angeles"))
    midnight = datetime.combine(pacific.date() + timedelta(days=1), dt_time(), pacific.tzinfo)
    local = midnight.astimezone()
    return f"at {local:%H:%M} on {local:%Y-%m-%d} (midnight Pacific time)"


def _seconds(text: Any) -> float | None:
    try:
        return max(0.0, float(str(text).removesuffix("s")))
    except ValueError:
        return None
