"""A share of a sweep: for job arrays, where several commands make the runs of one preset together.

Every command lists all runs and takes its own, so nothing has to be agreed on. Runs are dealt out
by optimizer and hash: the shares differ by at most one run, and each has about as many of every
optimizer. Caps and rates are for all commands together, so each gets its part of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from opro_cli.core.errors import UsageError
from opro_cli.presets.resolve import Resolved
from opro_cli.presets.spec import RunSpec

MOST = 10_000
"""Shards of one sweep."""

SHARED = {
    "budget": ("max_cost", "max_calls", "max_tokens"),
    "limits": ("requests_per_minute", "tokens_per_minute"),
}
"""Settings that are for all shards together. Time, and calls at the same time, are not."""


@dataclass(frozen=True)
class Shard:
    """One share of so many, counted from 1."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """The share that ``3/16`` names. Raises UsageError."""
        found = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", text.strip())
        number, count = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= count <= MOST:
            raise UsageError(
                f"--shard {text[:40]!r} is not a share such as 3/16.",
                f"from 1/16 to 16/16; at most {MOST:,} shards",
            )
        return cls(number, count)

    def runs(self, specs: Iterable[RunSpec]) -> tuple[RunSpec, ...]:
        """The runs of this shard, in their order."""
        keyed = [((spec.optimizer.name, spec.sha256()), spec) for spec in specs]
        mine = {key for key, _ in sorted(keyed, key=_key)[self.number - 1 :: self.count]}
        return tuple(spec for key, spec in keyed if key in mine)

    def share(self, resolved: Resolved) -> Resolved:
        """The preset with this shard's part of caps and rates.

        Raises UsageError where a part is less than one call or one token.
        """
        general, sources = resolved.base.general, dict(resolved.sources)
        parts = {}
        for section, names in SHARED.items():
            settings = getattr(general, section)
            part = {name: self._part(name, getattr(settings, name)) for name in names}
            parts[section] = settings.model_copy(update=part)
            for name in names:
                if part[name] is not None:
                    key = f"{section}.{name}"
                    sources[key] = f"{sources.get(key, 'default')}, --shard {self}"
        base = replace(resolved.base, general=general.model_copy(update=parts))
        return replace(resolved, base=base, sources=sources)

    def _part(self, name: str, whole: Any) -> Any:
        if not isinstance(whole, int):
            return None if whole is None else whole / self.count
        part = whole // self.count + (self.number <= whole % self.count)
        if not part:
            raise UsageError(
                f"{name} is {whole}, and {self.count} shards share it: shard {self} gets nothing.",
                "take fewer shards, or a larger cap",
            )
        return part

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def _key(keyed: tuple[tuple[str, str], RunSpec]) -> tuple[str, str]:
    return keyed[0]
