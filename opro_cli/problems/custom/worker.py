"""A process that calls one function many times, for :mod:`opro_cli.problems.custom.workers`.

``python -m opro_cli.problems.custom.worker OBJECTIVE FOLDER [NAME…]`` loads the function and
reports so in one JSON line. Then each line on standard input holds the keyword arguments of a call
as JSON, and is answered by one line on standard output. Output of the function itself is discarded.
Given names, the process checks that the function takes them as keyword arguments.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MAX_WHY = 300


class NotLoaded(Exception):
    """The function cannot be loaded; the message says why, in one sentence."""


def main(objective: str, folder: str, names: Sequence[str]) -> None:
    """Load, write ``{"ready": true}`` or ``{"error": …}``, then answer calls until input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    discard = os.open(os.devnull, os.O_WRONLY)
    os.dup2(discard, 1)
    os.dup2(discard, 2)

    def write(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        function = load(objective, folder)
        check(function, objective, names)
    except NotLoaded as error:
        write({"error": str(error)})
        return
    write({"ready": True})
    for line in sys.stdin:
        write(call(function, json.loads(line)))


def load(objective: str, folder: str) -> Callable[..., Any]:
    """The function of ``module:name`` or ``file.py:name``. Raises NotLoaded."""
    where, _, name = objective.rpartition(":")
    base = Path(folder or ".").absolute()
    try:
        if where.endswith(".py"):
            module = _file(_found(where, base))
        else:
            sys.path[:0] = [str(base), str(Path.cwd())]
            module = importlib.import_module(where)
    except NotLoaded:
        raise
    except ModuleNotFoundError as error:
        if error.name == where.partition(".")[0]:
            raise NotLoaded(f"there is no module {where} in {base}, nor installed") from None
        raise NotLoaded(f"{where} needs {error.name}, which is not installed") from None
    except BaseException as error:  # noqa: BLE001 (its code may raise anything)
        raise NotLoaded(f"{where} cannot be imported ({brief(error)})") from None
    function = getattr(module, name, None)
    if not callable(function):
        raise NotLoaded(f"{where} has no function {name}")
    found: Callable[..., Any] = function
    return found


def _found(where: str, base: Path) -> Path:
    for path in (base / where, Path(where).expanduser().absolute()):
        if path.is_file():
            return path
    raise NotLoaded(f"there is no file {where} in {base}")


def _file(path: Path) -> Any:
    sys.path.insert(0, str(path.parent))  # it may import modules of its folder
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise NotLoaded(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def check(function: Callable[..., Any], objective: str, names: Sequence[str]) -> None:
    """Raises NotLoaded where the function does not take these keyword arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some built-in functions have none
        return
    try:
        if names:
            signature.bind(**dict.fromkeys(names))
    except TypeError as error:
        raise NotLoaded(
            f"{objective}{signature} cannot be called with {', '.join(names)} ({error})"
        ) from None


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """``{"value": …}``, or ``{"why": …}`` for an exception or a value that is no finite number."""
    try:
        result = function(**arguments)
    except BaseException as error:  # noqa: BLE001 (also SystemExit: it is a failure of one point)
        return {"why": brief(error)}
    try:
        if isinstance(result, str | bytes | bool):
            raise TypeError
        value = float(result)
    except BaseException:  # noqa: BLE001 (its type may raise anything)
        return {"why": f"returned {type(result).__name__}, not a number"}
    return {"value": value} if math.isfinite(value) else {"why": f"returned {value}"}


def brief(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}{': ' + lines[0] if lines else ''}"[:MAX_WHY]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
