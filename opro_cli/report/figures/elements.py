"""Elements of HTML and SVG. Text is escaped by construction, so that hostile text stays text.

Tags and attributes come from the lists in this file, never from text; an address is a place in
the same page or a picture inside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TypeAlias


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


HTML_TAGS = _names(
    "html head meta title style script body header main footer section article aside nav div p "
    "span h1 h2 h3 h4 a b em strong small code pre kbd q blockquote ul ol li dl dt dd br hr "
    "table caption thead tbody tr th td figure figcaption img details summary dialog form "
    "fieldset legend label input button output select option time mark ins del noscript "
    "template"
)
"""Elements of HTML."""

SVG_TAGS = _names(
    "svg g defs desc use symbol path line polyline polygon rect circle ellipse text tspan "
    "image clipPath marker"
)
"""Elements of SVG; ``title``, ``style`` and ``a`` are in both."""

VOID = _names("meta br hr img input")
"""Elements of HTML that never hold anything."""

RAW = _names("script style")
"""Elements of HTML whose text no browser decodes."""

ATTRIBUTES = _names(
    # of HTML
    "id class lang dir title role tabindex hidden name content charset http-equiv type value "
    "checked disabled selected placeholder autocomplete min max step for open scope colspan "
    "rowspan datetime alt width height src href loading method "
    # of SVG
    "xmlns viewBox preserveAspectRatio x y x1 y1 x2 y2 dx dy cx cy r rx ry d points transform "
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray "
    "stroke-linejoin stroke-linecap stroke-miterlimit opacity clip-path text-anchor font-size "
    "font-family font-weight font-style paint-order vector-effect image-rendering "
    "shape-rendering marker-end refX refY markerWidth markerHeight orient"
)
"""Attributes, beside those that begin with ``aria-`` or ``data-``."""

OPEN_NAMES = re.compile(r"(aria|data)(-[a-z0-9]+)+")

ADDRESSES = frozenset(("href", "src"))
SAFE_ADDRESS = re.compile(r"#[\w.=&%-]*|data:image/png;base64,[A-Za-z0-9+/=]*")

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML forbids."""

IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
IN_ATTRIBUTE = IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})

Child: TypeAlias = "Element | str | None"
Value: TypeAlias = "str | float | bool | None"


class Element:
    """An element of HTML or SVG.

    Args:
        tag: its name, one of ``HTML_TAGS`` or ``SVG_TAGS``.
        children: elements, and texts of any origin; None is left out.
        attributes: texts of any origin, numbers (rounded to two decimals), True for an attribute
            without a value; None and False are left out. ``class_`` means ``class``, and any other
            ``_`` means ``-``.

    Raises:
        ValueError: the tag or an attribute is not in the lists, an address is none of ours, a
            number is not finite, or the text of a script or style could end it.
    """

    __slots__ = ("attributes", "children", "tag")

    def __init__(self, tag: str, /, *children: Child, **attributes: Value) -> None:
        if tag not in HTML_TAGS and tag not in SVG_TAGS:
            raise ValueError(f"no element {tag[:40]!r}")
        self.tag = tag
        self.children = [child for child in children if child is not None]
        self.attributes = {
            (name := _name(key)): _value(name, value)
            for key, value in attributes.items()
            if value is not None and value is not False
        }
        self._check_raw()

    def add(self, *children: Child) -> Element:
        """Append children. Returns the element itself."""
        return self.extend(children)

    def extend(self, children: Iterable[Child]) -> Element:
        """Append children. Returns the element itself."""
        self.children += [child for child in children if child is not None]
        self._check_raw()
        return self

    def render(self) -> str:
        """The text of the element, valid as HTML; of SVG elements, valid as XML too."""
        parts: list[str] = []
        self._write(parts)
        return "".join(parts)

    def _check_raw(self) -> None:
        if self.tag in RAW:
            text = "".join(child if isinstance(child, str) else "</" for child in self.children)
            if "</" in text or "<!--" in text:
                raise ValueError(f"the text of a {self.tag} must not hold </ or <!--")

    def _write(self, parts: list[str]) -> None:
        parts.append(f"<{self.tag}")
        parts += [f' {name}="{value}"' for name, value in self.attributes.items()]
        if not self.children and (self.tag in VOID or self.tag not in HTML_TAGS):
            parts.append("/>")
            return
        parts.append(">")
        for child in self.children:
            if isinstance(child, Element):
                child._write(parts)
            else:
                parts.append(child if self.tag in RAW else escape(child))
        parts.append(f"</{self.tag}>")


def escape(text: str) -> str:
    """Text as HTML and XML show it; characters that XML forbids are replaced."""
    return FORBIDDEN.sub("\ufffd", text).translate(IN_TEXT)


def decimal(value: float) -> str:
    """A number with at most two decimals: ``12``, ``0.5``. Raises ValueError if not finite."""
    if not math.isfinite(value):
        raise ValueError("a number that is not finite cannot be drawn")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _name(key: str) -> str:
    name = key.rstrip("_").replace("_", "-")
    if name not in ATTRIBUTES and not OPEN_NAMES.fullmatch(name):
        raise ValueError(f"no attribute {name[:40]!r}")
    return name


def _value(name: str, value: str | float | bool) -> str:
    if isinstance(value, bool):
        return ""
    if not isinstance(value, str):
        return decimal(value)
    if name in ADDRESSES and not SAFE_ADDRESS.fullmatch(value):
        raise ValueError(f"no address of ours in {name}")
    return FORBIDDEN.sub("\ufffd", value).translate(IN_ATTRIBUTE)
