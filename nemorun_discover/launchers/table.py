"""From an executor's launcher and a job's command to the command that is started instead. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.launchers.ft import ft_command, ft_environment
from nemorun_discover.launchers.nsys import nsys_command
from nemorun_discover.launchers.torchrun import elastic_environment, torchrun_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nemorun_discover.executors.launchers import Launcher
    from nemorun_discover.launchers.place import Place

# By kind; the one that is not here (`default`) starts the command itself.
COMMANDS: Mapping[str, Callable[[Any, Place, Sequence[str]], list[str]]] = {
    "torchrun": torchrun_command,
    "ft": ft_command,
}
ENVIRONMENTS: Mapping[str, Callable[[Any, Place], dict[str, str]]] = {
    "torchrun": elastic_environment,
    "ft": ft_environment,
}


def starts_all_processes(launcher: Launcher | None) -> bool:
    """True for a launcher that is started once on a node and starts the job's processes itself."""
    return launcher is not None and launcher.kind in COMMANDS


def launch_command(launcher: Launcher | None, place: Place, command: Sequence[str]) -> list[str]:
    """What is started on a node instead of `command`.

    Profiling goes around the launcher, so that one profile holds all processes of the node.
    """
    if launcher is None:
        return list(command)
    started = list(command)
    if launcher.kind in COMMANDS:
        started = COMMANDS[launcher.kind](launcher, place, command)
    return nsys_command(launcher, place, started) if launcher.nsys_profile else started


def launch_environment(launcher: Launcher | None, place: Place) -> dict[str, str]:
    """The variables that the launcher, and what it starts, are to find."""
    if launcher is None or launcher.kind not in ENVIRONMENTS:
        return {}
    return ENVIRONMENTS[launcher.kind](launcher, place)
