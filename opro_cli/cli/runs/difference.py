"""``opro runs diff``."""

from __future__ import annotations

import json
from typing import Any

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import one_run, stored_json
from opro_cli.core.mappings import changes
from opro_cli.core.text import clean
from opro_cli.runs.record import read_record
from opro_cli.runs.store import StoredRun


def diff(options: Options) -> int:
    """Print the differences between two runs."""
    first, second = (_compared(one_run(options[n], options["runs_dir"])) for n in ("a", "b"))
    found = changes(first, second)
    if options["json"]:
        print_out(json.dumps([{"key": k, "a": x, "b": y} for k, x, y in found]) + "\n")
        return 0
    for key, x, y in found:
        print_out(clean(f"{key}: {json.dumps(x)} → {json.dumps(y)}", 1000) + "\n")
    if not found:
        say("The runs do not differ.")
    return 0


def _compared(run: StoredRun) -> dict[str, Any]:
    git = run.about.get("git") or {}
    record = read_record(run, whole=False)
    return {
        "settings": {k: v for k, v in run.about["spec"].items() if k != "published"},
        "model": run.about.get("model"),
        "versions": {**run.about.get("versions", {}), "commit": git.get("commit")},
        "result": stored_json(run, record.spec, record.totals),
    }
