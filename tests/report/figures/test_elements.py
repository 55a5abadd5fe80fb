"""Elements: no text, tag, attribute or address can become anything but itself."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opro_cli.report.figures.elements import Element, decimal

HOSTILE = [
    "</script><script>alert(1)</script>",
    '" onload="alert(1)',
    "<svg onload=alert(1)>",
    "&lt;",
]


class Read(HTMLParser):
    """What a browser would find."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text_in_html(text):
    page = Read(Element("p", text, title=text).render())
    assert page.tags == [("p", [("title", text)])]
    assert page.text == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.text())
def test_any_text_makes_valid_xml_that_reads_back(text, value):
    svg = ElementTree.fromstring(Element("text", text, class_=value, x=1.0).render())
    forbidden = {c for c in text if c < " " and c not in "\t\n\r"} | {"\x7f", "\ufffe", "\uffff"}
    assert (svg.text or "") == "".join("\ufffd" if c in forbidden else c for c in text)
    assert set(svg.attrib) == {"class", "x"}


def test_names_and_numbers_are_written_as_the_standard_has_them():
    line = Element("line", x1=1 / 3, stroke_width=2, class_="a", aria_hidden="true", opacity=None)
    assert line.render() == '<line x1="0.33" stroke-width="2" class="a" aria-hidden="true"/>'
    assert Element("input", checked=True, disabled=False).render() == '<input checked=""/>'
    assert Element("div").render() == "<div></div>"
    assert decimal(-0.001) == "0"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Element("p onclick=x"),
        lambda: Element("iframe"),
        lambda: Element("p", onclick="x"),
        lambda: Element("p", style="x"),
        lambda: Element("p", **{"data-x onload": "x"}),
        lambda: Element("a", href="javascript:alert(1)"),
        lambda: Element("img", src="https://example.org/x.png"),
        lambda: Element("image", href="data:text/html;base64,AAAA"),
        lambda: Element("script", "a</script>b"),
        lambda: Element("style").add("</style>"),
        lambda: Element("circle", r=float("nan")),
    ],
)
def test_what_is_not_in_the_lists_is_refused(make):
    with pytest.raises(ValueError, match=r"\w"):
        make()


def test_scripts_of_ours_are_written_as_they_are():
    assert Element("script", "if (a < b && c) {}").render() == "<script>if (a < b && c) {}</script>"
