"""The plugins that take part, and their hooks, called one plugin at a time: pluggy knows who has which."""

from __future__ import annotations

import inspect
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from nemorun_discover.config.crashes import crash
from nemorun_discover.errors import ConfigError, NemorunError
from nemorun_discover.executors.kinds import add_executor_kind
from nemorun_discover.plugins.base import Plugin, overrides
from nemorun_discover.plugins.specs import PROJECT, CliCommand, ExecutorKind, HookSpecs
from nemorun_discover.schedulers.table import add_scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pluggy import HookimplOpts

    from nemorun_discover.executors.base import Executor


class Plugins:
    """The plugins that take part.

    Attributes:
        known: Names of the installed plugins, those that are switched off too.
    """

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self._manager = _Manager(PROJECT)
        self._manager.add_hookspecs(HookSpecs)

    def add(self, plugin: object, name: str) -> None:
        """Take a plugin in, under a name that no other one has; a second one of a name gets a number.

        Raises:
            ConfigError: A method that is to be a hook does not fit.
        """
        names = [one for one, _ in self._manager.list_name_plugin()]
        free = next(one for one in _numbered(name) if one not in names)
        hooks = _Hooks(plugin) if isinstance(plugin, Plugin) else plugin
        try:
            self._manager.register(hooks, free)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise ConfigError(f"plugin {name}: {_what_does_not_fit(error)}") from error

    def assign(self, experiment_id: str, complain: Callable[[NemorunError], None]) -> None:
        """Tell the plugins that want to know which experiment they belong to.

        Args:
            experiment_id: Which.
            complain: Gets the error of a plugin whose own `assign` raises something.
        """
        for name, hooks in self._manager.list_name_plugin():
            if isinstance(hooks, _Hooks):
                try:
                    called(name, "assign", hooks.plugin.assign, experiment_id=experiment_id)
                except ConfigError as error:
                    complain(error)

    def implementations(self, hook: str) -> Mapping[str, Callable[..., Any]]:
        """By plugin, what calls its implementation of a hook; the arguments are given by name."""
        found: dict[str, Callable[..., Any]] = {}
        plugins = {name: one for name, one in self._manager.list_name_plugin() if one is not None}
        implementing = {id(one.plugin) for one in getattr(self._manager.hook, hook).get_hookimpls()}
        for name, plugin in plugins.items():
            if id(plugin) in implementing:
                others = [one for one in plugins.values() if one is not plugin]
                found[name] = self._manager.subset_hook_caller(hook, others)
        return found

    def setup(self, task: Any, executor: Executor) -> None:  # noqa: ANN401 - whatever can be added
        """Let every plugin change a task and its executor.

        Raises:
            ConfigError: A plugin's hook has raised something.
        """
        for name, call in self.implementations("setup").items():
            called(name, "setup", call, task=task, executor=executor)

    def commands(self) -> dict[str, list[CliCommand]]:
        """By plugin, the commands that it adds.

        Raises:
            ConfigError: A hook does not return commands.
        """
        return self._returned("cli_commands", CliCommand)

    def add_kinds(self) -> None:
        """Put the kinds of executor that plugins add into the tables.

        Raises:
            ConfigError: A kind exists already, or a hook does not return kinds.
        """
        for name, kinds in self._returned("executor_kinds", ExecutorKind).items():
            for kind in kinds:
                add_executor_kind(kind.name, kind.settings, by=f"plugin {name}")
                add_scheduler(kind.name, kind.scheduler)

    def _returned(self, hook: str, of: type[Any]) -> dict[str, list[Any]]:
        found = {}
        for name, call in self.implementations(hook).items():
            answers = called(name, hook, call)
            found[name] = [one for answer in answers for one in _as_list(answer)]
            wrong = next((one for one in found[name] if not isinstance(one, of)), None)
            if wrong is not None:
                raise ConfigError(
                    f"plugin {name}: {hook} returned {type(wrong).__name__}, not {of.__name__}"
                )
        return found


class _Hooks:
    """The hooks of a `Plugin`, under an identity of their own.

    pluggy compares plugins and puts them into sets, and two dataclasses may be equal, or have no hash.
    """

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin
        for name in vars(HookSpecs):
            if not name.startswith("_") and overrides(plugin, name):
                setattr(self, name, getattr(plugin, name))


class _Manager(pluggy.PluginManager):
    """pluggy's, for which what a `Plugin` overrides is a hook without being marked."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        """How a member of a plugin is a hook; None when it is none."""
        marked = super().parse_hookimpl_opts(plugin, name)
        if marked is not None or not isinstance(plugin, _Hooks) or name not in vars(HookSpecs):
            return marked
        if name.startswith("_"):
            return None
        return {
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": False,
            "tryfirst": False,
            "trylast": False,
            "specname": None,
        }


def called(plugin: str, hook: str, call: Callable[..., Any], **arguments: object) -> Any:  # noqa: ANN401 - what hooks return differs
    """What a plugin's hook returns.

    Raises:
        ConfigError: Whatever it raised, in a sentence that names plugin, hook and line.
    """
    try:
        return call(**arguments)
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise crash(f"plugin {plugin}: {hook}", error, _file_of(call)) from error


def _file_of(call: Callable[..., Any]) -> Path | None:
    """The file of a hook's implementation, or of a method."""
    function = call.get_hookimpls()[-1].function if isinstance(call, pluggy.HookCaller) else call
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Path(code.co_filename)


def _what_does_not_fit(error: pluggy.PluginValidationError) -> str:
    """What pluggy says, without the lines that name the plugin."""
    lines = [line.strip().removeprefix("hookimpl definition: ") for line in str(error).splitlines()]
    return ": ".join(lines[1:] or lines)


def _as_list(answer: Any) -> list[Any]:  # noqa: ANN401 - whatever a hook returned
    return list(answer) if isinstance(answer, (list, tuple)) else [answer]


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} {number}" for number in count(2))
