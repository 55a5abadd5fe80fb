"""Objectives for tests: functions that work, and functions that misbehave."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def bowl(x: float, n: int, kernel: str) -> float:
    return (x - 0.5) ** 2 + n + (kernel == "poly")


def raises(x: float) -> float:
    raise ValueError(f"no such thing\nas {x}")


def odd_ones(x: float) -> float:
    """Each x fails in its own way."""
    match int(x):
        case 0:
            return float("nan")
        case 1:
            return "a text"  # type: ignore[return-value]
        case 2:
            os._exit(7)
        case 3:
            sys.exit("enough")
        case 4:
            return float("inf")
        case 5:
            time.sleep(60)
        case 6:
            return None  # type: ignore[return-value]
    print("prints must not be taken for answers")  # noqa: T201
    return x


def process(x: float) -> float:
    return os.getpid()


def meet(x: float) -> float:
    """Returns only when another call runs at the same time."""
    folder = Path(os.environ["MEETING"])
    (folder / f"{x}").touch()
    for _ in range(1000):
        if len(list(folder.iterdir())) > 1:
            return x
        time.sleep(0.01)
    raise TimeoutError("no other call came")


def begets(x: float) -> float:
    """Starts a process of its own, and hangs."""
    import subprocess

    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(os.environ["CHILD"]).write_text(str(child.pid))
    time.sleep(600)
    return x


NOT_A_FUNCTION = 3
