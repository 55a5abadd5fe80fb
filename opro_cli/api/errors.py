"""Errors in the words of Python: one class, with its hint as a note below the traceback."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

from opro_cli.core.errors import OproError

WORDS: Mapping[str, str] = {
    "problem.parameters.": "space.",
    "problem.starts": "starts",
    "problem.goal": "goal",
    "problem.description": "describe",
    "problem.scorer.model": "scorer",
    "budget.max_": "budget.",
    "max_evaluations": "budget.evaluations",
    "into .env": "into the environment (os.environ)",
    "the same command": "the same call",
    "and --fresh": "and fresh=True",
    "--fresh": "fresh=True",
    "--runs-dir or OPRO_RUNS_DIR": "runs=",
    "--runs-dir": "runs=",
    "--max-cost": "a budget with cost=",
    "--max-calls": "a budget with calls=",
    "--max-tokens": "a budget with tokens=",
    "--strict-model": 'settings={"opro.strict_model": True}',
    "--concurrency": "an account with concurrency=",
}
"""Settings and options, and what they are called here; the first that fits is taken."""

_WORD = re.compile("|".join(map(re.escape, WORDS)))
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")


def in_python(text: str) -> str:
    """A sentence with the options of the command line as arguments."""
    text = _WORD.sub(lambda found: WORDS[found[0]], text)
    return _OPTION.sub(lambda found: found[1].replace("-", "_") + "=", text)


@contextlib.contextmanager
def python_words() -> Iterator[None]:
    """Translate an error that passes, and add its hint to the traceback."""
    try:
        yield
    except OproError as error:
        if not getattr(error, "__notes__", ()):
            error.message, error.hint = in_python(error.message), in_python(error.hint)
            error.args = (error.message,)
            error.add_note(f"hint: {error.hint}" if error.hint else "")
        raise
