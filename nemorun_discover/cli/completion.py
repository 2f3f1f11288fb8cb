"""`nemorun completion`: the script that teaches a shell to complete our words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings

_INSTALL = {
    "bash": "echo 'eval \"$(nemorun completion bash)\"' >> ~/.bashrc",
    "zsh": "echo 'eval \"$(nemorun completion zsh)\"' >> ~/.zshrc",
    "fish": "nemorun completion fish > ~/.config/fish/completions/nemorun.fish",
}


@nemorun_command("completion", short_help="Print the completion script of a shell.", has_json=False)
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion_command(settings: Settings, shell: str) -> None:
    """Print the completion script of a shell; completed are commands, options and names.

    Add it to your shell with the command that is printed on stderr.
    """
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415 - only here

    from nemorun_discover.cli.main import COMPLETE_VARIABLE, cli  # noqa: PLC0415 - main loads this module

    console = open_console(settings)
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click cannot complete in {shell}")
    completer = kind(cli, {}, "nemorun", COMPLETE_VARIABLE)
    # Not `completer.source()`: for bash that starts a bash to ask for its version.
    console.out.text(ShellComplete.source(completer))
    if console.out.width is not None:
        console.note(f"to install it: {_INSTALL[shell]}")
