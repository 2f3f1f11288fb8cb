"""`nemorun config`: the configuration that applies here, and where each value comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.config.explain import explain
from nemorun_discover.config.load import load_config

if TYPE_CHECKING:
    from nemorun_discover.cli.console import Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.config.explain import Setting
    from nemorun_discover.config.load import Config


@nemorun_command("config", short_help="Print the configuration that applies here.")
@click.option("--show-origin", is_flag=True, help="With the file and table each value comes from.")
@click.option(
    "--all",
    "with_defaults",
    is_flag=True,
    help="With the values that nobody wrote; --json always has them.",
)
def config_command(settings: Settings, *, show_origin: bool, with_defaults: bool) -> None:
    """Print the configuration that applies here, value by value; secrets are masked."""
    console = open_console(settings)
    config = load_config(
        settings.directory, file=settings.config_file, overrides=settings.overrides
    )
    found = explain(config, with_defaults=with_defaults or settings.json)
    if settings.json:
        console.document(_document(config, found))
        return
    console.note(f"# {config.file or 'no nemorun.toml here or above'}")
    console.out.lines(_lines(found, with_origin=show_origin))
    if not found and not with_defaults:
        console.note("nothing is written; --all shows the defaults")


def _document(config: Config, found: list[Setting]) -> dict[str, object]:
    """`nemorun.config/1`."""
    return {
        "schema": "nemorun.config/1",
        "root": str(config.root),
        "file": str(config.file) if config.file else None,
        "user_file": str(config.user_file) if config.user_file else None,
        "settings": [{"key": one.key, "value": one.value, "origin": one.origin} for one in found],
    }


def _lines(found: list[Setting], *, with_origin: bool) -> list[Line]:
    texts = [
        f"{one.key} = {json.dumps(one.value, ensure_ascii=False, default=str)}" for one in found
    ]
    if not with_origin:
        return [((text, ""),) for text in texts]
    width = max((len(one.origin) for one in found), default=0)
    return [
        ((f"{one.origin.ljust(width)}  ", ""), (text, ""))
        for one, text in zip(found, texts, strict=True)
    ]
