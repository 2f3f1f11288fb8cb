"""The plugins of an experiment, as its driver has them: the installed ones and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.plugins.load import load_plugins
from nemorun_discover.plugins.reference import load_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.errors import NemorunError
    from nemorun_discover.model.record import Record
    from nemorun_discover.plugins.hooks import Plugins


def plugins_of(record: Record, complain: Callable[[str], None]) -> Plugins:
    """The plugins of a record, loaded and assigned to it; one that cannot be loaded is left out.

    Args:
        record: The experiment.
        complain: Gets a sentence about each that is left out.
    """

    def tell(error: NemorunError) -> None:
        complain(error.message)

    plugins = load_plugins(record.without_plugins, complain=tell)
    for reference in record.plugins:
        try:
            plugin = load_reference(reference, Path(record.project.root), record.project.pythonpath)
            plugins.add(plugin, reference.name)
        except ConfigError as error:
            tell(error)
    plugins.assign(record.id, tell)
    return plugins
