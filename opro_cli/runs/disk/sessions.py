"""``sessions.jsonl``: the commands that wrote a run. Each has a line when it begins, and another
when it is done with the run, which says how long the log was then, with its hash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from opro_cli.llm.budget import BudgetSettings
from opro_cli.runs.disk.fields import (
    count,
    fields,
    mapping_of,
    optional,
    plain,
    positive,
    text,
    time,
)

CAPS = tuple(BudgetSettings.model_fields)


@dataclass(frozen=True)
class LogEnd:
    """How a command left a log."""

    lines: int
    sha256: str
    """Of all these lines."""


@dataclass(frozen=True)
class Session:
    """One command that wrote a run."""

    name: str
    began: datetime
    budget: Mapping[str, Any]
    """The caps it was given."""
    number: int = 0
    """Its place among the sessions of its runs: a clock can be set back."""
    end: LogEnd | None = None
    """None for one that did not come to its end, or is an older one."""


NAME = text(100)
CAP = optional(positive)
BEGIN = fields(
    {
        "t": time,
        "session": NAME,
        "budget": fields({}, dict.fromkeys(CAPS, CAP)),
    },
    {"number": count},
    plain,
)
END = fields(
    {"t": time, "session": NAME, "end": fields({"lines": count, "sha256": text(64)}, {})}, {}
)
ANY = mapping_of(plain)


def read_sessions(data: bytes) -> list[Session]:
    """The sessions, in the order in which they began.

    Raises ValueError, naming the line. A last line without its line break is left out.
    """
    found: dict[str, Session] = {}
    ended: tuple[str, LogEnd] | None = None
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        try:
            said = json.loads(line)
            ANY(said)
            if "end" in said:
                END(said)
                ended = said["session"], LogEnd(said["end"]["lines"], said["end"]["sha256"])
            else:
                BEGIN(said)
                name, caps = said["session"], said["budget"]
                found[name] = Session(name, time(said["t"]), caps, said.get("number", 0))
                ended = None  # a log may be shorter than it was left: this command has seen it
        except json.JSONDecodeError:
            raise ValueError(f"line {number}: not JSON") from None
        except RecursionError:
            raise ValueError(f"line {number}: nested too deep") from None
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    if ended is not None and ended[0] in found:
        found[ended[0]] = replace(found[ended[0]], end=ended[1])
    return list(found.values())
