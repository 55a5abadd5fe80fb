"""Round every command: errors become sentences, and what a function returns its exit code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import typer

from opro_cli.errors import OproError
from opro_cli.output import prepare, say


def command(group: typer.Typer, name: str) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Register a command whose function returns its exit code; errors become sentences."""

    def register(function: Callable[..., int]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> None:
            raise typer.Exit(_guarded(lambda: function(*args, **kwargs), bool(kwargs.get("debug"))))

        group.command(name)(run)
        return run

    return register


def _guarded(call: Callable[[], int], debug: bool) -> int:
    prepare()
    try:
        return call()
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except OproError as error:
        if debug:
            raise
        say(f"error: {error.message}")
        if error.hint:
            say(f"hint: {error.hint}")
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        say(f"error: this should not have happened: {type(error).__name__}: {error}")
        say("hint: run it again with --debug, and please report what it shows")
        return 1
