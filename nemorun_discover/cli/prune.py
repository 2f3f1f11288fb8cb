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
    from collections.abc import Iterator

    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.lifecycle.prune_look import Kept, Pruning
    from nemorun_discover.store.home import Home


@nemorun_command("prune", short_help="Delete what no experiment needs any more.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; delete nothing.")
@click.option(
    "--older-than",
    metavar="TIME",
    help="Also whole experiments that ended `30d`, `12h`, … ago.",
)
@click.option(
    "--written",
    is_flag=True,
    help="Also what jobs of experiments that are over wrote beside their code.",
)
@click.option(
    "-y", "--yes", is_flag=True, help="Do not ask before results, or what jobs wrote, are deleted."
)
def prune_command(
    settings: Settings, *, dry_run: bool, older_than: str | None, written: bool, yes: bool
) -> None:
    """Delete what no experiment needs any more.

    That is code that no record names, the checkouts of experiments that are over but for what their jobs wrote
    there, runtimes of other versions of nemorun, reports of its errors that are older than 30 days, and
    containers and networks that Docker's engine still has of experiments that are over.

    With --older-than also whole experiments, with their logs, results and outputs, save those that run and
    those whose results a younger one uses. With --written also what jobs wrote into their checkouts, by a
    relative path for instance. Both ask first.
    """
    age = None if older_than is None else _age(older_than)
    console = open_console(settings)
    home = open_home(os.environ)
    now = utc_now()
    if dry_run:
        found = what_to_prune(home, now, age, written=written)
    else:
        if (age is not None or written) and not yes:
            _ask(what_to_prune(home, now, age, written=written))
        found = prune(home, now, age, written=written)
    for note in found.notes:
        console.note(f"note: {note}")
    if settings.json:
        console.document(_document(found, dry_run=dry_run))
        return
    for line in _kept_lines(home, found):
        console.note(line)
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
    written = [one for one in found.removable if one.kind == "written"]
    parts = []
    if whole:
        size = size_words(sum(one.size_bytes for one in whole))
        count = "1 experiment" if len(whole) == 1 else f"{len(whole)} experiments"
        parts.append(f"{count} ({size}) with all results")
    if written:
        files = sum(len(one.files) for one in written)
        size = size_words(sum(one.size_bytes for one in written))
        parts.append(f"{_files(files)} ({size}) that jobs wrote")
    if not parts:
        return
    what = " and ".join(parts)
    if not is_terminal(sys.stdin):
        raise UsageError(
            f"{what} would be deleted, and nobody is there to be asked",
            hint="--yes deletes without asking, --dry-run says what",
        )
    click.confirm(f"delete {what}?", abort=True, err=True)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _kept_lines(home: Home, found: Pruning) -> Iterator[str]:
    """What stays of checkouts, a line for each experiment."""
    root = home.layout.root
    by_experiment: dict[str, list[Kept]] = {}
    for one in found.kept:
        by_experiment.setdefault(one.path.relative_to(root).parts[1], []).append(one)
    for experiment, kept in by_experiment.items():
        files = [path for one in kept for path in one.files]
        first = os.path.relpath(files[0], root)
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        size = size_words(sum(one.size_bytes for one in kept))
        yield f"note: {experiment} keeps {_files(len(files))} ({size}) that its jobs wrote beside their code: {first}{more}"
    if by_experiment:
        yield "note: `nemorun prune --written` deletes them"


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
        "kept": [
            {"path": str(one.path), "files": list(one.files), "bytes": one.size_bytes}
            for one in found.kept
        ],
        "in_engine": [
            {"kind": one.kind, "name": one.name, "experiment": one.experiment}
            for one in found.in_engine
        ],
        "notes": list(found.notes),
    }
