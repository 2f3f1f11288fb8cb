"""`nemorun experiments`: what was run, newest first."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import (
    Document,
    experiment_row,
    experiments_document,
    unreadable_row,
)
from nemorun_discover.cli.moments import age
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.reference import scope_here
from nemorun_discover.cli.render_jobs import count_words
from nemorun_discover.cli.symbols import state_span
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.event import utc_now
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Channel, Console, Line, Span
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home
    from nemorun_discover.store.scope import Scope

_SHOWN = 20


@nemorun_command("experiments", short_help="List experiments, newest first.")
@click.option("-n", "--number", metavar="N", type=click.IntRange(min=1), help="The last N (20).")
@click.option(
    "-a",
    "--all",
    "--all-projects",
    "everything",
    is_flag=True,
    help="All there are, of all projects; with -n the last N of these.",
)
def experiments_command(settings: Settings, *, number: int | None, everything: bool) -> None:
    """List the experiments of this project, newest first: state, jobs and age.

    Outside any project it lists those of all projects.
    """
    console = open_console(settings)
    home = open_home(os.environ)
    scope = scope_here(home, replace(settings, all_projects=everything))()
    limit = number if everything else number or _SHOWN
    # One whose record is damaged may be anybody's, and is listed.
    known = (one for one in home.newest_first() if _is_listed(home, one, scope))
    seen = [_look(home, one) for one in islice(known, limit)]
    if settings.json:
        console.document(experiments_document(_row(one) for one in seen))
        return
    console.out.lines(_table(seen, console.out))
    _say_what_is_not_listed(home, scope, seen=len(seen), limit=limit, console=console)


def _say_what_is_not_listed(
    home: Home, scope: Scope, *, seen: int, limit: int | None, console: Console
) -> None:
    more = len(home.ids()) - seen
    if not seen:
        where = scope.root if scope.root and more else home.layout.experiments
        others = f"; --all lists the {more} of other projects" if more else ""
        words = "of" if where == scope.root else "in"
        console.note(
            f"there is no experiment {words} {where} yet; `nemorun run` starts one{others}"
        )
        return
    if scope.root is None and not scope.is_asked_for:
        console.note(f"note: {scope.why} in {home.layout.root}")
    if more and limit == seen:
        # How many of them are this project's is not counted: that would read every record.
        older = f"and {more} older" if scope.root is None else f"these are the last {seen}"
        console.note(f"{older}; -n N lists more, --all those of all projects")
    elif more:
        console.note(f"and {more} of other projects; --all lists them")


def _is_listed(home: Home, experiment_id: str, scope: Scope) -> bool:
    project = None if scope.root is None else home.project_of(experiment_id)
    return project is None or scope.holds(project)


def _look(home: Home, experiment_id: str) -> ExperimentStatus | tuple[str, StoreError]:
    try:
        return observe(home, experiment_id)
    except StoreError as error:
        return experiment_id, error


def _row(seen: ExperimentStatus | tuple[str, StoreError]) -> Document:
    if isinstance(seen, tuple):
        return unreadable_row(seen[0], seen[1].message)
    return experiment_row(seen)


def _table(
    seen: Sequence[ExperimentStatus | tuple[str, StoreError]], channel: Channel
) -> list[Line]:
    rows = [_cells(one, channel) for one in seen]
    headings = (
        ("ID", None, None),
        ("STATE", None, None),
        ("TITLE", 0, 8),
        ("AGE", 1, None),
        ("JOBS", 2, 12),
    )
    return draw_table(
        [
            Column(
                heading=heading,
                cells=tuple(row[index] for row in rows),
                drop=drop,
                narrowest=narrowest,
            )
            for index, (heading, drop, narrowest) in enumerate(headings)
        ],
        channel,
    )


def _cells(seen: ExperimentStatus | tuple[str, StoreError], channel: Channel) -> tuple[Span, ...]:
    if isinstance(seen, tuple):
        experiment_id, error = seen
        mark = "✗" if channel.unicode else "x"
        return (
            (experiment_id, ""),
            (f"{mark} UNREADABLE", "bad"),
            ("", ""),
            ("", ""),
            (error.message, ""),
        )
    state = state_span(seen.state, unicode=channel.unicode)
    return (
        (seen.id, ""),
        state,
        (seen.title, ""),
        (age(seen.created_at, utc_now()), ""),
        (count_words(seen), ""),
    )
