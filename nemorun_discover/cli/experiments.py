"""`nemorun experiments`: what was run, newest first."""

from __future__ import annotations

import os
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
from nemorun_discover.cli.render_jobs import count_words
from nemorun_discover.cli.symbols import state_span
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.model.event import utc_now
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Channel, Line, Span
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_SHOWN = 20


@nemorun_command("experiments", short_help="List experiments, newest first.")
@click.option("-n", "--number", metavar="N", type=click.IntRange(min=1), help="The last N (20).")
@click.option("-a", "--all", "everything", is_flag=True, help="All there are.")
def experiments_command(settings: Settings, *, number: int | None, everything: bool) -> None:
    """List experiments, newest first: state, jobs and age."""
    if everything and number is not None:
        raise UsageError("-n and --all exclude each other")
    console = open_console(settings)
    home = open_home(os.environ)
    limit = None if everything else number or _SHOWN
    seen = [_look(home, one) for one in islice(home.newest_first(), limit)]
    if settings.json:
        console.document(experiments_document(_row(one) for one in seen))
        return
    console.out.lines(_table(seen, console.out))
    if not seen:
        console.note(
            f"there is no experiment in {home.layout.experiments} yet; `nemorun run` starts one"
        )
    elif limit and (more := len(home.ids()) - len(seen)) > 0:
        console.note(f"and {more} older; --all lists them")


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
