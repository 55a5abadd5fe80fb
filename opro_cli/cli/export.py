"""``opro export``."""

from __future__ import annotations

import json

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.cli.runs.listing import chosen_runs
from opro_cli.core.errors import UsageError
from opro_cli.core.text import plural
from opro_cli.export import TARGETS
from opro_cli.export.target import Destination
from opro_cli.llm import secret_names
from opro_cli.llm.redaction import key_forms
from opro_cli.presets.environment import Environment
from opro_cli.runs.launch import redactor
from opro_cli.runs.store import RunStore, runs_directory


def export(options: Options) -> int:
    """Export runs; exit code 1 where one is damaged."""
    TARGETS.check(options["to"], "--to")
    env = Environment()
    path = options["output"]
    where = Destination(
        path=None if path is None else path.expanduser(),
        endpoint=options["endpoint"] or "",
        texts=not options["no_texts"],
        env=env,
        redact=redactor(key_forms(env, secret_names())),
    )
    target = TARGETS[options["to"]]
    target.check(where)
    store = RunStore(runs_directory(options["runs_dir"], env))
    if not options.several("runs") and not options.several("preset"):
        raise UsageError("No run is named.", "as in `latest`, or --preset NAME for all of a preset")
    chosen, damaged = chosen_runs(store, options)
    for error in damaged:
        say(f"error: {error.message}")
    if damaged:
        say(f"hint: {damaged[0].hint}")
    exported = target.export(chosen, where)
    if options["json"]:
        print_out(json.dumps({"place": exported.place, **exported.items}) + "\n")
    for note in exported.notes:
        say(note)
    counts = ", ".join(
        f"{number} {kind}" if kind == "unchanged" else plural(number, kind.removesuffix("s"))
        for kind, number in exported.items.items()
        if number or kind == "runs"
    )
    say(f"exported to {exported.place}: {counts}")
    return 1 if damaged else 0
