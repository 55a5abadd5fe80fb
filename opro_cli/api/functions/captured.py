"""The values that a function takes from around it: by these, too, one function differs from
another."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import dis
import enum
import fractions
import functools
import hashlib
import inspect
import sysconfig
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

PLAIN = (
    *(bool, int, float, complex, str, bytes, type(None), type(...), range),
    *(decimal.Decimal, fractions.Fraction, datetime.date, datetime.time, datetime.timedelta),
)
"""Types whose text says all, in every process."""

CHANGING = (
    *("append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "popleft"),
    *("popitem", "remove", "discard", "clear", "sort", "reverse", "fill", "put", "write"),
)
"""Methods that change the object they belong to."""

SELF = "self"
"""The name of the object whose method is called."""

_STORES = ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR")
_READS = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_CLOSURE")
_REBINDS = ("STORE_DEREF", "DELETE_DEREF", "STORE_GLOBAL", "DELETE_GLOBAL")


_STDLIB = sysconfig.get_path("stdlib")


class Unstable(Exception):
    """A value has no text that is the same in every process."""


def code_of(function: Any) -> CodeType | None:
    """The code of a function, of what it wraps, or of an object's call."""
    code = getattr(_plain_function(function), "__code__", None)
    return code if isinstance(code, CodeType) else None


def code_digest(code: CodeType) -> str:
    """The hash of code and its constants."""
    return _hash(_said(code))


def captured_digests(function: Any) -> tuple[dict[str, str], list[str]]:
    """The hash of each captured value by its name, and the names of those that are not compared.

    A value that the function itself changes, such as a list that it appends to, is not compared:
    it would differ after every call. Of a value without a hash, only the type is compared.
    """
    digests, left_out = {}, []
    code = code_of(function)
    changed = set(_changed_by(code)) if code else set()
    itself = code.co_varnames[0] if code and code.co_varnames else ""
    found = dict(reversed(list(_captured(function))))  # what a partial gives hides a default
    for name, value in reversed(found.items()):
        if (itself if name == SELF else name) in changed:
            left_out.append(name)
            continue
        try:
            digests[name] = _hash(_text(value, (), bound=name == SELF))
        except Unstable:
            left_out.append(name)
            kind = type(value)
            digests[name] = _hash(f"a {kind.__module__}.{kind.__qualname__}")
    return digests, left_out


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    """Each captured value with its name."""
    if isinstance(function, functools.partial):
        yield from ((f"argument {n}", v) for n, v in enumerate(function.args))
        yield from function.keywords.items()
        function = function.func
    if inspect.ismethod(function):
        if not isinstance(function.__self__, type):
            yield SELF, function.__self__
    elif not isinstance(function, FunctionType) and type(function).__module__ != "builtins":
        yield SELF, function
    found = _plain_function(function)
    if isinstance(found, FunctionType):
        yield from _around(found, with_globals=True)


def _around(function: FunctionType, *, with_globals: bool) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # not set yet
            continue
        if value is not function and not _is_given(value):
            yield name, value
    named = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    yield from ((p.name, p.default) for p in named if p.default is not p.empty)
    for name in dict.fromkeys(_globals_in(code)) if with_globals else ():
        value = function.__globals__.get(name, function)
        if value is not function and not _is_given(value):
            yield name, value


def _is_given(value: Any) -> bool:
    """Modules, classes and functions of packages: what is installed, not what is captured."""
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, FunctionType):
        file = value.__code__.co_filename
        return "-packages" in file or file.startswith((_STDLIB, "<frozen"))
    compiled = callable(value) and hasattr(value, "__name__") and not inspect.ismethod(value)
    return isinstance(value, ModuleType | type) or compiled


def _globals_in(code: CodeType) -> Iterator[str]:
    for part in _parts(code):
        for instruction in dis.get_instructions(part):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                yield instruction.argval


def _changed_by(code: CodeType) -> Iterator[str]:
    """The names whose values the code itself changes, as far as can be seen: those it rebinds,
    those a method of which changes them, and those in a line that stores into something."""
    for part in _parts(code):
        read: list[tuple[str, int | None]] = []
        stored: set[int | None] = set()
        last = ""
        for instruction in dis.get_instructions(part):
            name, at = instruction.opname, instruction.positions
            line = at.lineno if at is not None else None
            if name.startswith(_READS):
                last = str(instruction.argval)
                read.append((last, line))
            elif name.startswith(("LOAD_METHOD", "LOAD_ATTR")):
                if last and instruction.argval in CHANGING:
                    yield last
            elif name in _REBINDS:
                yield str(instruction.argval)
            elif name in _STORES:
                stored.add(line)
            elif name not in ("PRECALL", "CACHE", "PUSH_NULL", "EXTENDED_ARG"):
                last = ""
        yield from (name for name, line in read if line in stored)


def _parts(code: CodeType) -> Iterator[CodeType]:
    """The code, and that of the functions and comprehensions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _text(value: Any, inside: tuple[int, ...], *, bound: bool = False) -> str:
    """A value as text, the same in every process. Raises Unstable.

    Args:
        value: any.
        inside: the objects that it is a part of.
        bound: whether it is the object of a method, which is the sum of its attributes.
    """
    if id(value) in inside:
        raise Unstable
    inside = (*inside, id(value))
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, enum.Enum):
        return f"{name}.{value.name}"
    if isinstance(value, PLAIN) and not hasattr(value, "__dict__"):
        return f"{name} {value!r}"
    if hasattr(kind, "__fspath__"):
        return f"{name} {value.__fspath__()!r}"
    if isinstance(value, Mapping):
        parts = [f"{_text(k, inside)}: {_text(v, inside)}" for k, v in value.items()]
        return f"{name} {parts}"
    if isinstance(value, set | frozenset):
        return f"{name} {sorted(_text(part, inside) for part in value)}"
    if isinstance(value, list | tuple | bytearray):
        return f"{name} {[_text(part, inside) for part in value]}"
    value = inspect.unwrap(value) if callable(value) else value
    if isinstance(value, FunctionType):
        own = [f"{n}: {_text(v, inside)}" for n, v in _around(value, with_globals=False)]
        return f"{_said(value.__code__)} {own}"
    if dataclasses.is_dataclass(value):
        fields = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return f"{name} {[f'{n}: {_text(v, inside)}' for n, v in fields]}"
    if bound and hasattr(value, "__dict__"):
        return f"{name} {[f'{n}: {_text(v, inside)}' for n, v in vars(value).items()]}"
    return f"{name} {_table_text(value, inside)}"


def _table_text(value: Any, inside: tuple[int, ...]) -> str:
    """An array of numpy, or a table or column of pandas. Raises Unstable for anything else."""
    import numpy as np

    if isinstance(value, np.generic | np.ndarray):
        array = np.asarray(value)
        if array.dtype.hasobject:
            return _text(array.tolist(), inside)
        content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return f"{array.dtype.str} {array.shape} {content}"
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_numpy"):
        axes = [axis.to_numpy() for axis in getattr(value, "axes", ())]
        columns = [value[c] for c in value.columns] if hasattr(value, "columns") else [value]
        return _text([*axes, *(column.to_numpy() for column in columns)], inside)
    raise Unstable


def _plain_function(function: Any) -> Any:
    function = getattr(function, "func", function)
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not hasattr(function, "__code__"):
        function = getattr(type(function), "__call__", None)  # noqa: B004
    return function


def _said(part: Any) -> str:
    """Code and its constants as text, the same in every process; without its place in a file."""
    if isinstance(part, CodeType):
        constants = [_said(constant) for constant in part.co_consts]
        names = (part.co_names, part.co_varnames, part.co_freevars)
        return f"{part.co_code.hex()} {constants} {names}"
    if isinstance(part, tuple):
        return f"({', '.join(map(_said, part))})"
    if isinstance(part, frozenset):
        return f"{{{', '.join(sorted(map(_said, part)))}}}"
    return repr(part)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
