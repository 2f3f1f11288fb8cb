"""docs/cli.md says what the commands are: every one, every option, every schema."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nemorun_discover
from nemorun_discover.cli.commands import COMMANDS, HEADINGS
from nemorun_discover.cli.main import cli
from nemorun_discover.cli.options import ExperimentOption, GlobalOption

REPOSITORY = Path(nemorun_discover.__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^### `nemorun (\w+).*?$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
)


def options_of(command):
    """All spellings of a command's own options."""
    return {
        name
        for param in command.params
        if param.param_type_name == "option"
        and not isinstance(param, (GlobalOption, ExperimentOption))
        for name in (*param.opts, *param.secondary_opts)
    }


def test_the_page_has_the_commands_in_the_order_of_help():
    assert list(SECTIONS) == list(COMMANDS)
    assert [
        heading for heading in re.findall(r"^## (\w+)$", PAGE, re.MULTILINE) if heading in HEADINGS
    ] == list(HEADINGS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_page_has_every_option_of_a_command_and_no_other(name):
    rows = re.findall(r"^\| (`-.*?) \|", SECTIONS[name].replace("\\|", "/"), re.MULTILINE)
    written = {word for row in rows for word in re.findall(r"`(--?[\w-]+)", row)}

    assert written == options_of(cli.get_command(None, name))


def test_the_page_has_every_global_option():
    command = cli.get_command(None, "status")
    common = {
        one for param in command.params if isinstance(param, GlobalOption) for one in param.opts
    }
    everywhere = PAGE.partition("## Exit codes")[0]
    (of_experiments,) = [one for one in command.params if isinstance(one, ExperimentOption)]

    assert all(f"`{name}`" in everywhere for name in of_experiments.opts)
    assert all(f"`{name}" in everywhere for name in common)


def test_the_page_has_every_schema_that_is_printed():
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("cli", "lifecycle/plan.py")
        for path in [REPOSITORY / "nemorun_discover" / folder]
        for path in (path.glob("*.py") if path.is_dir() else [path])
    )
    printed = set(re.findall(r'"(nemorun\.\w+/\d+)"', code))

    assert printed == set(re.findall(r"^\| `(nemorun\.\w+/\d+)`", PAGE, re.MULTILINE))


def test_the_page_has_every_exit_code():
    written = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}

    assert written == {int(code) for code in nemorun_discover.ExitCode}
