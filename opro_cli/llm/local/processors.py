"""What the numbers of a local model depend on beside its file, and how many threads it uses.

Threads that share their processors with another busy program wait for each other at every step: on
two processors, an answer took ten times as long with two threads as with one. So the program
looks, once, how busy the processors are, and leaves those alone that others keep busy.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.text import plural

LOOK = 0.25
"""Seconds of the look at the processors."""

STAT = Path("/proc/stat")
"""Where Linux counts what each processor does."""

IDLE = slice(3, 5)
"""The columns of a processor's counts that are no work: idle, and waiting for a disk."""

COUNTED = 8
"""The columns that are no part of others."""


def circumstances() -> dict[str, str]:
    """What the numbers of any local model depend on, beside its file. Raises ModelUnavailable."""
    try:
        engine = f"xllamacpp {metadata.version('xllamacpp')}"
    except metadata.PackageNotFoundError:
        engine = "xllamacpp"
    return {"engine": engine, "threads": str(threads())}


def instructions() -> str:
    """The instructions of this processor that the engine uses, as in "AVX AVX2 FMA"."""
    import xllamacpp

    _, _, names = str(xllamacpp.get_system_info()).partition(":")
    features = (part.partition("=") for part in names.split("|"))
    return " ".join(name.strip() for name, _, value in features if value.strip() == "1")


def threads() -> int:
    """``OPRO_THREADS``, or the processors that nothing else keeps busy; at least one.

    Raises ModelUnavailable.
    """
    said = os.environ.get("OPRO_THREADS", "").strip()
    if said and not (said.isascii() and said.isdigit() and 1 <= int(said[:4]) <= 1024):
        raise ModelUnavailable(
            f"OPRO_THREADS={said[:40]} is no number of threads.", "as in OPRO_THREADS=4"
        )
    return int(said) if said else free_processors()


def threads_notice() -> str:
    """A sentence where fewer threads are used than there are processors; else empty."""
    if os.environ.get("OPRO_THREADS", "").strip() or threads() == len(_allowed()):
        return ""
    count = len(_allowed())
    return (
        f"Other programs keep {count - threads()} of {count} processors busy, so the local model "
        f"uses {plural(threads(), 'thread')}; OPRO_THREADS={count} uses them all."
    )


@lru_cache(maxsize=1)
def free_processors() -> int:
    """The processors that this process may use and nothing else keeps busy; looked at once."""
    allowed = _allowed()
    before, own = _work(allowed), sum(os.times()[:4])
    began = time.monotonic()
    time.sleep(LOOK)
    seconds = time.monotonic() - began
    own = sum(os.times()[:4]) - own
    after = _work(allowed)
    if before is None or after is None:
        return max(1, len(allowed) - _load())
    busy = (after - before - own) / seconds
    return max(1, len(allowed) - round(max(0.0, busy)))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 2))


def _work(processors: set[int]) -> float | None:
    """Seconds that these processors have worked since they started; None where nothing counts."""
    try:
        lines = STAT.read_text(encoding="ascii").splitlines()
        ticks = os.sysconf("SC_CLK_TCK")
        total = 0
        for name, *counts in (line.split() for line in lines if line.startswith("cpu")):
            if name.removeprefix("cpu").isdigit() and int(name.removeprefix("cpu")) in processors:
                numbers = [int(count) for count in counts[:COUNTED]]
                total += sum(numbers) - sum(numbers[IDLE])
    except (OSError, ValueError, AttributeError):
        return None
    return total / ticks if ticks > 0 else None


def _load() -> int:
    """Busy processors by the load of the last minute; 0 where nothing says it."""
    try:
        return round(os.getloadavg()[0])
    except (OSError, AttributeError):
        return 0
