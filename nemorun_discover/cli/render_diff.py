"""What differs, as lines: sections with `name  before → after`, on three lines where one is too narrow."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from nemorun_discover.cli.cells import cell_width
from nemorun_discover.cli.sanitise import one_line
from nemorun_discover.cli.terminal import wrap
from nemorun_discover.model.task import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.lifecycle.compare import Comparison
    from nemorun_discover.lifecycle.compare_code import CodeComparison
    from nemorun_discover.lifecycle.leaves import Difference

_ABSENT = "-"


def diff_lines(found: Comparison, channel: Channel) -> Iterator[Line]:
    """All that differs between two experiments, section by section."""
    yield (("- ", "bad"), (found.first, ""))
    yield (("+ ", "good"), (found.second, ""))
    sections: dict[str, list[Line]] = {
        "code": list(_code_lines(found.code, channel)),
        "jobs": [
            *_only("first", found.only_first),
            *_only("second", found.only_second),
        ],
        "parameters": list(difference_lines(found.parameters, channel)),
        "config": list(difference_lines(found.config, channel)),
        "environment": list(difference_lines(found.environment, channel)),
        "results": list(difference_lines(found.results, channel)),
    }
    for name, lines in sections.items():
        if lines:
            yield from [(), ((name, "bold"),), *lines]
    same = [name for name, lines in sections.items() if not lines]
    if same:
        yield ()
        yield from sentence_lines([f"no difference: {', '.join(same)}"], channel, indent="")
    unknown = [f"not known: {one}" for one in (*found.code.unknown, *found.unknown)]
    yield from sentence_lines(unknown, channel, indent="")


def _only(which: str, ids: Sequence[str]) -> Iterator[Line]:
    for one in ids:
        yield ((f"  only in the {which}: {one}", ""),)


def _code_lines(code: CodeComparison, channel: Channel) -> Iterator[Line]:
    yield from sentence_lines(code.differences, channel)
    width = max((len(one.how) for one in code.files), default=0)
    for one in code.files:
        yield ((f"  {one.how.ljust(width)}  ", ""), (one_line(one.path), ""))


def difference_lines(found: Iterable[Difference], channel: Channel) -> Iterator[Line]:
    """The differences, under the place that each belongs to."""
    for place, group in groupby(found, key=lambda one: one.place):
        yield ((f"  {place}", ""),)
        rows = list(group)
        width = max(cell_width(one.name) for one in rows)
        for one in rows:
            yield from _row(one, width, channel)


def _row(one: Difference, width: int, channel: Channel) -> Iterator[Line]:
    before, after = (one_line(_text(value)) for value in (one.before, one.after))
    arrow = "→" if channel.unicode else "->"
    grown = "" if one.change is None else f"  ({one.change:+.6g})"
    name = one.name + " " * (width - cell_width(one.name))
    line = f"    {name}  {before} {arrow} {after}{grown}"
    if channel.width is None or cell_width(line) <= channel.width:
        yield ((line, ""),)
        return
    yield ((f"    {one.name}{grown}", ""),)
    yield (("      - ", "bad"), (before, ""))
    yield (("      + ", "good"), (after, ""))


def _text(value: object) -> str:
    if value is MISSING:
        return _ABSENT
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def sentence_lines(
    sentences: Sequence[str], channel: Channel, *, indent: str = "  "
) -> Iterator[Line]:
    """Sentences, broken between words at the terminal's width."""
    for sentence in sentences:
        room = None if channel.width is None else channel.width - len(indent)
        for line in wrap(one_line(sentence), room).split("\n"):
            yield ((f"{indent}{line}", ""),)
