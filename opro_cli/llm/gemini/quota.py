"""Reads the details of a 429 from Google: a wait in seconds, or a spent quota of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as dt_time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opro_cli.core.errors import LLMError, QuotaError, TransientError
from opro_cli.llm.faults import Fault


def quota_error(message: str, fault: Fault) -> LLMError:
    """The error for a 429: with the server's wait, unless the quota of a day is spent."""
    kinds = [
        str(violation.get("quotaId", ""))
        for d in fault.details
        if str(d.get("@type", "")).endswith("QuotaFailure")
        for violation in _objects(d.get("violations"))
    ]
    if any("PerDay" in kind for kind in kinds):
        return QuotaError(
            f"the day's quota is spent and is reset {reset_time()} ({message})", free=True
        )
    return TransientError(message, wait=fault.wait, too_many=True, free=True)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def reset_time(now: datetime | None = None) -> str:
    """The time when the quota of a day is reset: midnight in Pacific time, as local time."""
    try:
        zone = ZoneInfo("America/Los_Angeles")
    except (ZoneInfoNotFoundError, OSError, ValueError):  # a machine without time zones
        return "at midnight Pacific time"
    pacific = (now or datetime.now(UTC)).astimezone(zone)
    midnight = datetime.combine(pacific.date() + timedelta(days=1), dt_time(), zone)
    local = midnight.astimezone()
    return f"at {local:%H:%M} on {local:%Y-%m-%d} (midnight Pacific time)"
