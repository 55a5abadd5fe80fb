"""Columns of a screen: those that do not fit are left out whole, the least needed first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

GAP = 2


def fitting(
    widths: Mapping[str, int], room: int | None, dropped: Sequence[str], gap: int = GAP
) -> list[str]:
    """The columns that fit beside each other, in order.

    Args:
        widths: characters of each column.
        room: characters of the screen; None for any number.
        dropped: the columns that may be left out, the first ones first.
        gap: characters between two columns.
    """
    shown = list(widths)
    for name in dropped:
        if room is None or sum(widths[n] for n in shown) + gap * (len(shown) - 1) <= room:
            break
        if name in shown:
            shown.remove(name)
    return shown


def table(
    rows: Sequence[Mapping[str, str]],
    room: int | None,
    dropped: Sequence[str] = (),
    right: Collection[str] = (),
) -> str:
    """Rows under headings, a line each.

    Args:
        rows: the cells by heading; all rows have the same headings.
        room: characters of the screen; None for any number.
        dropped: the columns that may be left out, the first ones first.
        right: the columns that end at the right.
    """
    if not rows:
        return ""
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in rows[0]}
    shown = fitting(widths, room, dropped)
    lines = [{name: name for name in shown}, *rows]
    return "".join(
        (" " * GAP)
        .join(
            line[name].rjust(widths[name]) if name in right else line[name].ljust(widths[name])
            for name in shown
        )
        .rstrip()
        + "\n"
        for line in lines
    )
