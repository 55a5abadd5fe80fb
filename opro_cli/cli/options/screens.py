"""Help on one screen: options in groups, the rare ones by name, an example. Without rich, which
would double the time of ``opro --help``."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from opro_cli.cli.options.flag import OUTPUT, PANELS, RARE
from opro_cli.cli.options.habits import (
    leads_to,
    meant_option,
    run_of_preset,
    split_function,
    split_target,
)

IN_FULL = "opro.help.all"
"""The key in a context's ``meta`` that asks for every option in full."""

NARROW = 25
"""Characters of the options in the help; a longer one has a line of its own."""

FEW = 2
"""Rare options that are explained all the same, where there are no more."""


class Command(TyperCommand):
    """A command whose help has its options in groups."""

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if target := split_target(args):
            ctx.fail(f"The parts of a target need a comma between them: --target {target[:100]}")
        if meant := split_function(self.name or "", args):
            ctx.fail(f"File and function are one word. Type: {meant[:200]}")
        known = {option for parameter in self.params for option in parameter.opts}
        for word in (arg.partition("=")[0] for arg in args):
            if word not in known and (meant := meant_option(self.name or "", word)):
                ctx.fail(f"There is no option {word}. {meant}")
        return super().parse_args(ctx, args)

    @override
    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_options(self, ctx, formatter)

    @override
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        super().format_epilog(ctx, formatter)
        if _rare(self.get_params(ctx), ctx):
            command = ctx.command_path.partition(" ")[2]
            with formatter.indentation():
                formatter.write_text(f"Every option: opro help --all {command}")


class Group(TyperGroup):
    """Commands, listed under headings. A word that is none of them leads on."""

    headings: Sequence[tuple[str, Sequence[str]]] = ()
    """The headings, each with its commands; commands in none of them come last."""

    @override
    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)

    @override
    def format_commands(self, ctx: Any, formatter: Any) -> None:
        named = {name for _, names in self.headings for name in names}
        others = [name for name in self.list_commands(ctx) if name not in named]
        widest = max(map(len, self.commands), default=0)
        for heading, names in (*self.headings, ("Commands", others)):
            rows = [
                (name.ljust(widest), self.commands[name].get_short_help_str(200))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            group = self.name or "opro"
            found = (group == "opro" and run_of_preset(args[0])) or leads_to(
                group, args[0], self.commands
            )
            ctx.fail(f"There is no command {args[0][:60]!r}. {found}".strip())
        return super().resolve_command(ctx, args)


def write_options(command: Any, ctx: Any, formatter: Any) -> None:
    """Write the options and arguments of a command, group by group."""
    rows: dict[str, list[tuple[str, str]]] = {}
    named: dict[str, list[str]] = {}
    parameters = [p for p in command.get_params(ctx) if p.get_help_record(ctx) is not None]
    rare = _rare(parameters, ctx)
    for parameter in sorted(parameters, key=lambda p: p.param_type_name != "argument"):
        panel = (getattr(parameter, "rich_help_panel", None) or OUTPUT).removesuffix(RARE)
        if parameter in rare:
            named.setdefault(panel, []).append(parameter.opts[0])
        else:
            rows.setdefault(panel, []).append(_row(parameter, ctx))
    for panel in PANELS:
        if panel not in rows and panel not in named:
            continue
        with formatter.section("Options" if isinstance(command, Group) else panel):
            listed = [(left.ljust(NARROW), right) for left, right in rows.get(panel, [])]
            if listed:
                formatter.write_dl(listed, NARROW)
            also = f"Also {', '.join(named[panel])}." if panel in named else ""
            for line in textwrap.wrap(also, formatter.width - 2, break_on_hyphens=False):
                formatter.write(f"  {line}\n")


def _rare(parameters: Sequence[Any], ctx: Any) -> list[Any]:
    """The parameters that are only named."""
    rare = [p for p in parameters if (getattr(p, "rich_help_panel", None) or "").endswith(RARE)]
    return rare if len(rare) > FEW and not ctx.meta.get(IN_FULL, False) else []


def _row(parameter: Any, ctx: Any) -> tuple[str, str]:
    """How a parameter is typed, and what it does."""
    left, right = parameter.get_help_record(ctx)
    if parameter.param_type_name == "argument":
        left = parameter.metavar or left
    return left, parameter.help or right


def print_help(ctx: Any, words: Sequence[str], *, in_full: bool) -> None:
    """Print the help of a command. Fails as a wrong command does where there is none.

    Args:
        ctx: of ``opro help``.
        words: the names of the command; none for ``opro`` itself.
        in_full: explain the rare options too.
    """
    here = ctx.find_root()
    for word in words:
        if not isinstance(here.command, Group):
            here.fail(f"{here.command_path} has no command {word[:60]!r}.")
        _, found, _ = here.command.resolve_command(here, [word])
        here = type(here)(found, info_name=word, parent=here)
    here.meta[IN_FULL] = in_full
    typer.echo(here.get_help())
