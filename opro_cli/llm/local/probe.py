"""Tries a model file in a process of its own, which may die: ``python -m … FILE SECONDS``.

A wrong file can make the engine crash, exit or loop, which no check of ours can rule out. So a file
that was not seen before is loaded and asked there first. What passed is remembered in the cache
folder by its hash and the engine's version.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from opro_cli.core.errors import LLMError, ModelUnavailable
from opro_cli.core.model import Request
from opro_cli.llm.local.cache import BINARY, NO_LINKS, cache_folder

if TYPE_CHECKING:
    from opro_cli.llm.local.model import LocalModel

PATIENCE, RATE = 30.0, 1e7
"""Seconds that a file may take: so many, and one more for so many bytes."""

REFUSED = 10
"""The exit code for a file that the engine refuses in words."""

UNKNOWN = (1, 2)
"""Exit codes of Python itself: nothing is known of the file."""

AGAIN = "download or copy it again; a model too large for the memory fails in this way, too"


def probe(path: Path, sha256: str, engine: str) -> None:
    """Raises ModelUnavailable where the engine does not survive the file.

    Args:
        path: of the model.
        sha256: its hash.
        engine: name and version of the engine.
    """
    seen = cache_folder() / "probed" / f"{sha256}-{engine.replace(' ', '-')}"
    if seen.is_file() or not sys.executable:
        return
    seconds = PATIENCE + path.stat().st_size / RATE
    module = [sys.executable, "-P", "-m", "opro_cli.llm.local.probe"]
    try:
        code = subprocess.run(
            [*module, str(path.absolute()), str(round(seconds))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        ).returncode
    except subprocess.TimeoutExpired:
        raise ModelUnavailable(
            f"The engine has not loaded {path} in {seconds:.0f} seconds.", AGAIN
        ) from None
    except OSError:
        return  # no further process can be started; the file has passed the check
    if code == REFUSED:
        raise ModelUnavailable(f"The engine refuses {path}.", AGAIN)
    if code and code not in UNKNOWN:
        raise ModelUnavailable(f"The engine crashes with {path} ({_name(code)}).", AGAIN)
    if not code:
        _remember(seen)


def _name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _remember(seen: Path) -> None:
    with contextlib.suppress(OSError):
        seen.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(seen, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINKS | BINARY, 0o666))


def main(path: str, seconds: str) -> int:
    """The exit code for a file."""
    _limit(int(seconds))
    from opro_cli.llm.local.model import LocalModel

    try:
        model = LocalModel(Path(path), "probe", 2)
    except ModelUnavailable:
        return REFUSED
    asyncio.run(_ask(model))
    return 0


async def _ask(model: LocalModel) -> None:
    """Ask as a run does: a text to continue, and an instruction."""
    for grammar in ("root ::= [ -~]+", None):
        with contextlib.suppress(LLMError):  # in words: the process lives
            await model.sample(Request("1, 2, 3,", 2, 1, max_tokens=3, grammar=grammar, seed=1))
    await model.close()


def _limit(seconds: int) -> None:
    """End with the time, whatever becomes of the parent, and leave no image of the memory."""
    if hasattr(signal, "alarm"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds + 5)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
