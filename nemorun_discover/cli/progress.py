"""Progress on stderr while jobs run: a live picture on a terminal, a line a change elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from nemorun_discover.cli.render_contact import trouble_words
from nemorun_discover.cli.render_live import live_lines
from nemorun_discover.cli.symbols import reason_words, style_of
from nemorun_discover.errors import NemorunError
from nemorun_discover.model.event import CAUGHT_UP, utc_now
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.text import Text

    from nemorun_discover.cli.console import Channel, Console
    from nemorun_discover.model.status import ExperimentStatus

    Update = Callable[[ExperimentStatus], None]

_REFRESHES_PER_SECOND = 4


def follow(console: Console, statuses: Iterable[ExperimentStatus]) -> ExperimentStatus:
    """Show statuses as they come, until there are no more; the last one.

    Nothing is shown with `-q`. What was drawn live is gone afterwards: the answer follows on stdout.

    Raises:
        NemorunError: There was no status at all.
    """
    last = None
    with progress(console) as update:
        for status in statuses:
            last = status
            update(status)
    if last is None:
        raise NemorunError("the experiment was watched, but nothing was seen")
    return last


@contextmanager
def progress(console: Console) -> Iterator[Update]:
    """Show the progress of an experiment; what it yields is called with every new status."""
    if console.verbosity < 0:
        yield lambda _status: None
    elif console.err.can_redraw:
        with _live(console) as update:
            yield update
    else:
        yield plain_progress(console.err)


def plain_progress(channel: Channel) -> Update:
    """A function that writes a line for every job whose state has changed: `train@local RUNNING`."""
    seen: dict[str, tuple[State, int]] = {}
    waits: dict[str, str | None] = {}
    troubles: dict[str, str | None] = {}
    notes = 0

    def update(status: ExperimentStatus) -> None:
        nonlocal notes
        if troubles.get("") != status.trouble:
            troubles[""] = status.trouble
            channel.line(trouble_words(status.trouble) if status.trouble else "goes on")
        for note in status.notes[notes:]:
            if note != CAUGHT_UP:
                channel.line(f"note: {note}")
        notes = len(status.notes)
        for name, contact in status.contacts.items():
            if troubles.get(name) != contact.trouble:
                troubles[name] = contact.trouble
                channel.line(f"{name}: {contact.trouble or 'answers again'}")
        for job in status.jobs:
            if job.state is State.PLANNED and job.waits_for != waits.get(job.id):
                waits[job.id] = job.waits_for
                if job.waits_for:
                    channel.line(f"{job.id} waits for {job.waits_for}")
            before = seen.get(job.id, (State.PLANNED, 0))
            seen[job.id] = (job.state, job.attempt)
            if before == seen[job.id] or job.state in (State.PLANNED, State.SUBMITTED):
                continue
            reason = reason_words(job)
            channel.line(
                f"{job.id} ",
                (str(job.state), style_of(job.state)),
                f" ({reason})" if reason else "",
                f" attempt {job.attempt}" if job.attempt > 1 else "",
            )

    return update


@contextmanager
def _live(console: Console) -> Iterator[Update]:
    # rich costs 60 ms to import: paid only where a person watches.
    from rich.console import Console as RichConsole  # noqa: PLC0415
    from rich.live import Live  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    channel = console.err
    latest: list[ExperimentStatus] = []

    def picture() -> Text:
        lines = live_lines(latest[0], channel, utc_now()) if latest else []
        return Text.from_ansi("\n".join(map(channel.paint, lines)), no_wrap=True, overflow="crop")

    def update(status: ExperimentStatus) -> None:
        latest[:] = [status]
        if live.is_started:
            live.refresh()

    target = RichConsole(stderr=True, no_color=not channel.color, highlight=False)
    live = Live(
        get_renderable=picture,
        console=target,
        transient=True,
        refresh_per_second=_REFRESHES_PER_SECOND,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    console.drawing = live
    try:
        with live:
            yield update
    finally:
        console.drawing = None
        for note in latest[0].notes if latest else ():
            if note != CAUGHT_UP:
                channel.line(f"note: {note}")
