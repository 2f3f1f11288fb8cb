"""`nemorun scratch`."""

from pathlib import Path

import click


@click.command("scratch")
@click.argument("folder", default="/scratch")
def scratch_command(folder):
    """List what jobs have left in FOLDER; the exit code is 1 when there is nothing."""
    left = sorted(Path(folder).glob("*/*"))
    for path in left:
        click.echo(f"{path.parent.name} {path.name}")
    return 0 if left else 1
