"""Connections for many calls at once.

Whenever a request begins or ends, httpx's connection pool looks through all its connections and
asks the system about each idle one. With 64 connections, that takes a tenth of the time of a call.
So the connections are spread over several small pools.
"""

from __future__ import annotations

import urllib.request

import httpx2
from typing_extensions import override

POOLS = 8


class SpreadTransport(httpx2.AsyncBaseTransport):
    """Several pools; a request goes to the pool with the fewest requests in flight.

    Args:
        connections: kept open at most, over all pools. More are opened where more are needed: the
            limiter limits the calls in flight.
    """

    def __init__(self, connections: int) -> None:
        context = httpx2.create_ssl_context()
        limits = httpx2.Limits(
            max_connections=None, max_keepalive_connections=-(-connections // POOLS)
        )
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=context, limits=limits) for _ in range(POOLS)
        ]
        self._busy = [0] * POOLS

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        chosen = self._busy.index(min(self._busy))
        self._busy[chosen] += 1
        try:
            return await self._pools[chosen].handle_async_request(request)
        finally:
            self._busy[chosen] -= 1

    @override
    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.aclose()


def http_client(connections: int, timeout: float | None = None) -> httpx2.AsyncClient:
    """An HTTP client that follows no redirects, through the proxy of the environment if any.

    Args:
        connections: kept open at most.
        timeout: seconds for one call; waiting for a connection does not count.
    """
    timed = httpx2.Timeout(timeout, pool=None)
    if urllib.request.getproxies():  # a client with a transport of its own would ignore it
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=connections)
        return httpx2.AsyncClient(limits=limits, timeout=timed, follow_redirects=False)
    transport = SpreadTransport(connections)
    return httpx2.AsyncClient(transport=transport, timeout=timed, follow_redirects=False)
