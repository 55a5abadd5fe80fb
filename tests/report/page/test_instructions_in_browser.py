"""The page of a run for an instruction: what changed, and the scorer's reply behind each cell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from tests.browser import Watched, opened, started_browser
from tests.chains import only_run, open_events
from tests.runs.test_instruction_runs import good, served
from tests.scorers import Models

WORDS = ("short", "exact", "exact and calm")


@pytest.fixture
def run(opro: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that has found a better instruction, and its page."""
    monkeypatch.setenv("OPENAI_API_KEY", "dummy-key-0123456789")
    models = Models(good, lambda n: f"Be {WORDS[n % 3]}, <b>please</b>.")
    with served(models) as preset:
        words = ("run-opro", "--preset", preset, "--display", "none", "--concurrency", "1")
        done = opro(*words)  # one call at a time: the order of proposals is part of the test
    assert done.exit_code == 0, done.output
    assert opro("report", "-o", "report.html").exit_code == 0
    return only_run()


@pytest.fixture
def watched(run: Path) -> Iterator[Watched]:
    """The page of the run in the browser; in the end it must have been quiet."""
    with started_browser() as browser, opened(browser, Path("report.html").absolute()) as found:
        yield found
        found.check_quiet()


def test_what_changed_is_marked_and_each_cell_opens_its_reply(run: Path, watched: Watched) -> None:
    answers = [json.loads(line) for line in (run / "answers.jsonl").read_text().splitlines()]
    graded = {a["label"]: a for a in answers if a["type"] == "answered"}
    from axe_playwright_python.sync_playwright import Axe

    page = watched.page
    last = page.query_selector_all("ol.found")[0].query_selector_all("li")[-1]
    assert "chosen" in last.inner_text()
    assert "<b>please</b>" in last.inner_text()
    assert page.query_selector("main b") is None
    assert last.query_selector_all("ins, del")
    page.click("text=test (60)")
    grid = page.query_selector("table.grid[data-split=test]")
    events = open_events(run)
    (judged,) = (e for e in events if e["type"] == "judged" and e["split"] == "test")
    verdicts = {v["point"][0]: v["detail"] for v in judged["verdicts"]}
    shown = grid.evaluate(
        "grid => [...grid.tBodies[0].rows].map(row =>"
        " [...row.cells].slice(1).map(cell => cell.textContent === '✓' ? '1' : '0').join(''))"
    )
    by_column = {"".join(column) for column in zip(*shown, strict=True)}
    assert by_column == set(verdicts.values())
    assert len(graded) == 20 + 20 + 60
    grid.query_selector("td button").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    mark = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] pre")
    texts = [pre.inner_text() for pre in page.query_selector_all("dialog pre")]
    assert page.inner_text("dialog h2").endswith(f": {mark}")
    instruction, question, target, reply, read = texts
    assert instruction in {*verdicts, "(empty)"}
    assert question.startswith("Is item ")
    assert (read == target) == (mark == "right")
    assert reply == read
    found = Axe().run(page)
    assert not found.response["violations"], found.generate_report()
