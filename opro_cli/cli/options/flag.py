"""One option or argument of a command, and how typer reads it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any

import typer

from opro_cli.cli.options.completion import COMPLETERS

PROBLEM, MODEL, BUDGET, RUNS, OUTPUT = "Problem", "Model", "Budget", "Runs", "Output"
PANELS = (PROBLEM, MODEL, BUDGET, RUNS, OUTPUT)
"""The groups of options, in the order of the help."""

RARE = ", rare"
"""Behind the group of an option that the help names and only ``opro help --all`` explains."""


@dataclass(frozen=True)
class Flag:
    """One option, or one argument.

    Args:
        name: its name among a command's options.
        commands: the commands that have it.
        help: one sentence without its full stop; 48 characters are a line of the help.
        declarations: how it is typed; none for an argument.
        setting: the dotted key that it sets, or ``*.field``; empty for one that sets none.
        metavar: its value in the help.
        type: of its value. A number is a text until it is read as a preset would read it.
        default: the value if it is not given; ``...`` where it must be given.
        repeatable: whether it can be given several times.
        text: the value of the setting is a text, whatever it looks like.
        least: the least value of a number that sets nothing.
        kind: the only kind of problem that it is for; empty for any.
        panel: its group in the help.
        rare: the commands whose help names it in one line with others.
        complete: what a shell completes it with, of ``COMPLETERS``; empty for nothing.
    """

    name: str
    commands: frozenset[str]
    help: str
    declarations: tuple[str, ...] = ()
    setting: str = ""
    metavar: str | None = None
    type: type = str
    default: Any = None
    repeatable: bool = False
    text: bool = False
    least: int | None = None
    kind: str = ""
    panel: str = OUTPUT
    rare: frozenset[str] = frozenset()
    complete: str = ""

    def parameter(self, command: str) -> inspect.Parameter:
        """The parameter of this command's function, as typer reads it."""
        shown: dict[str, Any] = {
            "metavar": self.metavar,
            "help": self.help + ".",
            "show_default": False,
            "autocompletion": COMPLETERS[self.complete] if self.complete else None,
            "rich_help_panel": self.panel + RARE * (command in self.rare),
        }
        declared: Any
        if self.declarations:
            parser = directory if self.name == "runs_dir" else None
            declared = typer.Option(*self.declarations, min=self.least, parser=parser, **shown)
        else:
            declared = typer.Argument(**shown)
        kind: Any = GenericAlias(list, (self.type,)) if self.repeatable else self.type
        kind = kind | None if self.default is None else kind
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if self.default is ... else self.default,
            annotation=Annotated[kind, declared],
        )


def directory(text: str) -> Path:
    """The directory that an option names. Raises typer.BadParameter where it names none."""
    if not text.strip() or "\0" in text:
        raise typer.BadParameter("this names no directory; leave the option out for ./runs.")
    return Path(text)
