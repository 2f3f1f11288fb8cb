"""The installed plugins, as the command line uses them: `-p no:NAME`, and the commands they add.

Imported by `nemorun --help`, which may load nothing that costs where no plugin is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.commands import ALIASES, COMMANDS
from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.plugins.find import installed_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.errors import NemorunError
    from nemorun_discover.plugins.specs import CliCommand

_NO = "no:"


def switched_off(word: str) -> str:
    """The plugin that `-p no:NAME` names.

    Raises:
        UsageError: It is written in another way.
    """
    if word.startswith(_NO) and len(word) > len(_NO):
        return word.removeprefix(_NO)
    raise UsageError(
        f"-p {word}: only no:NAME is understood",
        hint="installed plugins are on by themselves; -p no:NAME switches one off",
    )


def use_plugins(settings: Settings) -> None:
    """Load the installed plugins, so that their kinds of executor are known.

    Raises:
        ConfigError: One cannot be used.
    """
    plugins = installed_plugins(settings.without_plugins)
    known = plugins.known if plugins else ()
    for name in dict.fromkeys(settings.without_plugins):
        if name not in known:
            _note_unknown(name, known, settings)


def added_commands(
    argv: Sequence[str], *, complain: Callable[[NemorunError], None] | None = None
) -> dict[str, CliCommand]:
    """The commands that installed plugins add, by name.

    Args:
        argv: The command line: which plugins are switched off must be known before it is parsed.
        complain: Gets the error of a plugin that cannot be used; None to raise it.

    Raises:
        ConfigError: A plugin cannot be used, or adds a command that nemorun has.
    """
    off = [one.removeprefix("-p").removeprefix(_NO) for one in argv if _switches_off(one)]
    plugins = installed_plugins(off, complain=complain)
    added: dict[str, CliCommand] = {}
    for plugin, commands in plugins.commands().items() if plugins else ():
        for command in commands:
            if command.name in (*COMMANDS, *ALIASES, *added):
                error = _taken(plugin, command.name)
                if complain is None:
                    raise error
                complain(error)
                continue
            added[command.name] = command
    return added


def load_command(entry: CliCommand) -> click.Command:
    """The command itself, imported.

    Raises:
        ConfigError: It cannot be, or it is none.
    """
    module, _, attribute = entry.command.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"the command {entry.name} of a plugin, {entry.command}, cannot be imported: {error}"
        ) from error
    if not isinstance(command, click.Command):
        raise ConfigError(
            f"the command {entry.name} of a plugin, {entry.command}, is none of click's"
        )
    return command


def _taken(plugin: str, name: str) -> ConfigError:
    return ConfigError(
        f"plugin {plugin}: there is a command {name!r} already",
        hint=f"-p {_NO}{plugin} switches it off",
    )


def _switches_off(word: str) -> bool:
    return word.startswith((_NO, f"-p{_NO}"))


def _note_unknown(name: str, known: Sequence[str], settings: Settings) -> None:
    from nemorun_discover.cli.console import open_console  # noqa: PLC0415 - `--help` does without
    from nemorun_discover.config.nearest import hint_for  # noqa: PLC0415 - likewise

    hint = hint_for(name, known, what="installed are") or "none is installed"
    open_console(settings).note(f"note: -p no:{name} switches nothing off; {hint}")
