"""What both protocols check before anything is asked."""

from __future__ import annotations

from importlib.util import find_spec

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest
from opro_cli.llm.protocols import INSTALL

EFFORTS = ("minimal", "low", "medium", "high", "xhigh")


def check_installed(request: ModelRequest, *modules: str) -> None:
    """Raises ModelUnavailable where a package is missing."""
    if any(find_spec(module) is None for module in modules):
        raise ModelUnavailable(f"{request.name} needs packages that are not installed.", INSTALL)


def check_effort(request: ModelRequest) -> None:
    """Raises ModelUnavailable for a word that names no amount of thinking."""
    if request.reasoning_effort not in (None, *EFFORTS):
        raise ModelUnavailable(
            f"{request.name} takes no reasoning_effort {request.reasoning_effort[:40]!r}.",
            f"choose {', '.join(EFFORTS)}, or leave it out",
        )
