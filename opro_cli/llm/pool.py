"""Connections for many calls at once.

httpx's connection pool looks through all its connections, and asks the system about each idle one,
whenever a request begins or ends. With 64 connections that is a tenth of the time a call takes; so
they are spread over a few pools of a few connections each.
"""

from __future__ import annotations

import urllib.request

import httpx2

POOLS = 8


class Spread(httpx2.AsyncBaseTransport):
    """Several pools; a request goes to the one with the fewest under way.

    Args:
        connections: kept open at most, over all pools. More are opened where more are needed:
            how many calls are made at once is for the limiter to say.
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

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """As any transport."""
        chosen = self._busy.index(min(self._busy))
        self._busy[chosen] += 1
        try:
            return await self._pools[chosen].handle_async_request(request)
        finally:
            self._busy[chosen] -= 1

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()


def client(connections: int, timeout: float | None = None) -> httpx2.AsyncClient:
    """An HTTP client that follows no redirects, through the proxy of the environment if any.

    Args:
        connections: kept open at most.
        timeout: seconds for one call; waiting for a connection is never timed.
    """
    timed = httpx2.Timeout(timeout, pool=None)
    if urllib.request.getproxies():  # a client with a transport of its own would ignore it
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=connections)
        return httpx2.AsyncClient(limits=limits, timeout=timed, follow_redirects=False)
    transport = Spread(connections)
    return httpx2.AsyncClient(transport=transport, timeout=timed, follow_redirects=False)
