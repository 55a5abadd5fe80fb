"""Data that travels in the page: JSON, compressed, as letters that no browser reads as anything.

The script of the page decompresses them and writes them as text.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from typing import Any

from opro_cli.report.figures.elements import Element


def pack(data: Any) -> str:
    """JSON data as zlib in base64; characters that no browser can show are replaced."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return b64encode(zlib.compress(text.encode("utf-8", "replace"), 9)).decode("ascii")


def data_block(kind: str, number: int, packed: str) -> Element:
    """A block of data in the page, found by its kind and number.

    Args:
        kind: ``run`` or ``grid``.
        number: counted from 0.
        packed: see :func:`pack`.
    """
    name = f"{kind}-data-{number}"
    return Element("script", packed, type="application/octet-stream", id=name)
