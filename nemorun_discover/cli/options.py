"""The global options: accepted before and after the command, merged into one `Settings`.

Imported by `nemorun --help`, which may load nothing but click: what costs is imported where it is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from nemorun_discover.cli.commands import WITHOUT_PLUGINS
from nemorun_discover.cli.plugins import switched_off, use_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.cli.settings import Settings

_SAID = "nemorun.said"
_LAST_WINS = ("all_projects", "color", "config_file", "json", "no_import")

# Spellings of other tools; understood, not shown.
OPTION_ALIASES = {
    "--dryrun": "--dry-run",
    "--exitcode": "--exit-code",
    "--exitfirst": "--maxfail=1",
}


class GlobalOption(click.Option):
    """An option that concerns every command; help shows these under a heading of their own."""


class ExperimentOption(click.Option):
    """An option that every command has which takes an experiment."""


class Command(click.Command):
    """A command of nemorun.

    Args:
        takes_rest: What follows `--` is for this command; for others it is a usage error.
        has_json: False for a command whose answer cannot be JSON.
    """

    def __init__(
        self,
        name: str | None,
        *,
        takes_rest: bool = False,
        has_json: bool = True,
        **attrs: Any,  # noqa: ANN401 - click's own
    ) -> None:
        super().__init__(name, **attrs)
        self.takes_rest = takes_rest
        self.has_json = has_json

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, with the spellings of other tools replaced by ours."""
        return super().parse_args(ctx, [OPTION_ALIASES.get(one, one) for one in args])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the global ones."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            if (shown := param.get_help_record(ctx)) is not None:
                (common if isinstance(param, GlobalOption) else own).append(shown)
        for heading, options in (("Options", own), ("Global options", common)):
            with formatter.section(heading):
                formatter.write_dl(options)


def nemorun_command(
    name: str,
    **attrs: Any,  # noqa: ANN401 - click's own
) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command that takes the global options and gets `Settings` first.

    What the function returns is the exit code; None is 0.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        def call(**params: object) -> object:
            settings = settings_of(click.get_current_context())
            if name not in WITHOUT_PLUGINS:
                use_plugins(settings)
            return function(settings, **params)

        call.__doc__ = function.__doc__
        call.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # click's own place for them
        return click.command(name, cls=Command, **attrs)(global_options(call))

    return decorate


def global_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the global options to a command or to the group."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def all_projects_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-a` to a command that takes an experiment: it widens what the last one is, and nothing else."""
    return click.option(
        "-a",
        "--all-projects",
        cls=ExperimentOption,
        is_flag=True,
        default=None,
        expose_value=False,
        callback=_say,
        help="Without EXP: the last experiment of all projects.",
    )(function)


def said_in(ctx: click.Context) -> dict[str, Any]:
    """What the global options have said so far, before and after the command."""
    said: dict[str, Any] = ctx.meta.setdefault(_SAID, {})
    return said


def settings_of(ctx: click.Context) -> Settings:
    """The settings of an invocation.

    Raises:
        UsageError: The directory does not exist, or `--` or `--json` stand where they mean nothing.
    """
    from pathlib import Path  # noqa: PLC0415 - `--help` does without

    from nemorun_discover.cli.settings import Settings  # noqa: PLC0415 - likewise
    from nemorun_discover.errors import UsageError  # noqa: PLC0415 - likewise

    said = said_in(ctx)
    directory = Path(os.path.normpath(Path.cwd().joinpath(*said.get("directory", []))))
    if not directory.is_dir():
        raise UsageError(f"-C {directory}: there is no such directory")
    config = said.get("config_file")
    if said.get("no_import"):
        os.environ["NEMORUN_NO_IMPORT"] = "1"  # where configurations are read, whoever reads them
    settings = Settings(
        directory=directory,
        config_file=None if config is None else directory / Path(config).expanduser(),
        overrides=tuple(said.get("overrides", [])),
        verbosity=said.get("verbosity", 0),
        color=said.get("color", "auto"),
        json=said.get("json", False),
        without_plugins=tuple(said.get("without_plugins", [])),
        rest=said.get("rest"),
        all_projects=said.get("all_projects", False),
        argv=said.get("argv", ()),
    )
    _refuse_nonsense(ctx.command, settings)
    return settings


def _refuse_nonsense(command: click.Command, settings: Settings) -> None:
    from nemorun_discover.errors import UsageError  # noqa: PLC0415 - `--help` does without

    if settings.rest is not None and not getattr(command, "takes_rest", False):
        raise UsageError(
            f"{command.name} takes no arguments after `--`",
            hint="only `nemorun run` hands them on, to script tasks",
        )
    if settings.json and not getattr(command, "has_json", False):
        raise UsageError(f"{command.name} has no --json")


def _say(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ANN401 - click's own
    """Merge what an option says; an option that is not there says nothing."""
    said, name = said_in(ctx), str(param.name)
    if name in _LAST_WINS and value:
        said[name] = value
    elif name == "without_plugins" and not ctx.resilient_parsing:
        said[name] = [*said.get(name, []), *map(switched_off, value)]
    elif name in ("directory", "overrides") and value:
        said[name] = [*said.get(name, []), *value]
    elif name in ("more", "fewer") and value:
        said["verbosity"] = said.get("verbosity", 0) + (value if name == "more" else -value)


def _option(
    *names: str,
    **attrs: Any,  # noqa: ANN401 - click's own
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(*names, cls=GlobalOption, expose_value=False, callback=_say, **attrs)


_OPTIONS = (
    _option(
        "-C",
        "directory",
        metavar="DIR",
        multiple=True,
        type=click.Path(file_okay=False),
        help="Work as if started in DIR.",
    ),
    _option(
        "-c",
        "--config",
        "config_file",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help="Read this configuration file.",
    ),
    _option(
        "-o",
        "--override",
        "overrides",
        metavar="KEY=VALUE",
        multiple=True,
        help="Set one key of the configuration; may be repeated.",
    ),
    _option(
        "-p",
        "without_plugins",
        metavar="no:NAME",
        multiple=True,
        help="Switch an installed plugin off; may be repeated.",
    ),
    _option(
        "--no-import",
        "no_import",
        is_flag=True,
        default=None,
        help="Import no file of the project to find its tasks or executors.",
    ),
    _option("-q", "--quiet", "fewer", count=True, help="Say less; may be repeated."),
    _option("-v", "--verbose", "more", count=True, help="Say more; may be repeated."),
    _option(
        "--color",
        metavar="auto|yes|no",
        type=click.Choice(["auto", "yes", "no"]),
        help="Colour the output.",
    ),
    _option("--json", is_flag=True, default=None, help="Answer in JSON, on stdout."),
)
