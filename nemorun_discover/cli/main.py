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
from nemorun_discover.cli.commands import ALIASES, COMMANDS, HEADINGS
from nemorun_discover.cli.options import global_options, said_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_GC_THRESHOLD = 100_000
COMPLETE_VARIABLE = "_NEMORUN_COMPLETE"


class LazyGroup(click.Group):
    """The group of all commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of all commands, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of a name or of an alias; None when there is none."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module = import_module(f"nemorun_discover.cli.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an unknown one names the nearest."""
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            raise _unknown_command(args[0])
        return (command.name if command else None), command, args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands under their headings; none is imported."""
        width = max(map(len, COMMANDS))
        for heading in HEADINGS:
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (name.ljust(width), entry.summary)
                        for name, entry in COMMANDS.items()
                        if entry.heading == heading
                    ]
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


def _unknown_command(name: str) -> Exception:
    from nemorun_discover.config.nearest import hint_for  # noqa: PLC0415 - `--help` does without
    from nemorun_discover.errors import UsageError  # noqa: PLC0415 - likewise

    hint = hint_for(name, [*COMMANDS, *ALIASES], what="commands")
    return UsageError(f"nemorun has no command {name!r}", hint=hint)


if __name__ == "__main__":
    main()
