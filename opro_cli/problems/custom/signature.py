"""The arguments of a function, read from its source text: nothing is imported or run.

What an argument may be follows from its annotation and its default: ``float``, ``int``, ``bool``,
``str``, ``Literal``, an ``Enum`` of the same file, ``Annotated`` with bounds, as those of pydantic
and annotated-types, and any of these with ``None``.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from opro_cli.problems.custom.worker import NotLoaded

Value: TypeAlias = bool | int | float | str | None

DEEPEST = 10
"""Names and annotations inside each other that are followed, at most."""

LOWEST = ("ge", "gt", "min", "low", "Ge", "Gt")
HIGHEST = ("le", "lt", "max", "high", "Le", "Lt")
"""Names of bounds, and of classes that are one."""

OWN_VALUE = ("str", "int", "float", "StrEnum", "IntEnum")
"""Bases of an enumeration whose members equal their values."""


@dataclass(frozen=True)
class Argument:
    """One argument that can be given by name."""

    name: str
    kind: str = ""
    """float, int, bool, str, or another type as it is written; empty where nothing says it."""
    has_default: bool = False
    default: Value = None
    """None also where the default is no plain value."""
    choices: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    enum: str = ""
    """The enumeration that the choices are values of, where its members do not equal them."""

    @property
    def default_known(self) -> bool:
        """Whether the default is a number, a text, true or false."""
        return self.has_default and self.default is not None


@dataclass(frozen=True)
class Function:
    """A function: its name, what it says of itself, and its arguments in their order."""

    name: str
    sentence: str
    """The first sentence of its docstring, without the full stop; may be empty."""
    arguments: tuple[Argument, ...]
    takes_any: bool = False
    """Whether it takes arguments of any other name, too."""

    def refusal(self, names: Sequence[str]) -> str:
        """Why it cannot be called with these names alone, in a clause; empty where it can."""
        known = {argument.name for argument in self.arguments}
        unknown = [name for name in names if name not in known and not self.takes_any]
        missing = [a.name for a in self.arguments if not a.has_default and a.name not in names]
        if unknown:
            return f"it has no argument {unknown[0]}"
        return f"its argument {missing[0]} is no parameter" if missing else ""


def functions_in(source: str) -> list[str]:
    """The names of the public functions of a file. Raises NotLoaded."""
    return [
        node.name
        for node in _parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    ]


def read_function(source: str, name: str) -> Function:
    """The function of this name; ``model.loss`` is a method of an object of the file.

    Raises NotLoaded where there is none, or its arguments cannot be given by name.
    """
    if reason := missing(source, name):
        raise NotLoaded(reason)
    module = _Module(_parse(source))
    node, bound = module.function(name)
    found = node.args
    plain = [*found.posonlyargs, *found.args][bound:]
    required = len(plain) - len(found.defaults)
    defaults: list[ast.expr | None] = [None] * max(required, 0)
    defaults += found.defaults[max(-required, 0) :]
    positional = [a for a in found.posonlyargs[bound:] if defaults[plain.index(a)] is None]
    if positional:
        raise NotLoaded(
            f"{name} takes {positional[0].arg} by position only, and it is called with names"
        )
    pairs = [*zip(plain, defaults, strict=True), *zip(found.kwonlyargs, found.kw_defaults)]  # noqa: B905
    named = [(a, default) for a, default in pairs if a not in found.posonlyargs]
    doc = ast.get_docstring(node) if not isinstance(node, ast.Lambda) else None
    return Function(
        name,
        _sentence(doc or ""),
        tuple(module.argument(*pair) for pair in named),
        found.kwarg is not None,
    )


def missing(source: str, name: str) -> str:
    """Why a file cannot have a function of this name, in a clause; empty where it may have it.

    A name may be bound in any way that the source shows: a partial function, an import.
    """
    tree = _parse(source)
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
            case ast.Name(id=given, ctx=ast.Store()):
                bound.add(given)
            case ast.Import() | ast.ImportFrom():
                bound |= {a.asname or a.name.partition(".")[0] for a in node.names}
            case ast.Global():
                bound |= {*node.names}
    first = name.partition(".")[0]
    if {first, "*", "__getattr__"} & bound:
        return ""
    there = functions_in(source)
    return f"there is no {first} in it; its functions: {', '.join(there[:20]) or 'none'}"


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise NotLoaded(f"line {error.lineno or 1} is not valid Python ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise NotLoaded("it is not valid Python") from None


def _sentence(doc: str) -> str:
    first = " ".join(doc.strip().partition("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".")


class _Module:
    """The names at the top of a file."""

    def __init__(self, tree: ast.Module) -> None:
        self._defined: dict[str, ast.stmt] = {}
        self._values: dict[str, ast.expr] = {}
        for node in tree.body:
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self._defined[node.name] = node
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._values[name] = value
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    self._values[name] = value

    def function(
        self, name: str
    ) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, int]:
        """The function, and the number of its first arguments that are given already."""
        first, *rest = name.split(".")
        node: ast.AST | None = self._defined.get(first) or self._values.get(first)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not rest:
            return node, 0
        match node:
            case ast.Call(func=ast.Name(id=made)):
                node = self._defined.get(made)  # model = Model()
        if isinstance(node, ast.ClassDef) and len(rest) <= 1:
            wanted = rest[0] if rest else "__call__"
            for method in node.body:
                if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
                    marks = {_last(mark) for mark in method.decorator_list}
                    if method.name == wanted:
                        return method, 0 if "staticmethod" in marks else 1
        raise NotLoaded(f"it has no `def {rest[-1] if rest else first}` that can be read")

    def argument(self, node: ast.arg, default: ast.expr | None) -> Argument:
        """One argument with what its annotation and its default say."""
        found = Argument(node.arg)
        if node.annotation is not None:
            found = self._annotated(found, node.annotation, DEEPEST)
        if default is None:
            return found
        value = self._value(default, DEEPEST)
        found = replace(found, has_default=True, default=value)
        if not found.kind and value is not None:
            found = replace(found, kind=type(value).__name__)
        if not found.choices and isinstance(default, ast.Attribute):
            found = self._annotated(found, default.value, DEEPEST)  # kernel=Kernel.RBF
        return found

    def _annotated(self, found: Argument, node: ast.expr, deep: int) -> Argument:
        """The argument with what an annotation says."""
        if deep == 0:
            return found
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self._annotated(found, ast.parse(text, mode="eval").body, deep - 1)
                except (SyntaxError, ValueError):
                    return found
            case ast.BinOp(op=ast.BitOr()):
                return self._either(found, [node.left, node.right], deep)
            case ast.Subscript():
                return self._subscripted(found, node, deep)
            case ast.Call(func=called) if _last(called) in ("conint", "confloat"):
                return self._bounded(replace(found, kind=_last(called)[3:]), node)
            case ast.Name(id=name) if name in self._values:
                return self._annotated(found, self._values[name], deep - 1)
            case ast.Name(id=name) if isinstance(self._defined.get(name), ast.ClassDef):
                return self._member(found, name, deep)
        return replace(found, kind=_kind(node))

    def _subscripted(self, found: Argument, node: ast.Subscript, deep: int) -> Argument:
        """The argument with what ``Literal[…]``, ``Optional[…]`` or ``Annotated[…]`` says."""
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match _last(node.value):
            case "Literal":
                values = [self._value(part, deep) for part in parts]
                return replace(found, choices=tuple(values), kind="choice")
            case "Optional" | "Union":
                none = [ast.Constant(None)] if _last(node.value) == "Optional" else []
                return self._either(found, [*parts, *none], deep)
            case "Annotated":
                found = self._annotated(found, parts[0], deep - 1)
                for part in parts[1:]:
                    found = self._bounded(found, part)
                return found
            case "Final":
                return self._annotated(found, parts[0], deep - 1)
        return replace(found, kind=_kind(node))

    def _either(self, found: Argument, parts: Sequence[ast.expr], deep: int) -> Argument:
        """A union: of choices all of them, of types the first that is not None."""
        none = [p for p in parts if isinstance(p, ast.Constant) and p.value is None]
        for part in reversed([p for p in parts if p not in none]):
            before = found.choices
            found = self._annotated(found, part, deep - 1)
            found = replace(found, choices=(*found.choices, *before)) if before else found
        if none and found.choices:
            found = replace(found, choices=(*found.choices, None))
        return found

    def _bounded(self, found: Argument, node: ast.expr) -> Argument:
        """The argument within bounds such as ``Field(ge=0, le=1)``, ``Ge(0)`` or ``(0, 1)``."""
        low, high = found.low, found.high
        match node:
            case ast.Tuple(elts=[first, last]):
                low, high = _number(self._value(first, 1)), _number(self._value(last, 1))
            case ast.Call(func=called, args=[only], keywords=[]):
                bound = _number(self._value(only, 1))
                low = bound if _last(called) in LOWEST else low
                high = bound if _last(called) in HIGHEST else high
            case ast.Call(keywords=keywords):
                for keyword in keywords:
                    bound = _number(self._value(keyword.value, 1))
                    low = bound if keyword.arg in LOWEST else low
                    high = bound if keyword.arg in HIGHEST else high
        return replace(found, low=low, high=high)

    def _member(self, found: Argument, name: str, deep: int) -> Argument:
        """The argument with the values of an enumeration of the file as its choices."""
        node = self._defined.get(name)
        bases = {_last(base) for base in node.bases} if isinstance(node, ast.ClassDef) else set()
        values = tuple(value for _, value in self._members(name, deep))
        if not values or not any(base.endswith("Enum") for base in bases):
            return replace(found, kind=name)
        enum = "" if bases & {*OWN_VALUE} else name
        return replace(found, choices=values, kind="choice", enum=enum)

    def _members(self, name: str, deep: int) -> list[tuple[str, Value]]:
        """The members of an enumeration of the file, with their values."""
        node = self._defined.get(name)
        if not isinstance(node, ast.ClassDef):
            return []
        texts = any(_last(base) == "StrEnum" for base in node.bases)
        found: list[tuple[str, Value]] = []
        for part in node.body:
            match part:
                case ast.Assign(targets=[ast.Name(id=member)], value=value):
                    given = self._value(value, deep - 1)
                    if _last(value) == "auto":
                        given = member.lower() if texts else len(found) + 1
                    found.append((member, given))
        return found

    def _value(self, node: ast.expr, deep: int) -> Value:
        """A plain value, that of a name at the top of the file, or a member; None for another."""
        match node:
            case ast.Name(id=name) if name in self._values and deep > 0:
                return self._value(self._values[name], deep - 1)
            case ast.Attribute(value=ast.Name(id=name), attr=member) if deep > 0:
                return dict(self._members(name, deep)).get(member)
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return None
        return value if isinstance(value, bool | int | float | str) else None


def _last(node: ast.AST) -> str:
    """The last part of a dotted name, also of one that is called; empty for anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=called):
            return _last(called)
    return ""


def _kind(node: ast.expr) -> str:
    """The type that an annotation names, whatever its size, as in float for numpy.float64."""
    name = _last(node).lower().rstrip("_")
    for kind in ("float", "int", "bool", "str"):
        if name == kind or (name.startswith(kind) and name.removeprefix(kind).isdigit()):
            return kind
    return ast.unparse(node)


def _number(value: Any) -> float | None:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return value if plain else None
