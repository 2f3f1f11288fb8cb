"""`nemorun`: the entry point; commands are loaded when they are used.

`nemorun --help` loads click and nothing else that costs.
"""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from nemorun_discover.cli.boundary import exit_with
from nemorun_discover.cli.commands import ALIASES, COMMANDS, DESTRUCTIVE, HEADINGS
from nemorun_discover.cli.options import global_options, said_in
from nemorun_discover.cli.plugins import added_commands, load_command

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from nemorun_discover.errors import NemorunError

_GC_THRESHOLD = 100_000
COMPLETE_VARIABLE = "_NEMORUN_COMPLETE"


class LazyGroup(click.Group):
    """The group of all commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of help."""
        return [*COMMANDS, *added_commands(said_in(ctx).get("argv", ()), complain=_forget)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name or of an alias; None when there is none."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            added = added_commands(said_in(ctx).get("argv", ()))
            return load_command(added[name]) if name in added else None
        module = import_module(f"nemorun_discover.cli.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an unknown one names the nearest."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            raise _unknown_command(args[0], self.list_commands(ctx))
        return (command.name if command else None), command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings; none is imported."""
        added = added_commands(said_in(ctx).get("argv", ()), complain=_mention)
        entries = [(name, entry.heading, entry.summary) for name, entry in COMMANDS.items()]
        entries += [(name, entry.heading, entry.summary) for name, entry in added.items()]
        width = max(len(name) for name, _, _ in entries)
        for heading in dict.fromkeys([*HEADINGS, *(one for _, one, _ in entries)]):
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(width), text) for name, under, text in entries if under == heading]
                )


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if not value or ctx.resilient_parsing:
        return
    from nemorun_discover.version import __version__  # noqa: PLC0415 - only here

    click.echo(f"nemorun {__version__}")
    ctx.exit()


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Global options may also follow the command. `nemorun COMMAND --help` explains a command.",
)
@global_options
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find tasks, run them on executors, and keep what came of it."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> NoReturn:
    """Run `nemorun` with the arguments of this process, and leave it."""
    # A command makes many objects that live as long as it does; looking through them again and again took
    # an eighth of the time of `nemorun list`. What watches for hours is still collected now and then.
    gc.set_threshold(_GC_THRESHOLD)
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        exit_with(lambda: _complete(instruction), sys.argv[1:])
    exit_with(lambda: _invoke(sys.argv[1:]), sys.argv[1:])


def _invoke(argv: Sequence[str]) -> Any:  # noqa: ANN401 - whatever the command returns
    arguments, rest = split_rest(argv)
    # Made empty, then parsed: what followed `--` is there before any option is read.
    ctx = click.Context(cli, info_name="nemorun", **cli.context_settings)
    said_in(ctx).update(argv=tuple(argv), rest=rest)
    with ctx.scope(cleanup=True):
        cli.parse_args(ctx, arguments)
        return cli.invoke(ctx)


def split_rest(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """The arguments before the first `--`, and those after it; None when there is no `--`."""
    if "--" not in argv:
        return list(argv), None
    cut = list(argv).index("--")
    return list(argv[:cut]), tuple(argv[cut + 1 :])


def _complete(instruction: str) -> int:
    from click.shell_completion import shell_complete  # noqa: PLC0415 - only for completion

    return shell_complete(cli, {}, "nemorun", COMPLETE_VARIABLE, instruction)


def _forget(_: NemorunError) -> None:
    """A shell that completes a word shows no error."""


def _mention(error: NemorunError) -> None:
    """Help is shown without the commands of a plugin that cannot be used; why, is told beside it."""
    click.echo(f"note: {error.message}; {error.hint}", err=True)


def _unknown_command(name: str, known: Sequence[str]) -> Exception:
    from nemorun_discover.config.nearest import hint_for  # noqa: PLC0415 - `--help` does without
    from nemorun_discover.errors import UsageError  # noqa: PLC0415 - likewise

    # A word that was mistyped, or belongs to another tool, is never answered with what ends or deletes.
    harmless = [one for one in (*known, *ALIASES) if ALIASES.get(one, one) not in DESTRUCTIVE]
    hint = hint_for(name, harmless, what="commands")
    return UsageError(f"nemorun has no command {name!r}", hint=hint)


if __name__ == "__main__":
    main()
