"""A process that calls one function many times, for :mod:`opro_cli.problems.custom.processes`.

``python -P worker.py HOW`` reads requests as JSON lines from standard input and answers each with
one JSON line on standard output that repeats the request's token. The first request loads the
function, each further one calls it. The function itself has an empty standard input, and what it
prints is discarded. HOW says what ends the process, and all that the function has started, when
standard input ends (:mod:`opro_cli.problems.custom.guard`).

The file is run by its path, with ``-P``, and imports nothing of ``opro_cli`` but the file beside
it: so no file of the current folder is taken for a module of the standard library.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.util
import inspect
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

MAX_WHY = 300

MAX_FEEDBACK = 1000
"""Characters of a text that a metric gives, at most."""


class NotLoaded(Exception):
    """The function cannot be loaded; the message says why, in one sentence."""


def main(how: str, guard: Any) -> None:
    """Answer requests until input ends."""
    calls, answers = guard.apart(0), guard.apart(1)
    nothing_in, nothing_out = os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)
    for here, instead in ((0, nothing_in), (1, nothing_out), (2, nothing_out)):
        os.dup2(instead, here)
    os.close(nothing_in)
    os.close(nothing_out)
    builtins.input = lambda prompt="": ""  # as if every question were answered with Enter
    serve(guard.requests(how, calls, answers), answers)


def serve(requests: Iterable[bytes], answers: int) -> None:
    """Answer each request."""
    process = os.getpid()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: os.close(answers))
    function: Callable[..., Any] | None = None
    for line in requests:
        request = json.loads(line)
        answer: dict[str, Any] = {"ready": True}
        if function is not None:
            how = grade if request.get("graded") else call
            answer = how(function, request["arguments"])
        else:
            sys.argv[:] = [request["objective"].rpartition(":")[0]]
            try:
                function = load(request["objective"], request["folder"])
                check(function, request["objective"], request["names"])
            except NotLoaded as error:
                answer = {"error": str(error)}
        if os.getpid() != process:  # a copy that the function has made of the process
            os._exit(0)
        # The function may have written a part of a line.
        data = b"\n" + json.dumps({**answer, "token": request["token"]}).encode() + b"\n"
        while data:
            data = data[os.write(answers, data) :]


def load(objective: str, folder: str) -> Callable[..., Any]:
    """The function of ``module:name`` or ``file.py:name``. Raises NotLoaded."""
    where, _, name = objective.rpartition(":")
    base = Path(folder or ".").absolute()
    check_form(where)
    try:
        if where.endswith(".py"):
            found: Any = _file(find_file(where, base))
        else:
            _look_in(*homes(where, base))
            found = importlib.import_module(where)
    except NotLoaded:
        raise
    except ModuleNotFoundError as error:
        if error.name == where.partition(".")[0]:
            raise NotLoaded(f"there is no module {where} in {base}, nor installed") from None
        raise NotLoaded(f"{where} needs {error.name}, which is not installed") from None
    except BaseException as error:  # noqa: BLE001 (its code may raise anything)
        way_out = ""
        if "relative import" in str(error):
            way_out = "; name it as a module of its package, as in package.module:loss"
        raise NotLoaded(f"{where} cannot be imported ({brief(error)}){way_out}") from None
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except BaseException:  # noqa: BLE001 (a property may raise anything)
        found = None
    if not callable(found):
        ours = f"; {where} is Python's own module, a file is named as {where}.py:{name}"
        raise NotLoaded(
            f"{where} has no function {name}{ours if where in sys.stdlib_module_names else ''}"
        )
    function: Callable[..., Any] = found
    return function


def check_form(where: str) -> None:
    """Raises NotLoaded for what is neither a module nor a Python file."""
    if where.endswith(".ipynb"):
        raise NotLoaded(
            f"{where} is a notebook; export it as a Python file (jupyter nbconvert --to script "
            f"{where}) and name that one, as in {where.removesuffix('.ipynb')}.py:loss"
        )
    if not where.endswith(".py") and ("/" in where or "\\" in where):
        raise NotLoaded(f"{where} is no module, and the name of a file ends with .py")


def find_file(where: str, base: Path) -> Path:
    """The file, beside the preset or in the current folder. Raises NotLoaded."""
    try:
        here = Path(where).expanduser().absolute()
    except RuntimeError:  # ~nobody
        raise NotLoaded(f"there is no file {where}: {Path(where).parts[0]} is no folder") from None
    for path in (base / where, here):
        if path.is_file():
            return path
    raise NotLoaded(f"there is no file {where} in {base}")


def homes(where: str, base: Path) -> list[Path]:
    """The folders to import a module from: none where it is installed."""
    top = where.partition(".")[0]
    folders = [base, Path.cwd()]
    for folder in folders:
        spec = PathFinder.find_spec(top, [str(folder)])
        if spec is not None and spec.origin:
            return [folder]
    with contextlib.suppress(ValueError):  # __main__
        installed = importlib.util.find_spec(top)
        if installed is not None and installed.origin:
            return []
    return folders  # it may be a folder without __init__.py


def _look_in(*folders: Path) -> None:
    """Import from these folders too: after the standard library, before what is installed."""
    installed = ("site-packages", "dist-packages")
    at = next((i for i, p in enumerate(sys.path) if Path(p).name in installed), len(sys.path))
    sys.path[at:at] = dict.fromkeys(str(folder) for folder in folders)


def _file(path: Path) -> Any:
    """Import a file: as a module of its package if it has relative imports, else by itself."""
    packages, root = packages_of(path)
    _look_in(path.parent, root)
    name = ""
    for package in packages:
        start = package / "__init__.py"
        name = _free(f"{name}.{package.name}" if name else package.name)
        if start.is_file():
            _module(name, start, [str(package)])
        else:
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__path__ = [str(package)]
    return _module(_free(f"{name}.{path.stem}" if name else path.stem), path)


def packages_of(path: Path) -> tuple[list[Path], Path]:
    """The packages that a file is in, outermost first, and the folder that holds them.

    None where the file imports nothing relative to itself.
    """
    packages: list[Path] = []
    folder = path.parent
    levels = max((getattr(node, "level", 0) for node in imports(path)), default=0)
    while levels and (len(packages) < levels or (folder / "__init__.py").is_file()):
        packages.insert(0, folder)
        folder = folder.parent
        if folder == folder.parent:
            break
    return packages, folder


def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """The imports in a file, wherever they stand; none where it cannot be read."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def _free(name: str) -> str:
    """The name itself, unless it is that of another module."""
    taken = name in sys.modules or name.partition(".")[0] in sys.stdlib_module_names
    return f"objective_{name}" if taken and "." not in name else name


def _module(name: str, path: Path, inside: list[str] | None = None) -> Any:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise NotLoaded(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
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
        method = "; name a method of an object, not of its class" if "'self'" in str(error) else ""
        raise NotLoaded(
            f"{objective}{signature} cannot be called with {', '.join(names)} ({error}){method}"
        ) from None


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """``{"value": …}``, or ``{"why": …}`` for an exception or a value that is no finite number."""
    try:
        result = _result(function, arguments)
    except BaseException as error:  # noqa: BLE001 (also SystemExit: it is a failure of one point)
        return {"why": brief(error)}
    return number(result)


def grade(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """As :func:`call`, for a grade: a number from 0 to 1, true or false, alone or with a text.

    ``{"value": …, "feedback": …}``.
    """
    try:
        result = _result(function, arguments)
    except BaseException as error:  # noqa: BLE001
        return {"why": brief(error)}
    return graded(result)


def graded(result: Any) -> dict[str, Any]:
    """What a function has returned, as a grade."""
    try:
        score, feedback = result if isinstance(result, tuple) and len(result) == 2 else (result, "")
        score = float(score) if type(score).__name__ in ("bool", "bool_") else score
        feedback = str(feedback or "")[:MAX_FEEDBACK].encode(errors="backslashreplace").decode()
    except BaseException as error:  # noqa: BLE001
        return {"why": brief(error)}
    found = number(score)
    if "value" in found and not 0 <= found["value"] <= 1:
        return {"why": f"returned {found['value']}, not a number from 0 to 1"}
    return {**found, "feedback": feedback} if "value" in found else found


def _result(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    result = function(**arguments)
    return _await(result) if inspect.isawaitable(result) else result


def number(result: Any) -> dict[str, Any]:
    """``{"value": …}`` for what is a finite number, else ``{"why": …}``."""
    kind = type(result).__name__
    try:
        if isinstance(result, str | bytes | bytearray | bool) or kind in ("bool", "bool_"):
            raise TypeError
        value = float(result)
    except OverflowError:
        return {"why": f"returned {kind} beyond the largest float"}
    except BaseException:  # noqa: BLE001 (its type may raise anything)
        return {"why": f"returned {kind}, not a number"}
    return {"value": value} if math.isfinite(value) else {"why": f"returned {value}"}


_RUNNER: list[Any] = []
"""The event loop of coroutine functions: one for all calls, as their clients belong to it."""


def _await(result: Any) -> Any:
    import asyncio

    async def awaited() -> Any:
        return await result

    if not _RUNNER:
        _RUNNER.append(asyncio.Runner())
    return _RUNNER[0].run(awaited())


def brief(error: BaseException) -> str:
    """An exception in one line."""
    try:
        lines = str(error).strip().splitlines()
    except BaseException:  # noqa: BLE001 (it is the function's own class)
        lines = []
    text = f"{type(error).__name__}{': ' + lines[0] if lines else ''}"[:MAX_WHY]
    return text.encode(errors="backslashreplace").decode()


def _beside(name: str) -> Any:
    """The module in a file beside this one, which is in no folder that is imported from."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise NotLoaded(f"there is no {name}.py beside {__file__}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1], _beside("guard"))
