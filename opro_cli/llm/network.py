"""Addresses, proxies and certificates: checked before the first call, each with a sentence that
names the variable and the way out."""

from __future__ import annotations

import ipaddress
import os
import ssl
import urllib.request
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx2

from opro_cli.core.errors import ModelUnavailable, UsageError

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""Environment variables that change how certificates are read."""

SCHEMES = ("http", "https", "socks5", "socks5h")
"""Schemes of a proxy's address."""


@dataclass(frozen=True)
class Route:
    """How a server is reached."""

    proxy: str | None = None
    variable: str = ""
    """The environment variable that names the proxy."""

    @property
    def words(self) -> str:
        """An addition to the message of a failed connection."""
        return f" through the proxy in {self.variable}" if self.proxy else ""

    @property
    def hint(self) -> str:
        """What may help where a connection has failed."""
        return f"unset {self.variable}, or add the server to NO_PROXY" if self.proxy else ""


def route_to(url: str) -> Route:
    """The proxy of the environment for a server, if it has one.

    Raises ModelUnavailable for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = urllib.request.getproxies()
    key = next((k for k in (parts.scheme, "all") if proxies.get(k)), None)
    if key is None or _direct(host, parts.netloc.rpartition("@")[2], proxies.get("no", "")):
        return Route()
    address = proxies[key]
    address = address if "://" in address else f"http://{address}"
    names = (f"{key}_proxy", f"{key}_proxy".upper())
    variable = next((name for name in names if os.environ.get(name)), "the system's settings")
    way_out = f"unset {variable}, or add {host} to NO_PROXY where it is reached directly"
    try:
        proxy = httpx2.URL(address)
        urlsplit(address).port  # noqa: B018 (raises ValueError)
        usable = proxy.scheme in SCHEMES and bool(proxy.host)
    except (httpx2.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise ModelUnavailable(f"{variable} names a proxy whose address is none.", way_out)
    if proxy.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ModelUnavailable(
            f"{variable} names a SOCKS proxy, and the package for it is not installed.",
            f"pip install socksio; or {way_out}",
        )
    return Route(address, variable)


def _direct(host: str, netloc: str, exceptions: str) -> bool:
    """Whether NO_PROXY, or the system, excepts a host."""
    if urllib.request.proxy_bypass(netloc) or urllib.request.proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for word in exceptions.split(","):
        try:
            if address in ipaddress.ip_network(word.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            continue
    return False


def ssl_context(url: str) -> ssl.SSLContext:
    """Certificates for a server; none are read for one without TLS. Raises ModelUnavailable."""
    if urlsplit(url).scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise certificates_unreadable(error) from None


def certificates_unreadable(error: OSError) -> ModelUnavailable:
    """The error for certificates that cannot be read."""
    given = {name: value for name in CERTIFICATES if (value := os.environ.get(name))}
    missing = {name: value for name, value in given.items() if not Path(value).exists()}
    wrong = missing or given
    if not wrong:
        return ModelUnavailable(
            f"The certificates of this system cannot be read: {error}.",
            "set SSL_CERT_FILE to a file of certificates",
        )
    values = " and ".join(f"{name}={value}" for name, value in wrong.items())
    return ModelUnavailable(
        f"The certificates cannot be read: {error.strerror or error} ({values}).",
        f"unset {next(iter(wrong))}, or let it name a file that exists",
    )


def checked_address(url: str, source: str, *, query: bool = False) -> str:
    """A server's address. Raises UsageError for one that is none.

    Args:
        url: as the user wrote it.
        source: where, for the message.
        query: whether it may hold a query, such as ``?api-version=…``.
    """
    example = "as in --base-url http://localhost:8080/v1"
    shown = "this" if "@" in url else repr(url)
    try:
        if any(c.isspace() or not c.isprintable() for c in url):
            raise ValueError("it holds a space or a line break")
        parts = urlsplit(url)
        port = parts.port
        if _secret(parts.username, parts.password, parts.query):
            raise UsageError(
                f"The base URL of {source} holds credentials, which would end up in logs.",
                "put the key into OPENAI_API_KEY",
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("it does not begin with http:// or https:// and the name of a server")
        if port == 0:
            raise ValueError("there is no port 0")
        if parts.fragment or (parts.query and not query):
            raise ValueError("it holds more than a path")
        if not httpx2.URL(url).host:
            raise ValueError("it names no server")
    except (ValueError, httpx2.InvalidURL) as error:
        why = str(error).rstrip(".")
        raise UsageError(f"{source}: {shown} is no address: {why}.", example) from None
    return url


def _secret(user: str | None, password: str | None, query: str) -> bool:
    if user or password:
        return True
    words = ("key", "token", "secret", "password", "sig", "auth", "code", "credential")
    names = [name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)]
    return any(word in name for name in names for word in words)


def split_query(url: str) -> tuple[str, dict[str, str]]:
    """An address without its query, and the query."""
    base, _, query = url.partition("?")
    return base, dict(parse_qsl(query, keep_blank_values=True))
