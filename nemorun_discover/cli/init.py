"""`nemorun init`: a first nemorun.toml and an example task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.config.init import Created, init_project

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings


@nemorun_command("init", short_help="Write a first nemorun.toml and an example task.")
def init_command(settings: Settings) -> None:
    """Write a commented nemorun.toml and an example task; what is there is never overwritten."""
    console = open_console(settings)
    files = {
        str(one.path.relative_to(settings.directory)): isinstance(one, Created)
        for one in init_project(settings.directory)
    }
    if settings.json:
        created = [name for name, is_new in files.items() if is_new]
        kept = [name for name, is_new in files.items() if not is_new]
        console.document({"schema": "nemorun.init/1", "created": created, "kept": kept})
        return
    for name, is_new in files.items():
        console.out.line(f"{name}: {'created' if is_new else 'is there already, kept as it is'}")
    console.note("next: `nemorun list`, then `nemorun run -k hello`")
