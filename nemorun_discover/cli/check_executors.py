"""`nemorun doctor -e`: could these executors run jobs now? Side by side, all at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from nemorun_discover.config.resolve import resolve_executor
from nemorun_discover.discovery.executor_names import match_executors
from nemorun_discover.errors import NemorunError
from nemorun_discover.lifecycle.asking import asker
from nemorun_discover.lifecycle.packing import check_code
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.model.layout import home_root
from nemorun_discover.schedulers.table import scheduler_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.cli.console import Console, Line
    from nemorun_discover.cli.project import OpenProject

_MOST_AT_ONCE = 8
_GAP = "  "
_NARROWEST = 24
LOOKS = {
    Verdict.OK: ("✓", "+", "good"),
    Verdict.WARN: ("!", "!", "odd"),
    Verdict.FAIL: ("✗", "x", "bad"),
}


def check_executors(
    project: OpenProject, patterns: Sequence[str], *, may_run: bool
) -> dict[str, list[Check]]:
    """By executor, what was found; each is looked at by a thread of its own.

    Args:
        project: Where the executors are configured.
        patterns: Names, globs or expressions, as for `run -e`.
        may_run: Very small jobs may be run.

    Raises:
        NothingSelected: No executor has such a name.
    """
    names = match_executors([one.name for one in project.executors], patterns)
    with ThreadPoolExecutor(max_workers=_MOST_AT_ONCE) as pool:
        found = pool.map(lambda name: _check(project, name, may_run=may_run), names)
        return dict(zip(names, found, strict=True))


def _check(project: OpenProject, name: str, *, may_run: bool) -> list[Check]:
    try:
        executor = resolve_executor(
            name.rpartition("/")[2],
            config=project.config,
            factories=project.collection.factories,
            near=name,
        )
        scheduler = scheduler_of(name, executor.kind, os.environ)
    except NemorunError as error:
        return [
            Check(name="settings", verdict=Verdict.FAIL, message=error.message, remedy=error.hint)
        ]
    scheduler.ask = asker()
    settings, *rest = scheduler.checks(name, executor, may_run=may_run)
    if settings.verdict is Verdict.FAIL:
        return [settings, *rest]
    return [settings, check_code(executor, project.config.root, home_root(os.environ)), *rest]


def executor_lines(found: Mapping[str, Sequence[Check]], console: Console) -> list[Line]:
    """Profiles as columns where the terminal is wide enough, else one below the other; remedies last."""
    width = console.out.width
    rows = list(dict.fromkeys(check.name for checks in found.values() for check in checks))
    first = max((len(row) for row in rows), default=0)
    cells = {
        name: {row: _cell(checks, row, console) for row in rows} for name, checks in found.items()
    }
    widths = {
        name: max(_NARROWEST, len(name), *(len(text) for text, _ in column.values()))
        for name, column in cells.items()
    }
    needed = first + sum(one + len(_GAP) for one in widths.values())
    if len(found) > 1 and width is not None and needed > width:
        return [line for name, checks in found.items() for line in _block(name, checks, console)]
    widths[list(found)[-1]] = 0  # nothing stands behind the last one
    lines: list[Line] = [
        ((f"{'':{first}}", ""), *((_GAP + name.ljust(widths[name]), "bold") for name in found))
    ]
    for row in rows:
        columns = (
            (_GAP + cells[name][row][0].ljust(widths[name]), cells[name][row][1]) for name in found
        )
        lines.append(((row.ljust(first), ""), *columns))
    return [*lines, *_remedies(found)]


def _cell(checks: Sequence[Check], row: str, console: Console) -> tuple[str, str]:
    found = [one for one in checks if one.name == row]
    if not found:
        return "", ""
    worst = max(found, key=lambda one: list(LOOKS).index(one.verdict))
    symbol, plain, style = LOOKS[worst.verdict]
    text = "; ".join(one.message for one in found)
    return f"{symbol if console.out.unicode else plain} {text}", style


def _block(name: str, checks: Sequence[Check], console: Console) -> list[Line]:
    width = max((len(one.name) for one in checks), default=0)
    lines: list[Line] = [((name, "bold"),)]
    for check in checks:
        text, style = _cell([check], check.name, console)
        lines.append(((f"  {check.name.ljust(width)}  ", ""), (text, style)))
    return [*lines, *_remedies({name: checks})]


def _remedies(found: Mapping[str, Sequence[Check]]) -> list[Line]:
    return [
        ((f"  {name}: {check.name}: mend it: {check.remedy}", ""),)
        for name, checks in found.items()
        for check in checks
        if check.remedy
    ]
