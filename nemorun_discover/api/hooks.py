"""Plugins of one `add`: what they change before it, and those whose other hooks the driver calls."""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING

from nemorun_discover.api.partial import Partial
from nemorun_discover.api.values import travelling
from nemorun_discover.errors import UsageError
from nemorun_discover.plugins.base import Plugin, has_driver_hooks
from nemorun_discover.plugins.find import installed_plugins, is_any_installed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nemorun_discover.api.script import Script
    from nemorun_discover.executors.base import Executor
    from nemorun_discover.model.record import PluginReference


@cache
def load_installed() -> None:
    """Load the installed plugins, which may add kinds of executor; once.

    Raises:
        ConfigError: One of them cannot be used.
    """
    installed_plugins()


def set_up(
    task: Partial | Script, executor: Executor, plugins: Sequence[Plugin]
) -> tuple[Partial | Script, Executor]:
    """The task and the executor as the plugins leave them; both are copies already.

    Raises:
        UsageError: One of them is no plugin, or an argument cannot travel.
        ConfigError: A plugin has raised something.
    """
    for plugin in plugins:
        if not isinstance(plugin, Plugin):
            raise UsageError(
                f"plugins: {plugin!r} is no run.Plugin", hint="make an instance of its class"
            )
    if not plugins and not is_any_installed():
        return task, executor
    from nemorun_discover.plugins.hooks import Plugins  # noqa: PLC0415 - pluggy costs 20 ms

    everyone = installed_plugins() or Plugins()
    for plugin in plugins:
        everyone.add(plugin, type(plugin).__name__)
    if isinstance(task, Partial):
        travelling(task.fn, task.arguments)  # what cannot travel cannot be copied either
        task = copy.deepcopy(task)
    everyone.setup(task, executor)
    return task, executor


def references_of(plugins: Sequence[Plugin], root: Path) -> list[PluginReference]:
    """The plugins that the driver needs: those with a hook that it calls.

    Raises:
        UsageError: The driver could not find one of them.
    """
    wanted = [one for one in plugins if has_driver_hooks(one)]
    if not wanted:
        return []
    from nemorun_discover.plugins.reference import reference_of  # noqa: PLC0415 - likewise

    return [reference_of(one, root) for one in wanted]
