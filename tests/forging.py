"""Runs that say whatever a test wants, with right checksums: only reading them strictly helps."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opro_cli.runs.store import EVENTS_FILE, RUN_FILE
from tests.chains import open_events

Forgery = Callable[[dict[str, Any], list[dict[str, Any]]], object]
"""Changes ``run.json`` and the events in place."""


def forged(original: Path, change: Forgery, name: str = "forged") -> Path:
    """A copy of a run beside it, changed, its checksums right."""
    copy = original.with_name(name)
    shutil.copytree(original, copy)
    about, events = json.loads((copy / RUN_FILE).read_text()), open_events(copy)
    change(about, events)
    about.pop("seal", None)
    about["seal"] = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    (copy / RUN_FILE).write_text(json.dumps(about))
    lines = []
    for number, event in enumerate(events, 1):
        rest = {k: v for k, v in event.items() if k not in ("n", "crc")}
        body = json.dumps({"n": number, **rest}).encode()[:-1]
        lines.append(body + b', "crc": "%08x"}\n' % zlib.crc32(body))
    (copy / EVENTS_FILE).write_bytes(b"".join(lines))
    return copy


def first(events: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The first event of a type."""
    return next(event for event in events if event["type"] == kind)
