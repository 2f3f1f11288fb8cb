"""Events of a journal as JSON objects, one a line: what `run --json` prints while jobs run."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nemorun_discover.cli.moments import rfc3339
from nemorun_discover.store.journal import read_events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nemorun_discover.cli.console import Console
    from nemorun_discover.model.event import Event
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home


def event_document(event: Event) -> dict[str, Any]:
    """`nemorun.event/1`; fields that do not concern the event are left out."""
    said = {field.name: getattr(event, field.name) for field in fields(event)}
    return {
        "schema": "nemorun.event/1",
        **{name: _plain(value) for name, value in said.items() if value is not None},
    }


def streamed(
    home: Home, experiment_id: str, statuses: Iterable[ExperimentStatus], console: Console
) -> Iterator[ExperimentStatus]:
    """The statuses, each after the journal's new events were printed."""
    journal = home.layout.experiment(experiment_id).events
    offset = 0
    for status in statuses:
        events, offset = read_events(journal, offset)
        for event in events:
            console.stream_document(event_document(event))
        yield status


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of an event in, JSON out
    return rfc3339(value) if isinstance(value, datetime) else value
