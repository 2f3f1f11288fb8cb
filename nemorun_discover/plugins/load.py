"""Load the installed plugins, by the entry points of their distributions."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from nemorun_discover.config.crashes import crash
from nemorun_discover.errors import ConfigError
from nemorun_discover.plugins.hooks import Plugins
from nemorun_discover.plugins.specs import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.metadata import EntryPoint

    from nemorun_discover.errors import NemorunError


def load_plugins(
    without: Collection[str] = (), *, complain: Callable[[NemorunError], None] | None = None
) -> Plugins:
    """The installed plugins; see `installed_plugins`, which is cheaper where there are none.

    Raises:
        ConfigError: A plugin cannot be used, and nobody takes complaints.
    """
    plugins = Plugins()
    entries = sorted(entry_points(group=GROUP), key=lambda one: one.name)
    plugins.known = tuple(dict.fromkeys(one.name for one in entries))
    for entry in entries:
        if entry.name in without:
            continue
        try:
            _load(plugins, entry)
        except ConfigError as error:
            hint = f"-p no:{entry.name} switches it off; it belongs to {_owner(entry)}"
            told = ConfigError(error.message, hint=hint)
            if complain is None:
                raise told from error
            complain(told)
    return plugins


def _load(plugins: Plugins, entry: EntryPoint) -> None:
    """Take one installed plugin in, and what it adds."""
    place = f"the plugin {entry.name} of {_owner(entry)} ({entry.value})"
    alone = Plugins()
    try:
        loaded = entry.load()
        plugin = loaded() if isinstance(loaded, type) else loaded
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        raise crash(f"{place} cannot be loaded: it", error, None) from error
    alone.add(plugin, entry.name)
    alone.commands()
    alone.add_kinds()
    plugins.add(plugin, entry.name)


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
