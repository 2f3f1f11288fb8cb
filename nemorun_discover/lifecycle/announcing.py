"""Who tells plugins what happens in an experiment: a driver of its own, or the process that runs it directly."""

from __future__ import annotations

import os
from collections import ChainMap
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError, StoreError
from nemorun_discover.lifecycle.secrets import PLUGINS, reveal
from nemorun_discover.model.event import Event, EventType, utc_now
from nemorun_discover.plugins.find import is_any_installed
from nemorun_discover.store.journal import append_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.layout import ExperimentLayout
    from nemorun_discover.model.record import Record
    from nemorun_discover.plugins.announce import Announcer

HOOK_PATIENCE_S = 30.0


def announcer_of(
    record: Record, layout: ExperimentLayout, secrets: Mapping[str, Mapping[str, str]]
) -> Announcer | None:
    """Who tells plugins; None where there are none, which is most of the time and costs nothing.

    A hook that fails becomes a note of the experiment, and so does a plugin without its secrets.

    Args:
        record: The experiment.
        layout: Its folder.
        secrets: The values that are not in the record.
    """
    if not record.plugins and not is_any_installed():
        return None
    from nemorun_discover.plugins.announce import Announcer  # noqa: PLC0415 - pluggy costs 20 ms
    from nemorun_discover.plugins.assemble import plugins_of  # noqa: PLC0415 - likewise

    def complain(sentence: str) -> None:
        note = Event(at=utc_now(), type=EventType.NOTE, message=sentence)
        with suppress(StoreError):  # from a plugin's thread too; the disk may be full
            append_events(layout.events, [note])

    values = ChainMap(dict(secrets.get(PLUGINS, {})), dict(os.environ))
    plugins = []
    for plugin in record.plugins:
        try:
            plugins.append(replace(plugin, fields=reveal(plugin.fields, values)))
        except ConfigError as error:
            complain(f"plugin {plugin.name} is left out: {error.message}")
    record = replace(record, plugins=tuple(plugins))
    return Announcer(plugins_of(record, complain), record.id, complain)
