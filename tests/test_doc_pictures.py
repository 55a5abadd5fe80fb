"""The picture on the page on figures."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.pages import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "pictures.md").read_text()


def test_the_picture_on_the_page_is_a_figure_of_ours():
    root = ElementTree.parse(DOCS / "curves.svg").getroot()
    assert root.get("width") == "160.00mm"
    assert "--width 160" in PAGE
    assert {e.get("data-line") for e in root.iter() if e.get("data-line")} >= {"0", "1", "2", "3"}
    assert (DOCS / "curves.svg").stat().st_size < 40_000
