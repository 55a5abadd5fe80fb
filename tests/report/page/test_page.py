"""The page as text: what it shows is in the logs, what it holds, and what it may do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from opro_cli.core.text import duration, number, visible
from tests.chains import open_events

Opro = Callable[..., Result]

RECORDED = Path(__file__).parent.parent.parent / "data" / "runs-format-1"


class Parsed(HTMLParser):
    """The runs in the table, the blocks of data, and all elements."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.raw: dict[str, str] = {}
        self._inside = self._runs = False
        self._block = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        self.elements.append((tag, own))
        self._runs = own.get("class") == "runs" if tag == "table" else self._runs
        self._block = own.get("id") or tag if tag in ("script", "style") else ""
        if self._runs and tag == "tr":
            self.rows.append([])
        if self._runs and tag in ("th", "td"):
            self.rows[-1].append("")
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag not in ("th", "td")
        self._block = ""

    def handle_data(self, data: str) -> None:
        if self._block:
            self.raw[self._block] = self.raw.get(self._block, "") + data
        elif self._runs and self._inside:
            self.rows[-1][-1] += data

    def details(self, run: str) -> dict[str, Any]:
        """The data of the page of a run."""
        index = [row[0] for row in self.rows[1:]].index(run)
        packed = self.raw[f"run-data-{index}"]
        found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
        return found


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The recorded runs."""
    return Path(shutil.copytree(RECORDED, tmp_path / "runs"))


def page(opro: Opro, *options: str) -> Parsed:
    """The page of the runs in ``runs``."""
    done = opro("report", "-o", "report.html", *options)
    assert done.exit_code == 0, done.stderr
    return Parsed(Path("report.html").read_text("utf-8"))


def test_the_numbers_of_a_run_are_those_of_its_log(opro: Opro, runs: Path) -> None:
    found = page(opro)
    columns = found.rows[0]
    shown = {row[0]: dict(zip(columns, row, strict=True)) for row in found.rows[1:]}
    assert len(shown) > 5
    for run, cells in shown.items():
        events = open_events(runs / run)
        starts = next(e for e in events if e["type"] == "started")
        steps = [e for e in events if e["type"] == "stepped"]
        replies = [e for e in events if e["type"] == "replied"]
        ends = [e for e in events if e["type"] in ("stopped", "failed", "stepped")]
        values = [pair["value"] for e in (starts, *steps) for pair in e["pairs"]]
        made = starts.get("evaluations", len(starts["pairs"]))
        made += sum(e.get("evaluations", 0) for e in steps)
        assert cells["best value"] == number(min(values)), run
        assert cells["evaluations"] == f"{made:,}", run
        assert cells["steps"] == f"{max([0, *(e['step'] for e in steps)]):,}", run
        assert cells["model calls"] == f"{sum(e['reply'].get('calls', 1) for e in replies):,}", run
        assert cells["result"].startswith(_state(ends[-1])), run
        assert cells["time"] == duration(_seconds(events)), run


def _state(last: dict[str, Any]) -> str:
    """By the last event that says something of it."""
    if last["type"] != "stopped":
        return "failed" if last["type"] == "failed" else "unfinished"
    words = {"converged": "solved", "max_calls": "unfinished"}
    return words.get(last["reason"], "finished")


def _seconds(events: list[dict[str, Any]]) -> float:
    from datetime import datetime

    times = [datetime.fromisoformat(e["t"]) for e in events]
    return (times[-1] - times[0]).total_seconds()


def test_every_meta_prompt_and_reply_is_in_the_page_of_its_run(opro: Opro, runs: Path) -> None:
    found = page(opro, "--replies", "all")
    for row in found.rows[1:]:
        events = open_events(runs / row[0])
        steps = found.details(row[0]).get("steps", [])
        assert [text for step in steps for _, text in step["prompts"]] == [
            visible(e["prompt"]) for e in events if e["type"] == "prompted"
        ]
        assert sorted(reply[1] for step in steps for reply in step["replies"]) == sorted(
            visible(e["reply"]["text"]) for e in events if e["type"] == "replied"
        )


def test_a_page_holds_the_replies_that_were_asked_for(opro: Opro, runs: Path) -> None:
    def with_steps(found: Parsed) -> set[str]:
        ids = [row[0] for row in found.rows[1:]]
        return {run for run in ids if {"steps", "points"} & set(found.details(run))}

    everything = {row[0] for row in page(opro).rows[1:]}
    assert with_steps(page(opro, "--replies", "all")) == everything
    assert with_steps(page(opro, "--replies", "none")) == set()
    best = with_steps(page(opro, "--replies", "best"))
    assert set() < best < everything
    assert "--replies all adds them" in Path("report.html").read_text() or best


def test_a_page_that_would_be_too_large_holds_the_best_runs(
    opro: Opro, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opro_cli.report.page.keeping.LARGEST", 20_000)
    found = page(opro)
    kept = [row[0] for row in found.rows[1:] if "steps" in found.details(row[0])]
    assert 0 < len(kept) < len(found.rows) - 1
    assert "as all are more than" in Path("report.html").read_text()


def test_the_policy_names_the_script_and_the_style_of_the_page(opro: Opro, runs: Path) -> None:
    found = page(opro)
    (policy,) = (
        own["content"]
        for tag, own in found.elements
        if tag == "meta" and own.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))

    def pinned(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "script-src": pinned(found.raw["script"]),
        "style-src": pinned(found.raw["style"]),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    styled = [own for _, own in found.elements if "style" in own]
    assert not styled  # the policy would refuse it
    ids = [own["id"] for _, own in found.elements if "id" in own]
    assert len(ids) == len(set(ids))


def test_the_format_follows_from_the_ending(opro: Opro, runs: Path) -> None:
    opro("report", "-o", "a.html")
    opro("report", "-o", "b.txt", "--format", "html")
    text = Path("a.html").read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    assert Path("b.txt").read_text("utf-8") == text
    assert opro("report", "--format", "html").stdout == text
    assert not re.search(r'(?:src|href)="(?!#|data:image/png)', text)


def test_a_choice_of_replies_is_checked_before_logs_are_read(opro: Opro) -> None:
    done = opro("report", "--format", "html", "--replies", "some")
    assert done.exit_code == 2
    assert "give one of none, best, all" in done.stderr
    done = opro("report", "--replies", "all")
    assert done.exit_code == 2
    assert "add --format html" in done.stderr


def test_no_runs_make_a_page_that_says_so(opro: Opro) -> None:
    done = opro("report", "-o", "report.html")
    assert done.exit_code == 0
    assert "<title>opro report: no runs</title>" in Path("report.html").read_text()


def test_failed_and_unfinished_runs_are_named(opro: Opro, runs: Path) -> None:
    found = page(opro)
    column = found.rows[0].index("result")
    words = [row[column].partition(":")[0] for row in found.rows[1:]]
    assert (words.count("failed"), words.count("unfinished")) == (1, 1)
    text = Path("report.html").read_text("utf-8")
    assert "1 failed run and 1 unfinished run are named below, and count in no result." in text
