"""Tables that fit the terminal: columns are narrowed or left out before a line would wrap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemorun_discover.cli.cells import cell_width, cut, cut_middle
from nemorun_discover.cli.sanitise import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Channel, Line, Span

_GAP = "  "
_NARROWEST_KEPT = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        cells: One span a row.
        drop: The column with the lowest number is left out first; None is never left out.
        narrowest: Cells it may be narrowed to before it is left out; None for not at all.
    """

    heading: str
    cells: tuple[Span, ...]
    drop: int | None = None
    narrowest: int | None = None


def draw_table(columns: Sequence[Column], channel: Channel) -> list[Line]:
    """The lines of a table, headings first; columns that say nothing in any row are left out."""
    kept = [_clean(column) for column in columns if any(text for text, _ in column.cells)]
    widths = _fit(kept, channel.width)
    rows = zip(*(kept[index].cells for index in widths), strict=True)
    headings = tuple((kept[index].heading, "bold") for index in widths)
    return [
        _draw_row(row, [*widths.values()], channel.ellipsis)
        for row in ([headings, *rows] if widths else [])
    ]


def _clean(column: Column) -> Column:
    return replace(column, cells=tuple((one_line(text), style) for text, style in column.cells))


def _fit(columns: Sequence[Column], width: int | None) -> dict[int, int]:
    """The columns that stay, by index, and their widths."""
    widths = {
        index: max(cell_width(text) for text, _ in [(column.heading, ""), *column.cells])
        for index, column in enumerate(columns)
    }
    if width is None:
        return widths
    ranked = [
        (column.drop, index) for index, column in enumerate(columns) if column.drop is not None
    ]
    for _, index in sorted(ranked):
        narrowed = widths[index] - max(0, _excess(widths, width))
        if narrowed == widths[index]:
            break
        narrowest = columns[index].narrowest
        if narrowest is not None and narrowed >= narrowest:
            widths[index] = narrowed
            break
        del widths[index]
    if widths and (excess := _excess(widths, width)) > 0:
        first = min(widths)
        widths[first] = max(_NARROWEST_KEPT, widths[first] - excess)
    return widths


def _excess(widths: dict[int, int], width: int) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1) - width


def _draw_row(row: Sequence[Span], widths: Sequence[int], ellipsis: str) -> Line:
    spans: list[Span] = []
    last = len(widths) - 1
    for position, ((text, style), width) in enumerate(zip(row, widths, strict=True)):
        # A job's id is told apart by its end as much as by its beginning.
        text = cut_middle(text, width, ellipsis) if position == 0 else cut(text, width, ellipsis)  # noqa: PLW2901 - the same cell
        blanks = "" if position == last else " " * (width - cell_width(text)) + _GAP
        spans += [(text, style), (blanks, "")] if style else [(text + blanks, "")]
    while spans and not spans[-1][0].strip():
        spans.pop()  # no blanks at the end of a line
    return (*spans[:-1], *((text.rstrip(), style) for text, style in spans[-1:]))
