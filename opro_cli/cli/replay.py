"""``opro replay``."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import RunsError
from opro_cli.core.text import plural
from opro_cli.presets.environment import Environment
from opro_cli.runs import recordings
from opro_cli.runs.checks.audit import VALUES
from opro_cli.runs.checks.replay import check_all
from opro_cli.runs.provenance import circumstances
from opro_cli.runs.store import RunStore, runs_directory


def replay(options: Options) -> int:
    """Recompute recorded runs; exit code 1 where a result differs."""
    root = runs_directory(options["runs_dir"], Environment())
    save = options["save"]
    if save:
        RunStore(root).check_writable()
    about = circumstances() if save else {}
    places = [place for path in options.several("paths") for place in _places(path, root)]
    checked = same = 0
    unchecked: dict[str, None] = {}
    for result in check_all(places, root if save else None, about):
        checked += 1
        same += result.ok
        unchecked |= dict.fromkeys(result.facts.get("unchecked", ()))
        print_out((json.dumps(result.facts) if options["json"] else result.line) + "\n")
    given = "; the values of an objective are taken from the log" if VALUES in unchecked else ""
    say(f"{same} of {plural(checked, 'run')} recomputed identically{given}.")
    if unchecked:
        say(f"Not checked: {'; '.join(unchecked)}.")
    return 0 if same == checked else 1


def _places(path: Path, root: Path) -> list[Path]:
    """The recordings at a path, or the runs with this id. Raises UsageError for neither."""
    if not path.exists():
        with contextlib.suppress(RunsError):
            runs, damaged = RunStore(root).select([str(path)])
            if runs and not damaged:
                return [run.path for run in runs]
    return recordings.places(path)
