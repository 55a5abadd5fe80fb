"""The page in a real browser: nothing runs, nothing leaves, and everything can be reached."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opro_cli import report
from opro_cli.core.text import visible
from opro_cli.report.summary import summarize
from opro_cli.runs.store import RunStore
from tests.browser import Watched, opened
from tests.report.page import hostile

RECORDED = Path(__file__).parent.parent.parent / "data" / "runs-format-1"


def write(store: RunStore, file: Path) -> Path:
    """The page of all runs of a store."""
    summary = summarize(*store.all(), histories=True)
    file.write_text(report.render(summary, "html"), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the recorded runs."""
    folder = tmp_path_factory.mktemp("recorded")
    shutil.copytree(RECORDED, folder / "runs")
    return write(RunStore(folder / "runs"), folder / "report.html")


@pytest.fixture
def page(browser: Any, recorded: Path) -> Iterator[Any]:
    """The page of the recorded runs in the browser; in the end it must have been quiet."""
    with opened(browser, recorded, viewport={"width": 1200, "height": 900}) as watched:
        yield watched.page
        watched.check_quiet()


def every_text(watched: Watched) -> str:
    """All texts of the page of a run, with every part of it opened."""
    page = watched.page
    page.wait_for_selector("dialog[open] .facts")
    while closed := page.query_selector_all("dialog details:not([open]) > summary"):
        for summary in closed:
            summary.evaluate("summary => { summary.parentElement.open = true; }")
        page.wait_for_timeout(50)
    return str(page.evaluate("document.querySelector('dialog').textContent"))


def test_hostile_texts_are_shown_as_texts(browser: Any, tmp_path: Path) -> None:
    store = hostile.make_runs(tmp_path / "runs")
    file = write(store, tmp_path / "report.html")
    with opened(browser, file) as watched:
        links = watched.page.query_selector_all("table.runs tbody a")
        assert len(links) == 2
        for link, run in zip(links, store.all()[0], strict=True):
            link.click()
            shown = every_text(watched)
            if "img" not in run.id:
                for name, text in hostile.TEXTS.items():
                    assert visible(text) in shown, name
            foreign = "dialog :is(script, img, svg, a, iframe, base, style, object, embed)"
            assert watched.page.query_selector_all(foreign) == []
            assert watched.page.inner_text("dialog h2") == watched.page.evaluate(
                "link => link.innerText", link
            )
            watched.page.keyboard.press("Escape")
        own = watched.page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
        )
        assert not [name for name in own if name.startswith("on")]
        watched.check_quiet()


def test_the_policy_lets_nothing_in_that_is_put_into_the_page(
    browser: Any, tmp_path: Path, recorded: Path
) -> None:
    added = f"<script>{hostile.RUN}</script><img src=x onerror='{hostile.RUN}'></body>"
    file = tmp_path / "changed.html"
    file.write_text(recorded.read_text("utf-8").replace("</body>", added), encoding="utf-8")
    with opened(browser, file) as watched:
        watched.page.wait_for_timeout(200)
        assert watched.page.evaluate("window.ran") is None
        assert watched.requests == watched.blocked != []
        assert any("Content Security Policy" in message for message in watched.messages)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 360)])
def test_accessibility(browser: Any, recorded: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    size = {"width": width, "height": 900}
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    options = {"runOnly": {"type": "tag", "values": tags}}
    with opened(browser, recorded, color_scheme=scheme, viewport=size) as watched:
        page = watched.page
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        found = Axe().run(page, options=options)
        assert not found.response["violations"], found.generate_report()
        page.click("table.runs tbody a >> nth=0")
        every_text(watched)
        found = Axe().run(page, options=options)
        assert not found.response["violations"], found.generate_report()
        # Wide parts scroll inside the page.
        assert page.evaluate("document.documentElement.scrollWidth") == width
        watched.check_quiet()


def test_the_table_of_runs_is_sorted_and_filtered(page: Any) -> None:
    def column(number: int) -> list[str]:
        rows = page.query_selector_all("table.runs tbody tr:not([hidden])")
        return [row.query_selector_all("th, td")[number].inner_text() for row in rows]

    headings = [th.inner_text() for th in page.query_selector_all("table.runs thead th")]
    steps = headings.index("steps")
    as_numbers = [int(cell.replace(",", "")) for cell in column(steps)]
    page.click("table.runs thead th >> text=steps")
    assert [int(cell.replace(",", "")) for cell in column(steps)] == sorted(as_numbers)
    page.keyboard.press("Enter")  # on the heading that has the focus
    assert [int(c.replace(",", "")) for c in column(steps)] == sorted(as_numbers, reverse=True)
    page.fill("input[type=search]", "SGD exp1")
    assert len(column(0)) == 1
    assert page.inner_text(".filters output") == f"1 of {len(as_numbers)} runs"
    page.fill("input[type=search]", "")
    page.select_option("select[data-column=state]", "unfinished")
    assert {cell[:10] for cell in column(headings.index("result"))} == {"unfinished"}


def test_a_run_is_opened_by_its_address_and_left_by_keyboard(browser: Any, recorded: Path) -> None:
    run = next(path.name for path in RECORDED.iterdir() if "quickstart-opro" in path.name)
    with opened(browser, recorded) as watched:
        page = watched.page
        page.goto(f"{recorded.as_uri()}#run={run}&step=1")
        page.wait_for_selector("dialog[open] .reply pre")
        assert page.inner_text("dialog h2") == run
        assert page.evaluate("document.querySelector('dialog').scrollTop") > 0  # at its step
        page.keyboard.press("Escape")
        assert page.query_selector("dialog[open]") is None
        assert page.evaluate("location.hash") == "#runs"
        page.focus("table.runs tbody a >> nth=1")
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog[open] .facts")
        page.go_back()
        page.wait_for_selector("dialog", state="hidden")
        page.evaluate("location.hash = '#run=nobody'")
        assert page.wait_for_selector("dialog[open] p").inner_text() == (
            "This page holds no run of that name."
        )
        watched.check_quiet()


def test_the_horizontal_axis_is_chosen_by_keyboard(page: Any) -> None:
    tabbed = page.query_selector(".tabbed")
    shown = "tabbed => [...tabbed.children].map(e => getComputedStyle(e).display !== 'none')"
    before = tabbed.evaluate(shown)
    assert before[:3] == [True, True, False]
    tabbed.query_selector("input").focus()
    page.keyboard.press("ArrowRight")
    assert tabbed.evaluate(shown)[:3] == [True, False, True]


def test_the_points_of_a_landscape_appear_step_by_step(page: Any) -> None:
    stepper = page.query_selector(".stepper:visible")
    assert stepper is not None
    count = "e => e.closest('figure').querySelectorAll('[data-step]:not(.later)').length"
    all_points = stepper.evaluate(count)
    stepper.query_selector("input").focus()
    page.keyboard.press("Home")
    first = stepper.evaluate(count)
    assert 0 < first < all_points
    assert stepper.query_selector("output").inner_text() == "0"
    stepper.query_selector("button").click()  # plays to the end
    page.wait_for_function("b => b.textContent === 'Play'", arg=stepper.query_selector("button"))
    assert stepper.evaluate(count) == all_points


def test_print_shows_figures_and_tables_without_controls(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.query_selector("nav").is_visible()
    assert not page.query_selector(".tabs, .filters").is_visible()
    assert page.query_selector("figure svg").is_visible()
    assert page.query_selector("table.runs").is_visible()
    ink = "getComputedStyle(document.body).color"
    assert page.evaluate(ink) == "rgb(28, 31, 36)"  # dark on white, also from a dark screen
