"""A Ray cluster: ``ray://auto``, ``ray://local``, or ``ray://host:10001`` for a client of a server
(extra ``ray``)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

from typing_extensions import override

from opro_cli.core.errors import UsageError
from opro_cli.problems.custom.executors.base import OpenExecutor
from opro_cli.problems.custom.worker import brief


class RayExecutor(Executor):
    """Sends calls to a Ray cluster as tasks. Lost workers are retried by it (``max_retries``)."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._remote: dict[Callable[..., Any], Any] = {}

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """A future of the call's result."""
        if fn not in self._remote:
            self._remote[fn] = self._ray.remote(fn)
        future: Future[Any] = self._remote[fn].remote(*args, **kwargs).future()
        return future


@contextlib.contextmanager
def connect(address: str) -> Iterator[OpenExecutor]:
    """A driver, or a client, of a cluster; ``ray://local`` starts one here."""
    try:
        import ray
    except ImportError:
        raise UsageError(
            f"problem.executor {address}: Ray is not installed.",
            "pip install 'opro-cli[ray]', here and where the workers run",
        ) from None
    where = address.partition("://")[2]
    try:
        ray.init(
            {"local": "local", "auto": "auto"}.get(where, address),
            log_to_driver=False,
            configure_logging=False,
            include_dashboard=False if where == "local" else None,
        )
    except Exception as error:  # noqa: BLE001 (each kind of address has its own)
        raise UsageError(
            f"problem.executor {address}: there is no cluster ({brief(error)}).",
            "start one with: ray start --head",
        ) from None
    # Ray would write what it says of lost workers on standard output, among our results.
    ray._private.worker._worker_logs_enabled = False
    try:
        yield OpenExecutor(
            address, RayExecutor(ray), lambda: int(ray.cluster_resources().get("CPU", 1))
        )
    finally:
        ray.shutdown()
