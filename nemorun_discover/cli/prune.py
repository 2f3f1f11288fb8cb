"""`nemorun prune`: delete what no experiment needs any more."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.cli.terminal import is_terminal
from nemorun_discover.discovery.durations import DURATION_HINT, parse_duration_s
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.prune import prune
from nemorun_discover.lifecycle.prune_look import what_to_prune
from nemorun_discover.model.event import utc_now
from nemorun_discover.model.sizes import size_words
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.lifecycle.prune_look import Pruning
    from nemorun_discover.store.home import Home


@nemorun_command("prune", short_help="Delete what no experiment needs any more.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; delete nothing.")
@click.option(
    "--older-than",
    metavar="TIME",
    help="Also whole experiments that ended `30d`, `12h`, … ago.",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask before whole experiments are deleted.")
def prune_command(settings: Settings, *, dry_run: bool, older_than: str | None, yes: bool) -> None:
    """Delete what no experiment needs any more.

    That is code that no record names, the checkouts of experiments that are over, runtimes of other
    versions of nemorun, reports of its errors that are older than 30 days, and containers and networks that
    Docker's engine still has of experiments that are over.

    With --older-than also whole experiments, with their logs, results and outputs, save those that run and
    those whose results a younger one uses; it asks first.
    """
    age = None if older_than is None else _age(older_than)
    console = open_console(settings)
    home = open_home(os.environ)
    now = utc_now()
    if dry_run:
        found = what_to_prune(home, now, age)
    else:
        if age is not None and not yes:
            _ask(what_to_prune(home, now, age))
        found = prune(home, now, age)
    for note in found.notes:
        console.note(f"note: {note}")
    if settings.json:
        console.document(_document(found, dry_run=dry_run))
        return
    console.out.lines(_table(home, found, console.out))
    console.out.line(_summary(found, dry_run=dry_run))


def _age(text: str) -> timedelta:
    try:
        return timedelta(seconds=parse_duration_s(text))
    except ValueError as error:
        raise UsageError(f"--older-than: {error}", hint=DURATION_HINT) from error


def _ask(found: Pruning) -> None:
    """Ask before results are deleted.

    Raises:
        UsageError: Nobody is there to answer.
    """
    whole = [one for one in found.removable if one.kind == "experiment"]
    if not whole:
        return
    size = size_words(sum(one.size_bytes for one in whole))
    what = f"{len(whole)} {'experiment' if len(whole) == 1 else 'experiments'} ({size})"
    if not is_terminal(sys.stdin):
        raise UsageError(
            f"{what} would be deleted with all results, and nobody is there to be asked",
            hint="--yes deletes without asking, --dry-run says what",
        )
    click.confirm(f"delete {what} with all results?", abort=True, err=True)


def _table(home: Home, found: Pruning, channel: Channel) -> list[Line]:
    rows = [
        *((one.name, one.kind, "") for one in found.in_engine),
        *(
            (str(one.path.relative_to(home.layout.root)), one.kind, size_words(one.size_bytes))
            for one in found.removable
        ),
    ]
    path, what, size = (tuple((row[index], "") for row in rows) for index in range(3))
    return draw_table(
        [
            Column(heading="PATH", cells=path),
            Column(heading="WHAT", cells=what, drop=0),
            Column(heading="SIZE", cells=size),
        ],
        channel,
    )


def _summary(found: Pruning, *, dry_run: bool) -> str:
    size = size_words(sum(one.size_bytes for one in found.removable))
    if not found.removable and not found.in_engine:
        return "there is nothing to delete"
    return f"{size} would be deleted; nothing was" if dry_run else f"{size} deleted"


def _document(found: Pruning, *, dry_run: bool) -> dict[str, Any]:
    return {
        "schema": "nemorun.prune/1",
        "dry_run": dry_run,
        "removed": [
            {"kind": one.kind, "path": str(one.path), "bytes": one.size_bytes}
            for one in found.removable
        ],
        "bytes": sum(one.size_bytes for one in found.removable),
        "in_engine": [
            {"kind": one.kind, "name": one.name, "experiment": one.experiment}
            for one in found.in_engine
        ],
        "notes": list(found.notes),
    }
