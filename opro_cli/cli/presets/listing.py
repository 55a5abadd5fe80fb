"""``opro presets``."""

from __future__ import annotations

import json

from opro_cli.cli.console import print_out, say
from opro_cli.cli.flags import Options
from opro_cli.core.errors import OproError
from opro_cli.core.text import clean, plural
from opro_cli.presets import files
from opro_cli.presets.resolve import Resolved, resolve


def presets(options: Options) -> int:
    """List every preset; one that is wrong is listed with its error."""
    for name, path in files.available().items():
        if hidden := files.hidden(name):
            say(f"note: {hidden}.")
        try:
            found = resolve(str(path))
        except OproError as error:
            wrong = {"name": name, "path": files.tidy(path), "error": error.message}
            line = f"{clean(name, 40):<14} cannot be used: {clean(error.message)}"
            print_out((json.dumps(wrong) if options["json"] else line) + "\n")
            continue
        print_out((_json(name, found) if options["json"] else _line(name, found)) + "\n")
    return 0


def _json(name: str, found: Resolved) -> str:
    facts = {
        "name": name,
        "title": found.base.general.title,
        "path": found.path,
        "problem": found.base.problem.kind,
        "targets": list(found.base.problem.targets),
        "reps": found.base.general.reps,
        "optimizers": list(found.base.optimizers),
        "cells": len(found.cells),
    }
    return json.dumps(facts)


def _line(name: str, found: Resolved) -> str:
    runs = plural(sum(cell.count(found.base.optimizers) for cell in found.cells), "run")
    return f"{clean(name, 40):<14} {clean(found.base.general.title, 80)}  ({runs})"
