"""``opro presets show``: the file of a preset, as it is."""

from __future__ import annotations

import json
import os

from opro_cli.cli.console import print_out, say, width
from opro_cli.cli.flags import Options
from opro_cli.core.text import clean
from opro_cli.presets import files

LONGEST = 2000
"""Characters of a line that are shown in a terminal."""


def show(options: Options) -> int:
    """Print the text; in a terminal in colours, as JSON with ``--json``."""
    if hidden := files.hidden(options["preset"]):
        say(f"note: {hidden}.")
    path = files.find(options["preset"])
    if options["json"]:
        print_out(json.dumps(files.load_file(path)) + "\n")
        return 0
    text = files.read_text(path)
    columns = width()
    if columns is None:
        print_out(text)
        return 0
    say(f"# {files.tidy(path)}")
    lines = [clean(line, LONGEST) for line in text.splitlines()]
    print_out(_coloured(lines) if "NO_COLOR" not in os.environ else "\n".join(lines) + "\n")
    return 0


def _coloured(lines: list[str]) -> str:
    """The lines as YAML, with the colours of the terminal's own palette."""
    import io

    from rich.console import Console
    from rich.syntax import Syntax

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=LONGEST, color_system="standard")
    syntax = Syntax("\n".join(lines), "yaml", theme="ansi_dark", background_color="default")
    console.print(syntax, end="", soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
