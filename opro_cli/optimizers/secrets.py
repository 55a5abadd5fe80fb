"""Settings are in every log, so that none of them may hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
"""The name of a header."""

SECRET = re.compile(
    r"auth|cookie|(api|access|subscription|goog)[-_]?key|secret|token|password", re.I
)
"""Names of headers that hold secrets."""

SECRET_FIELD = re.compile(
    r"^(key|token|secret|bearer|jwt|pwd)$|authorization|authentication|credential|cookie|password"
    r"|passwd|(api|app|access|account|subscription|secret|private|auth|master|goog)[-_]?keys?$"
    r"|(access|auth|bearer|refresh|session|api|id|authorization|security)[-_]?token$"
    r"|[-_]?secret$|^secret[-_]",
    re.I,
)
"""Names of fields of a body that hold secrets, unlike ``max_tokens`` and ``prompt_cache_key``."""

SECRET_VALUE = re.compile(
    r"\bBearer\s+[\w.~+/=-]{8,}|\bBasic\s+(?=\S*[A-Z0-9=])[\w+/=-]{8,}"
    r"|\b(sk|pk|rk|xai|gsk|hf|ghp|gho|glpat|xox[a-z]|r8|nvapi)[-_][\w-]{16,}"
    r"|\bAIza[\w-]{30,}|\bAKIA[A-Z0-9]{16}\b|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}"
    r"|://[^/\s:@]+:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY"
)
"""Texts that are a key, a login or an address with one."""


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises ValueError for a header that cannot be sent, or that holds a secret."""
    for name, value in headers.items():
        check_no_secret(name, value)
        if not HEADER.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise ValueError(f"{name[:40]!r} is no header that can be sent")
        if SECRET.search(name):
            raise secret_in(name)


def check_no_secret(name: str, value: Any) -> None:
    """Raises ValueError, without showing it, for a value that is, or holds, a secret."""
    if isinstance(value, Mapping):
        for inner, item in value.items():
            if SECRET_FIELD.search(str(inner)) and isinstance(item, str | int | float) and item:
                raise secret_in(str(inner)[:40])
            check_no_secret(str(inner), item)
    elif isinstance(value, list | tuple):
        for item in value:
            check_no_secret(name, item)
    elif isinstance(value, str) and SECRET_VALUE.search(value):
        raise secret_in(name[:40])


def secret_in(name: str) -> ValueError:
    """The error for a secret in a setting."""
    return ValueError(f"{name} would put a secret into every log; a key belongs into .env")
