"""Every test runs in an empty folder, without keys, and touches nothing outside it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from typer.testing import CliRunner, Result

from opro_cli.cli.app import app
from opro_cli.llm.openai.endpoints import endpoints
from tests.browser import started_browser
from tests.loopback import Loopback

REFERENCE = Path(__file__).parent.parent.parent / "shared" / "reference-runs"
ENDPOINTS = tuple(name.upper().replace("-", "_") + "_" for name in endpoints())
CLEARED = (
    *("GEMINI", "GOOGLE", "ANTHROPIC", "AWS_", *ENDPOINTS, "OTEL_", "MLFLOW"),
    *("OPRO_", "MODEL_NAME", "CI", "NO_COLOR"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long proofs too")


def pytest_configure() -> None:
    # Commands of a suite in the background would ignore Ctrl-C, as nohup does; some are sent one.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="a long proof; run with --long"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, where it is there, for tests of a module that run no event loop."""
    with started_browser() as found:
        yield found


EXAMPLES = pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=pytest.mark.long)])
"""For a test that takes ``examples``: some in the normal suite, many with ``--long``."""


def for_all(examples: int, strategy: SearchStrategy, check: Callable[..., None]) -> None:
    """Run a check on so many examples."""
    quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    settings(max_examples=examples, deadline=None, suppress_health_check=quiet)(
        given(strategy)(check)
    )()


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the embedded model for all tests: the user's own cache, if there is one."""
    from opro_cli.llm.local.model_file import cache_folder

    return cache_folder()


@pytest.fixture(scope="session")
def model_threads() -> str:
    """Threads of a local model, as many in every test and process: its replies depend on them."""
    from opro_cli.llm.local.processors import free_processors

    return str(free_processors())


@pytest.fixture(autouse=True)
def _alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model_cache: Path, model_threads: str
) -> None:
    for name in list(os.environ):
        if name.startswith(CLEARED):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPRO_CACHE_DIR", str(model_cache))
    monkeypatch.setenv("OPRO_THREADS", model_threads)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opro() -> Callable[..., Result]:
    """Run a command in this process: ``opro("presets")``."""

    def run(*words: str | Path) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Loopback]]:
    """Serve answers as Gemini: ``serve(answers)``; forgotten at the end of the test."""
    with ExitStack() as stack:

        def start(answers: Any, key: str = "k") -> Loopback:
            server = Loopback(answers)
            monkeypatch.setenv("GEMINI_API_KEY", key)
            monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", stack.enter_context(server.serving()))
            return server

        yield start


@pytest.fixture
def reference() -> Path:
    """The recorded reference experiments, where they are at hand."""
    if not REFERENCE.is_dir():
        pytest.skip(f"the recorded reference runs are not at {REFERENCE}")
    return REFERENCE
