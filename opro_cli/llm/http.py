"""Connections for many calls at once, whose answers are bounded.

Whenever a request begins or ends, httpx's connection pool looks through all its connections and
asks the system about each idle one. With 64 connections, that takes a tenth of the time of a call.
So the connections are spread over several small pools.

Every body is read here, up to :data:`MOST_BYTES` after decoding, so that no server can fill the
memory. No timeout is set here: the clients limit the time of a whole call.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx2
from typing_extensions import override

from opro_cli.llm.network import Route, ssl_context

POOLS = 8

MOST_BYTES = 32 * 2**20
"""Bytes of a body after decoding."""

GZIP, DEFLATE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS


class TooLarge(httpx2.TransportError):
    """A body has more than :data:`MOST_BYTES`."""

    def __init__(self) -> None:
        super().__init__(f"the answer is larger than {MOST_BYTES // 2**20} MB")


class SpreadTransport(httpx2.AsyncBaseTransport):
    """Several pools; a request goes to the pool with the fewest requests in flight.

    Args:
        url: the server.
        route: how it is reached.
        connections: kept open at most, over all pools. More are opened where more are needed: the
            limiter limits the calls in flight.
    """

    def __init__(self, url: str, route: Route, connections: int) -> None:
        context = ssl_context(url)
        limits = httpx2.Limits(
            max_connections=None, max_keepalive_connections=-(-connections // POOLS)
        )
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=context, limits=limits, proxy=route.proxy)
            for _ in range(POOLS)
        ]
        self._busy = [0] * POOLS

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, with its whole body."""
        chosen = self._busy.index(min(self._busy))
        self._busy[chosen] += 1
        try:
            response = await self._pools[chosen].handle_async_request(request)
            try:
                body = await _body(response)
            finally:
                await response.aclose()
        finally:
            self._busy[chosen] -= 1
        headers = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        return httpx2.Response(
            response.status_code, headers=headers, content=body, extensions=response.extensions
        )

    @override
    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


async def _body(response: httpx2.Response) -> bytes:
    """The decoded body. Raises TooLarge, and DecodingError for one that cannot be decoded."""
    found = bytearray()
    async for piece in _decoded(response):
        found += piece
        if len(found) > MOST_BYTES:
            raise TooLarge
    return bytes(found)


async def _decoded(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The pieces of a body, decoded, none of them much larger than what may be kept."""
    stream: AsyncIterator[bytes] = response.stream.__aiter__()  # type: ignore[union-attr]
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        async for piece in stream:
            yield piece
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise httpx2.DecodingError(f"the answer is in the encoding {encoding[:40]}, unasked for")
    decoder = zlib.decompressobj(DEFLATE if encoding == "deflate" else GZIP)
    try:
        async for piece in stream:
            yield decoder.decompress(piece, MOST_BYTES + 1)
            if decoder.unconsumed_tail:
                raise TooLarge
    except zlib.error as error:
        raise httpx2.DecodingError(f"the answer is no {encoding}: {error}") from None
    if not decoder.eof:
        raise httpx2.DecodingError(f"the answer is cut off, in its {encoding}")


def http_client(url: str, route: Route, connections: int) -> httpx2.AsyncClient:
    """An HTTP client for one server that follows no redirects.

    Args:
        url: the server.
        route: how it is reached, see :func:`opro_cli.llm.network.route_to`.
        connections: kept open at most.

    Raises:
        ModelUnavailable: the certificates cannot be read.
    """
    return httpx2.AsyncClient(
        transport=SpreadTransport(url, route, connections),
        headers={"Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(None),
        follow_redirects=False,
        trust_env=False,
    )
