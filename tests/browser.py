"""Chromium for tests: every request, message and dialog of a page is kept, and none is expected."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A headless browser; the test is skipped, with the reason, where there is none.

    While it is there, no other code of this thread can run an event loop.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("browser tests skipped: no Chromium (on Debian: apt install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="browser tests skipped: no playwright")
    with api.sync_playwright() as playwright:
        # Its own sandbox needs rights that root in a container lacks.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watched:
    """A page in the browser, and all that it did besides being shown."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.messages: list[str] = []
        """Of the console, uncaught errors, and dialogs."""
        self.requests: list[str] = []
        """All that were tried, but for the page itself and the pictures in it."""
        self.blocked: list[str] = []
        """Those that a content security policy stopped."""
        page.on("console", lambda message: self.messages.append(message.text))
        page.on("pageerror", lambda error: self.messages.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._request(request.url))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure))
        self._address = file.as_uri()
        page.goto(self._address)

    def check_quiet(self) -> None:
        """Nothing was said, asked for or run."""
        assert not self.messages
        assert not self.requests
        assert self.page.evaluate("window.ran") is None

    def _dialog(self, dialog: Any) -> None:
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if url.partition("#")[0] != self._address and not url.startswith("data:image/png"):
            self.requests.append(url)

    def _failed(self, url: str, why: str | None) -> None:
        if why == "csp":
            self.blocked.append(url)


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Watched]:
    """A page of its own for a file, with options as of ``Browser.new_context``."""
    context = browser.new_context(**options)
    try:
        yield Watched(context.new_page(), file)
    finally:
        context.close()
