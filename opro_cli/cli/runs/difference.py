"""``opro runs diff``."""

from __future__ import annotations

import json
from typing import Any

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import one_run, stored_json
from opro_cli.core.mappings import MISSING, changes
from opro_cli.core.text import clean, reason_text, status_text
from opro_cli.runs.disk.contents import PROBLEM, recorded, short
from opro_cli.runs.record import read_record
from opro_cli.runs.store import StoredRun

CONTENTS = "contents"
"""What a run was made from, such as the objective's file."""

REPLIES = "result.replies."
"""The beginning of a key that counts replies of a status."""


def diff(options: Options) -> int:
    """Print the differences between two runs."""
    first, second = (_compared(one_run(options[n], options["runs_dir"])) for n in ("a", "b"))
    found = changes(first, second)
    if options["json"]:
        print_out(json.dumps([{"key": k, "a": x, "b": y} for k, x, y in found]) + "\n")
        return 0
    for key, x, y in found:
        print_out(clean(f"{_name(key)}: {_shown(key, x)} → {_shown(key, y)}", 1000) + "\n")
    if not found:
        say("The runs do not differ.")
    return 0


def _compared(run: StoredRun) -> dict[str, Any]:
    git = run.about.get("git") or {}
    record = read_record(run, whole=False)
    return {
        "settings": _settings(run),
        "model": run.about.get("model"),
        CONTENTS: recorded(run.about),
        "versions": {**run.about.get("versions", {}), "commit": git.get("commit")},
        "result": stored_json(run, record.spec, record.totals),
    }


def _settings(run: StoredRun) -> dict[str, Any]:
    """The settings under the keys of a preset: an optimizer's own in the section of its name."""
    spec = {key: value for key, value in run.about["spec"].items() if key != "published"}
    own = spec.pop("settings", {})
    return {**spec, str(spec["optimizer"]): own}


def _name(key: str) -> str:
    """The key as the screens have it: a setting as in a preset, a status in words."""
    key = key.removeprefix("settings.")
    if key.startswith(f"{CONTENTS}."):
        return key.removeprefix(f"{CONTENTS}.").removeprefix(PROBLEM)
    if key.startswith(REPLIES):
        return f"replies {status_text(key.removeprefix(REPLIES))}"
    return key.removeprefix("result.")


def _shown(key: str, value: Any) -> str:
    """A value, or, where it says how a run ended, its words."""
    if key in ("result.state", "result.reason") and isinstance(value, str):
        return reason_text(value)
    if key.startswith(f"{CONTENTS}.") and value != MISSING:
        return short(str(value))
    return value if value == MISSING else json.dumps(value, ensure_ascii=False)
