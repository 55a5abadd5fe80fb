"""Which server gets which key.

A key is sent to the provider's own server, and to one that the user has named: on the command line
or in the environment. A folder of somebody else's can hold a ``.env``, presets and runs that name a
server; such a server gets a key from the same ``.env`` only. A server that was once named on the
command line is remembered, so that ``opro resume`` can go on.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest

MOST_REMEMBERED = 200


@runtime_checkable
class Sourced(Protocol):
    """An environment that knows where each variable was set."""

    named: set[str]
    """Servers that the command line names."""

    def source(self, key: str) -> str:
        """``environment KEY`` or ``.env KEY``."""


@dataclass(frozen=True)
class Server:
    """A server, and who has named it."""

    url: str = ""
    """Empty for the provider's own."""
    source: str = ""
    trusted: bool = True
    """Whether the user has named it."""

    @property
    def words(self) -> str:
        """The server with its source, for the user; empty for the provider's own."""
        return f"{self.url} ({self.source})" if self.url else ""


def server_of(request: ModelRequest, env: Mapping[str, str], variable: str) -> Server:
    """The server of a model.

    Args:
        request: its ``base_url`` comes before the variable.
        env: environment variables, those of ``.env`` included.
        variable: that names a server.
    """
    exported = _value(env, variable)
    in_file = exported and _source(env, variable).startswith(".env")
    if request.base_url is None:
        if not exported:
            return Server()
        return Server(exported, _source(env, variable), not in_file)
    url = request.base_url.strip()
    if not isinstance(env, Sourced) or url in env.named:
        return Server(url, "--base-url")
    if url == exported and not in_file:
        return Server(url, _source(env, variable))
    if _origin(url) in _remembered():
        return Server(url, "opro.base_url, named on the command line before")
    return Server(url, "base_url of the preset or the run", trusted=False)


def check_key(server: Server, env: Mapping[str, str], key: str, what: str = "") -> None:
    """Raises ModelUnavailable where the server must not get the key.

    Args:
        server: of the model.
        env: environment variables, those of ``.env`` included.
        key: the variable that holds the key; empty for one from elsewhere on this machine.
        what: the key in words, where no variable holds it.
    """
    if server.trusted:
        return
    source = _source(env, key) if key else what
    if key and source.startswith(".env") and server.source.startswith(".env"):
        return
    raise ModelUnavailable(
        f"{key or 'The login'} ({source}) is not sent to {server.words}: this folder or preset "
        "may come from a stranger, who chose that server.",
        f"if it is yours, name it with --base-url {server.url}",
    )


def remember(server: Server, env: Mapping[str, str]) -> None:
    """Remember a server that the command line names, as far as there is a place for it."""
    if not isinstance(env, Sourced) or server.url not in env.named:
        return
    origin, known = _origin(server.url), _remembered()
    if origin in known:
        return
    with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: there is no home
        path = _file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text("\n".join([*known, origin][-MOST_REMEMBERED:]) + "\n", encoding="utf-8")


def _remembered() -> list[str]:
    try:
        return _file().read_text(encoding="utf-8").split()
    except (OSError, ValueError, RuntimeError):
        return []


def _file() -> Path:
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        return Path(os.environ["LOCALAPPDATA"]) / "opro" / "servers.txt"
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "opro" / "servers.txt"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _value(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip()


def _source(env: Mapping[str, str], name: str) -> str:
    return env.source(name) if isinstance(env, Sourced) else f"environment {name}"
