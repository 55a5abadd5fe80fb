"""How many threads a local model gets beside other busy programs."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from opro_cli.core.errors import ModelUnavailable
from opro_cli.core.model import ModelRequest
from opro_cli.llm import choose_model
from opro_cli.llm.local import processors


@pytest.fixture(autouse=True)
def _looked_at_anew(monkeypatch):
    monkeypatch.delenv("OPRO_THREADS", raising=False)
    processors.free_processors.cache_clear()
    yield
    processors.free_processors.cache_clear()


@pytest.fixture
def counts(monkeypatch, tmp_path):
    """A machine with four processors, of which so many are busy: ``counts(busy)``."""
    monkeypatch.setattr(processors, "_allowed", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(processors, "LOOK", 0.2)
    stat = tmp_path / "stat"
    monkeypatch.setattr(processors, "STAT", stat)

    def write(busy: float, seconds: float) -> None:
        ticks = round(seconds * os.sysconf("SC_CLK_TCK") * 100)
        work = [round(ticks * min(max(busy - i, 0), 1)) for i in range(4)]
        lines = [f"cpu{i} {w} 0 0 {ticks - w} 0 0 0 0 0 0" for i, w in enumerate(work)]
        others = ["cpu 1 2 3 4 5 6 7 8 9 10", "cpu7 9999999 0 0 0 0 0 0 0 0 0", "intr 5 6"]
        stat.write_text("\n".join([*others, *lines]))

    def start(busy: float) -> None:
        write(0, 0)

        def sleep(seconds: float) -> None:
            write(busy, seconds / 100)
            real(seconds)

        real = time.sleep
        monkeypatch.setattr(processors.time, "sleep", sleep)

    return start


@pytest.mark.parametrize(
    ("busy", "threads"), [(0, 4), (0.3, 4), (1, 3), (1.4, 3), (2.8, 1), (4, 1)]
)
def test_it_uses_the_processors_that_are_free(counts, busy, threads):
    counts(busy)
    assert processors.threads() == threads
    notice = processors.threads_notice()
    assert (notice == "") == (threads == 4)
    if threads == 3:
        assert notice == (
            "Other programs keep 1 of 4 processors busy, so the local model uses 3 threads; "
            "OPRO_THREADS=4 uses them all."
        )


def test_it_looks_once(counts):
    counts(1)
    assert processors.threads() == 3
    counts(4)
    assert processors.threads() == 3
    assert processors.circumstances()["threads"] == "3"


def test_the_variable_still_decides(counts, monkeypatch):
    counts(4)
    monkeypatch.setenv("OPRO_THREADS", "4")
    assert (processors.threads(), processors.threads_notice()) == (4, "")
    monkeypatch.setenv("OPRO_THREADS", "many")
    with pytest.raises(ModelUnavailable, match="OPRO_THREADS=many"):
        processors.threads()


def test_without_counts_the_load_of_the_last_minute_is_used(monkeypatch, tmp_path):
    monkeypatch.setattr(processors, "_allowed", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(processors, "STAT", tmp_path / "none")
    monkeypatch.setattr(processors.os, "getloadavg", lambda: (1.6, 9.0, 9.0), raising=False)
    assert processors.threads() == 2


@pytest.mark.skipif(not processors.STAT.exists(), reason="nothing counts the work here")
def test_a_busy_process_is_seen(monkeypatch):
    """On a machine of any load: with one busy process for each processor, none is free."""
    everywhere = processors._allowed()
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(2 * len(everywhere))
    ]
    try:
        time.sleep(0.3)
        assert processors.threads() == 1
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_it_is_said_before_a_run(counts):
    pytest.importorskip("xllamacpp")
    counts(2)
    choice = choose_model(ModelRequest("local"), {})
    assert any("uses 2 threads" in notice for notice in choice.notices)
    assert choice.details["threads"] == "2"
