"""A first preset for a Python function. Its file is read, never run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.core.problem import Direction, InvalidSolution
from opro_cli.core.text import clean, listed
from opro_cli.presets.drafts.ranges import Draft, draft_parameter
from opro_cli.presets.drafts.text import checked, line, section
from opro_cli.presets.reading import read_bytes, reason
from opro_cli.problems.custom import sources
from opro_cli.problems.custom.direction import guess_direction
from opro_cli.problems.custom.parameters import Parameter
from opro_cli.problems.custom.signature import Function, functions_in, read_function
from opro_cli.problems.custom.texts import space_of, start_of
from opro_cli.problems.custom.worker import NotLoaded

MAX_BYTES = 10_000_000

POINTS, STEPS = 8, 20
"""Points a step and steps, to begin with."""

NAMELESS = ("f", "fn", "func", "function", "objective", "main", "evaluate", "run", "target")
"""Names of functions that say nothing of their value."""

EXAMPLE = "as in `opro init my.py:loss`"


@dataclass(frozen=True)
class Drafted:
    """A preset that was written, before it is saved.

    Args:
        text: of the YAML file.
        summary: one sentence on what it holds.
        notes: sentences for the user.
    """

    text: str
    summary: str
    notes: tuple[str, ...] = ()


def draft_objective(objective: str, folder: Path) -> Drafted:
    """A preset for ``my.py:loss`` or ``my_module:loss``, to be saved in a folder.

    Raises UsageError where there is no such file or function, or nothing to tune in it.
    """
    where, name, path = _found(objective)
    shown = clean(where, 200)
    try:
        source = read_bytes(path, MAX_BYTES).decode("utf-8-sig")
        names = functions_in(source) if not name else []
        if not name and len(names) != 1:
            several = f"has the functions {listed(names[:20])}" if names else "has no functions"
            first = f"name one, as in `opro init {where}:{names[0]}`" if names else EXAMPLE
            raise UsageError(f"{shown} {clean(several)}.", clean(first))
        name = name or names[0]
        function = read_function(source, name)
    except NotLoaded as error:
        raise UsageError(f"{shown}: {clean(str(error))}.", EXAMPLE) from None
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8 text.", "save it as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {reason(error)}.", EXAMPLE) from None
    drafts = [draft_parameter(argument) for argument in function.arguments]
    _refuse_unknown(function, drafts)
    named = f"{_seen_from(path, folder) if where.endswith('.py') else where}:{name}"
    text = _write(named, shown, function, drafts)
    checked(text, folder, EXAMPLE)
    tuned = [draft.name for draft in drafts if draft.parameter is not None]
    left = [draft.name for draft in drafts if draft.parameter is None]
    direction, why = _direction(name.rpartition(".")[2])
    better = "lower" if direction == "minimize" else "higher"
    notes = [f"direction: {direction} ({why}): {better} values are better. Change it if not."]
    notes += [f"Left at the default: {listed(left)}."] if left else []
    enums = {a.name: a.enum for a in function.arguments if a.enum and a.name in tuned}
    notes += [
        f"{name} is called with the values of {enum}, so it has to begin with "
        f"`{argument} = {enum}({argument})`."
        for argument, enum in enums.items()
    ]
    return Drafted(text, f"{name} of {shown}, with the parameters {listed(tuned)}", tuple(notes))


def _found(objective: str) -> tuple[str, str, Path]:
    """File or module, function (empty for none given), and the file. Raises UsageError."""
    where, colon, name = objective.rpartition(":")
    if not colon or name.endswith(".py"):
        where, name = objective, ""
    valid = all(part.isidentifier() for part in name.split(".")) or not name
    if not where or not valid:
        raise UsageError(f"{clean(objective)} names no function.", EXAMPLE)
    try:
        return where, name, sources.find_source(where, Path.cwd())
    except NotLoaded as error:
        raise UsageError(f"{clean(objective)}: {clean(str(error))}.", EXAMPLE) from None
    except OSError as error:
        raise UsageError(f"{clean(objective)}: {reason(error)}.", EXAMPLE) from None


def _seen_from(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:  # another drive
        return str(path)


def _refuse_unknown(function: Function, drafts: list[Draft]) -> None:
    """Raises UsageError where an argument needs a value that no parameter gives."""
    needed = {a.name for a in function.arguments if not a.has_default}
    for draft in drafts:
        if draft.parameter is None and draft.name in needed:
            raise UsageError(
                f"{function.name}: the argument {draft.name} is {draft.comment}.",
                "numbers, words and texts are: write a function of several of these, as in "
                "def loss(x1: float, x2: float)",
            )
    if not drafts:
        raise UsageError(
            f"{function.name} has no arguments with names.",
            "write them out, as in def loss(lr: float, depth: int)",
        )
    if all(draft.parameter is None for draft in drafts):
        raise UsageError(
            f"{function.name} has nothing to tune: every argument is left at its default.",
            "give one a type, as in `lr: float = 1e-3`",
        )


def _write(objective: str, shown: str, function: Function, drafts: list[Draft]) -> str:
    parameters = {d.name: d.parameter for d in drafts if d.parameter is not None}
    space = space_of({name: Parameter.model_validate(p) for name, p in parameters.items()})
    texts = any(p.get("type") == "text" for p in parameters.values())
    lines = [
        f"# Written by `opro init {shown}:{function.name}` from the names, types and defaults of",
        "# its arguments. Look at parameters, direction and max_steps before you start; check it",
        "# with `opro check`. All settings: docs/presets.md.",
        *line("title", f"Your own objective: {function.name}"),
        "",
        "problem:",
    ]
    problem = [
        *line("kind", "custom"),
        *line("objective", objective, "file and function; the file is looked for beside this one"),
        "parameters:  # {low, high}, {low, high, scale: log}, {…, type: int}, {choices: [a, b]}",
    ]
    for draft in drafts:
        if draft.parameter is None:
            problem.append(f"  # {draft.name}: {draft.comment}")
        else:
            problem += ["  " + part for part in line(draft.name, draft.parameter, draft.comment)]
    start = _start(drafts, texts)
    problem += _start_lines(space, start, texts)
    if not texts:
        problem += line("num_starts", 5, "more starting points, drawn at random")
    name = function.name.rpartition(".")[2]
    direction, why = _direction(name)
    other = "maximize" if direction == "minimize" else "minimize"
    problem += line("direction", direction, f"{why}; or {other}")
    problem += ["# goal: 0.01  # a value that is good enough: it ends a run"]
    value = "value" if name in NAMELESS or not name[0].isalpha() else name.replace("_", " ")[:40]
    problem += line("value", value.strip(), "what the model is told the value is")
    told = "what the model is told of the function: write all that it may know"
    if function.sentence:
        problem += [f"# {told}"]
        sentence = function.sentence[:1].lower() + function.sentence[1:300]
        problem += line("description", clean(sentence))
    else:
        problem += [f"# description: the error of a classifier  # {told}"]
    problem += line("workers", 1, "calls at the same time, each in a process of its own")
    problem += line("timeout", 600, "seconds that a call may take")
    lines += ["  " + part for part in problem]
    mixed = texts and len(parameters) > 1
    strategy = line("strategy", "paper", "a text cannot be drawn by code") if mixed else []
    lines += section("opro", [*strategy, *line("points_per_step", POINTS, "evaluations a step")])
    lines += [""]
    if not texts:
        lines += line("baselines", ["random", "local-search"], "what `opro sweep` compares with")
    lines += line("reps", 1, "runs with other starting points; take 6 or more to compare")
    lines += line(
        "max_steps", STEPS, f"at most {POINTS * STEPS} evaluations and the starting points"
    )
    lines += line("patience", 10, "steps without a better value that end a run")
    return "\n".join(lines) + "\n"


def _direction(name: str) -> tuple[Direction, str]:
    """The direction of a function, and where it is from."""
    guessed = guess_direction(name)
    return guessed or "minimize", "guessed from the name" if guessed else "a guess"


def _start(drafts: list[Draft], texts: bool) -> dict[str, Any]:
    """The defaults as a starting point; with texts, also of parameters that have none."""
    found: dict[str, Any] = {}
    for draft in drafts:
        parameter = draft.parameter
        if parameter is None:
            continue
        if draft.start is not None:
            found[draft.name] = draft.start
        elif texts:
            found[draft.name] = parameter.get("choices", [parameter.get("low")])[0]
    return found


def _start_lines(space: Any, start: dict[str, Any], texts: bool) -> list[str]:
    """The starting point in the preset; none where the defaults are no point of the space."""
    try:
        values = space.to_values(start_of(space, start))
    except InvalidSolution:
        return []
    comment = "texts to start from" if texts else "the defaults"
    return line("starts", [values], comment)
