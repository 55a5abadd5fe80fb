"""From an answer that is an error to the error of this program, in the server's own words.

Servers with the same protocol write errors in many shapes; :func:`read_fault` reads all of them.
"""

from __future__ import annotations

import html
import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from opro_cli.core.errors import LLMError, QuotaError, TransientError

LONGEST = 500
"""Characters of the server's words that are shown."""

LATE = {408, 504, 522, 524}
"""Statuses of a gateway that has waited too long: the call may have been billed."""

PASSING = re.compile(
    r"overload|rate.?limit|too many requests|try again|temporar|unavailable|timed? ?out|busy", re.I
)

NO_MONEY = re.compile(
    r"insufficient[ _](\w+ )?(balance|credit|fund|quota)|(out of|no) (credits?|funds?)\b"
    r"|payment required|credits? (is|are|has been|have been) (depleted|exhausted|used up)"
    r"|(key|spend\w*|monthly|credit) limit (exceeded|reached)|credit balance is too low"
    r"|billing_hard_limit|not enough (credit|balance)|余额不足",
    re.I,
)


@dataclass(frozen=True)
class Fault:
    """What a server says of an error."""

    status: int
    words: str
    code: str = ""
    """The server's own code and type, as words."""
    param: str = ""
    """The parameter that it names."""
    sample: str | None = None
    """The text of a sample that the server itself has found invalid."""
    details: list[dict[str, Any]] = field(default_factory=list)
    """Google's details."""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wait(self) -> float | None:
        """Seconds that the server asks to wait; None where it names none."""
        for detail in self.details:
            if "RetryInfo" in str(detail.get("@type")):
                named = duration(detail.get("retryDelay"))
                if named is not None:
                    return named
        named = retry_after(self.headers)
        if named is None and self.status == 429:
            named = _reset(self.headers)
        if named is not None:
            return named
        said = _WAIT_SAID.search(self.words)
        return duration(said[1].replace(" ", "")) if said else None

    @property
    def out_of_money(self) -> bool:
        """Whether the account is empty, which no waiting mends."""
        if self.status == 402:
            return True
        said = f"{self.code} {self.words}"
        return self.status in (400, 401, 403, 429) and NO_MONEY.search(said) is not None

    def named(self, name: str) -> bool:
        """Whether the server names this parameter."""
        whole = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
        return re.search(whole, f"{self.param} {self.words}", re.I) is not None


def read_fault(status: int, body: str, headers: Mapping[str, str] | None = None) -> Fault:
    """What the server says in this body, whatever its shape."""
    data = parse(body)
    if data is None and (events := parse_events(body)):
        data = events[-1]
    if data is None:
        return Fault(status, _plain(body), headers=headers or {})
    return fault_in(status, data, headers)


def fault_in(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Fault:
    """As :func:`read_fault`, from JSON that is parsed already."""
    if isinstance(data, list) and len(data) == 1:
        data = data[0]  # Google writes a list of one
    error = data.get("error") if isinstance(data, dict) else None
    inner = error if isinstance(error, dict) else data if isinstance(data, dict) else {}
    codes = [inner.get(key) for key in ("code", "type", "status", "reason")]
    details = inner.get("details")
    sample = inner.get("failed_generation")
    is_sample = sample is not None or "json_validate_failed" in codes
    return Fault(
        status,
        _cut(_words(data) or json.dumps(data, default=str)),
        " ".join(code for code in codes if isinstance(code, str)),
        inner["param"] if isinstance(inner.get("param"), str) else "",
        (sample if isinstance(sample, str) else "") if is_sample else None,
        [d for d in details if isinstance(d, dict)] if isinstance(details, list) else [],
        headers or {},
    )


def status_in(data: Any) -> int | None:
    """The status that an error inside a 200 stands for; None where there is no error."""
    error = data.get("error") if isinstance(data, dict) else None
    if not error:
        return _status_beside(data) if isinstance(data, dict) else None
    inner = error if isinstance(error, dict) else {}
    for code in (inner.get("code"), inner.get("status"), data.get("code")):
        digits = str(code)[:4] if isinstance(code, str | int) else ""
        if digits.isascii() and digits.isdigit() and 400 <= int(digits) < 600:
            return int(digits)
    return 503 if PASSING.search(json.dumps(error, default=str)) else 400


def _status_beside(data: dict[str, Any]) -> int | None:
    """The status of an object that is no answer, but says in other words that it is an error."""
    if data.get("choices") or data.get("candidates") or not _words(data):
        return None
    failed = "error" in (data.get("object"), data.get("type"), data.get("status"))
    failed = failed or data.get("success") is False or bool(data.get("errors"))
    plain = isinstance(data.get("detail", data.get("message")), str)
    if not (failed or plain):
        return None
    return status_in({"error": {k: v for k, v in data.items() if k != "error"}})


def fault_error(fault: Fault, name: str, *, hints: Mapping[int, str] | None = None) -> LLMError:
    """The error for a status that is not 200.

    Args:
        fault: what the server says.
        name: of the model, for the message.
        hints: what may help, by status.
    """
    status, hint = fault.status, (hints or {}).get(fault.status, "")
    message = f"{name} answered {status}: {fault.words or 'nothing more'}"
    if fault.out_of_money:
        return QuotaError(
            f"the account's quota is spent ({message})", "add credit to the account", free=True
        )
    if status == 429:
        return TransientError(message, hint, wait=fault.wait, too_many=True, free=True)
    if status in LATE:
        return TransientError(message, hint, wait=fault.wait, late=True)
    if status in (409, 425) or (status >= 500 and status not in (501, 505)):
        return TransientError(message, hint, wait=fault.wait, free=True)
    if 300 <= status < 400:
        return LLMError(
            f"{name} answered {status}, a redirect, which is not followed.", hint, free=True
        )
    return LLMError(message, hint, free=True)


def parse(text: str) -> Any:
    """The JSON in a text; None where it is none that can be read."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def parse_events(body: str) -> list[Any]:
    """The JSON in the events of a stream, or in the lines of a body; nothing for another text."""
    lines = body.removeprefix("\ufeff").strip().splitlines()
    if lines and lines[0].startswith(("data:", "event:", "id:", ":")):
        lines = [line.removeprefix("data:") for line in lines if line.startswith("data:")]
    elif len(lines) < 2 or not all(line[:1] in "{[" for line in lines if line):
        return []
    return [found for line in lines if (found := parse(line.strip())) is not None]


_SECONDS = re.compile(r"[0-9]{1,15}(\.[0-9]*)?")
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]*)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: Any) -> float | None:
    """Seconds in ``5s``, ``1.5s``, ``1m30s``, ``1h`` or ``5``; None for anything else."""
    if isinstance(value, dict):  # a protobuf duration in full
        value = value.get("seconds")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value < math.inf else None
    text = str(value).strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the headers ask to wait, as a number or a date; None where they ask nothing."""
    precise = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(precise):
        return float(precise) / 1000
    text = headers.get("retry-after", "").strip()
    if (named := duration(text)) is not None:
        return named
    until = _date(text)
    if until is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)  # the server's own clock, if it says
    return max((until - now).total_seconds(), 0.0)


_WAIT_SAID = re.compile(
    r"(?:try again|retry|wait)\s+(?:in|after|for)\s+((?:[0-9.]+\s?(?:ms|s|m|h)\s?)+)",
    re.I,
)


def _reset(headers: Mapping[str, str]) -> float | None:
    """Seconds until the limit is renewed that is used up: the longest, where none says so."""
    found = []
    for name, value in headers.items():
        kind = re.fullmatch(r"(?:x-)?ratelimit-reset(-\w+)?", name.lower())
        seconds = duration(value) if kind else None
        if kind is None or seconds is None:
            continue
        if seconds > _EPOCH:  # a time since 1970, in seconds or in thousandths of them
            seconds = max(seconds / (1000 if seconds > 1000 * _EPOCH else 1) - time.time(), 0.0)
        prefix = name.lower().replace("reset", "remaining")
        left = headers.get(prefix, "").strip()
        if left in ("", "0"):
            found.append(seconds)
    return max(found, default=None)


_EPOCH = 1e9


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


_KEYS = ("message", "msg", "detail", "details", "error", "errors", "error_description", "title")


def _words(data: Any, depth: int = 0) -> str:
    """The sentence in an error, in whatever shape it is."""
    if isinstance(data, str):
        return data.strip()
    if depth > 6:
        return ""
    if isinstance(data, list):
        return "; ".join(found for item in data[:5] if (found := _words(item, depth + 1)))
    if not isinstance(data, dict):
        return ""
    if isinstance(data.get("error"), dict | str) and depth == 0:
        return _words(data["error"], 1) or _words({**data, "error": None}, 1)
    said = next((text for key in _KEYS if (text := _words(data.get(key), depth + 1))), "")
    where = data.get("loc")  # FastAPI
    if isinstance(where, list):
        said = f"{'.'.join(str(part) for part in where[:8])}: {said}"
    upstream = data.get("metadata")  # OpenRouter
    if isinstance(upstream, dict) and isinstance(upstream.get("raw"), str):
        raw = parse(upstream["raw"])
        said = f"{said} ({_words(raw, depth + 1) if raw is not None else upstream['raw']})"
    return said


def _plain(text: str) -> str:
    """The words of a text or a page."""
    head = text[:20_000]
    title = re.search(r"<title[^>]*>(.*?)</title>", head, re.I | re.S)
    if title:
        return _cut(html.unescape(title[1]))
    message = re.search(r"<message>(.*?)</message>", head, re.I | re.S)
    if message:
        return _cut(html.unescape(message[1]))
    if re.match(r"\s*<[?!a-z]", head, re.I):
        return _cut(html.unescape(re.sub(r"<[^>]*>", " ", head)))
    return _cut(head)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
