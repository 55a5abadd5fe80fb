"""Named things that are loaded when they are needed, and to which other packages can add."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from opro_cli.core.errors import UsageError

T = TypeVar("T")


def did_you_mean(word: str, known: Iterable[str], prefix: str = "") -> str:
    """A hint with the names most like a word, such as "did you mean sgd?"; empty for none."""
    near = difflib.get_close_matches(word[:100], list(known), n=3, cutoff=0.5)
    return "did you mean " + " or ".join(prefix + name for name in near) + "?" if near else ""


class Registry(Generic[T]):
    """Names, each with a thing: an object, or ``module:name`` of one, imported when asked for.

    Args:
        noun: what one of the things is called in messages, as in "optimizer".
        builtin: our own names.
        group: the entry-point group in which installed packages can declare more
            (https://packaging.python.org/specifications/entry-points/); empty for none. A name
            of ours cannot be taken over.
    """

    def __init__(self, noun: str, builtin: Mapping[str, str | T], group: str = "") -> None:
        self.noun = noun
        self._own: dict[str, str | T] = dict(builtin)
        self._group = group

    def add(self, name: str, thing: str | T) -> None:
        """Add one for this process. Raises UsageError where the name is taken."""
        if name in self:
            raise UsageError(f"The {self.noun} {name} exists already.", "choose another name")
        self._own[name] = thing

    def remove(self, name: str) -> None:
        """Take out one that was added. Raises KeyError for an unknown one."""
        del self._own[name]

    def __getitem__(self, name: str) -> T:
        """The thing. Raises UsageError for an unknown name, or one that cannot be loaded."""
        thing = self._own.get(name)
        if thing is None:
            self.check(name)
            thing = self._load(self._installed[name], name)
        elif isinstance(thing, str):
            thing = self._load(thing, name)
        self._own[name] = thing
        return thing

    def __iter__(self) -> Iterator[str]:
        """All names, ours first."""
        yield from self._own
        yield from (name for name in self._installed if name not in self._own)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a name."""
        return name in self._own or name in self._installed

    def check(self, name: str, label: str = "") -> None:
        """Raises UsageError, with the nearest names, where there is no such name.

        Args:
            name: the name.
            label: where it was given, as in ``--optimizer``.
        """
        if name in self:
            return
        raise UsageError(
            f"{label + ': ' if label else ''}there is no {self.noun} {name[:60]!r}.",
            self.hint(name),
        )

    def hint(self, name: str) -> str:
        """The nearest names, or all of them."""
        noun, of, rest = self.noun.partition(" of ")
        return did_you_mean(name, self) or f"{noun}s{of}{rest}: {', '.join(self)}"

    @cached_property
    def _installed(self) -> dict[str, str]:
        """What installed packages declare."""
        if not self._group:
            return {}
        from importlib.metadata import entry_points

        return {point.name: point.value for point in entry_points(group=self._group)}

    def _load(self, place: str, name: str) -> T:
        module, _, attribute = place.partition(":")
        try:
            found: Any = import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except Exception as error:  # an installed package may raise anything
            why = (str(error).splitlines() or [""])[0].rstrip(".")
            if not isinstance(error, ImportError | AttributeError):
                why = f"{type(error).__name__}: {why}" if why else type(error).__name__
            raise UsageError(
                f"The {self.noun} {name} cannot be loaded from {place}: {why}.",
                "is the package that brings it installed whole?",
            ) from error
        return cast(T, found)
