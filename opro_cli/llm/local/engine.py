"""Whether llama.cpp, the engine of local models, has a wheel for this system."""

from __future__ import annotations

import platform
import sys

WHEELS = {
    ("darwin", "arm64"),
    ("darwin", "x86_64"),
    ("linux", "aarch64"),
    ("linux", "x86_64"),
    ("win32", "AMD64"),
}
"""Systems and processors with a wheel of ``xllamacpp``: the markers of the extra ``engine``."""


def missing_wheel() -> str:
    """A sentence for a system without a wheel; empty for the others."""
    system, processor = sys.platform, platform.machine()
    if (system, processor) in WHEELS:
        return ""
    name = f"{system}, {processor}"
    return f"The engine of local models, llama.cpp, has no wheel for this system ({name})."
