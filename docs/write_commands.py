"""Write ``docs/commands.md`` from the commands and options that there are.

python docs/write_commands.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from opro_cli.cli.app import COMMANDS, app
from opro_cli.cli.options.flag import OUTPUT, PANELS, RARE

PAGE = Path(__file__).with_name("commands.md")

BEGINNING = """\
# Commands and options

Every command, its options in groups, and an example. `opro COMMAND -h` shows the same on one
screen, `opro help --all COMMAND` with the rare options in full. `opro --install-completion` lets
the shell complete commands, options, presets, models, optimizers, formats and runs.

A value is taken from the first of these that sets it: an option, `--set`, the environment, `.env`,
the preset, the default. `--print-config` shows the source of every value. `--set` takes any setting
of a preset by its dotted key, as in `--set opro.temperature=1.3`, and swept values, as in
`--set sweep.opro.temperature=[1.0,1.5]`; it can be given several times.

Data goes to stdout, progress and messages to stderr. Exit codes: 0 done; 1 a run failed, or a
replay differs; 2 wrong usage or configuration; 3 stopped by a cap or a quota; 130 interrupted.

| variable | what it sets |
| --- | --- |
| `MODEL_NAME` | `--model` |
| `OPENAI_BASE_URL` | `--base-url` |
| `OPRO_RUNS_DIR` | `--runs-dir`, else `./runs` |
| `OPRO_DISPLAY` | `--display` |
| `OPRO_THREADS` | threads of a local model |
| `OPRO_CACHE_DIR` | where local models are kept, else `~/.cache/opro` |

A run is named by its id, the beginning of it, its end (at least four characters, as
`opro runs list` shows them on a narrow terminal), or `latest`.

While runs go on, a table on stderr shows how far they are (`--display rich`, the default in a
terminal; `plain` prints lines, `json` objects, `none` nothing):

![The live table: two finished runs, a third one running](live-table.svg)
"""


def page() -> str:
    """The whole page."""
    top: Any = typer.main.get_command(app)
    lines = [BEGINNING]
    for name, entry in COMMANDS.items():
        command = top
        for word in name.split():
            command = command.commands[word]
        lines += [f"## opro {name}\n", f"{entry.help} {entry.more}".strip() + "\n"]
        lines += [f"```console\n{entry.example}\n```\n", *_tables(command)]
    lines += [
        "## opro help\n",
        "Print the help of a command; with `--all`, of its rare options too.\n",
    ]
    lines += ["```console\nopro help runs show\n```"]
    return "\n".join(lines) + "\n"


def _tables(command: Any) -> Iterator[str]:
    """The options of a command: a table with a heading for each group."""
    rows: dict[str, list[str]] = {}
    for parameter in command.params:
        panel = (getattr(parameter, "rich_help_panel", None) or OUTPUT).removesuffix(RARE)
        names = ", ".join(f"`{name}`" for name in parameter.opts)
        if parameter.param_type_name == "argument":
            names = f"`{parameter.metavar}`"
        elif parameter.metavar:
            names = names[:-1] + f" {parameter.metavar}`"
        shown = names.replace("|", "\\|")
        rows.setdefault(panel, []).append(f"| {shown} | {parameter.help} |")
    for panel in PANELS:
        if panel in rows:
            yield "\n".join([f"| {panel.lower()} | |", "| --- | --- |", *rows[panel]]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
