"""Where a run comes from: preset, sources of its values, versions, commit, command, machine."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from opro_cli.core import __version__
from opro_cli.llm import extra_versions, package_names
from opro_cli.presets.plan import Plan


def provenance(plan: Plan) -> dict[str, Any]:
    """The part of ``run.json`` beside the spec."""
    resolved = plan.resolved
    return {
        "preset": {
            "path": resolved.path,
            # Two folders can have a file of the same name.
            **({"file": str(resolved.file)} if resolved.file else {}),
            "sha256": plan.preset.sha256(),
            "resolved": plan.preset.dump(plan.optimizers),
            "sources": dict(resolved.sources),
        },
        **circumstances(),
    }


def circumstances() -> dict[str, Any]:
    """Versions, commit, command and machine of this process."""
    return {
        "versions": {"opro": __version__, "python": sys.version.split()[0], **_versions()},
        "git": _git(),
        **process(),
    }


def process() -> dict[str, Any]:
    """Which process this is."""
    program = Path(sys.argv[0] if sys.argv else "").name
    ours = program.removesuffix(".exe") in ("opro", "__main__.py")
    command = shlex.join(["opro" if ours else program or "python", *sys.argv[1:]])
    return {"command": command, "host": socket.gethostname(), "pid": os.getpid()}


def _versions() -> dict[str, str]:
    found = extra_versions()
    for package in ("numpy", *package_names()):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git() -> dict[str, Any] | None:
    """The commit of the folder the tool runs in, or None outside a repository."""

    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True, timeout=5, cwd=Path.cwd()
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "dirty": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
