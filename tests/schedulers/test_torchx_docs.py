"""docs/torchx.md: its examples are configurations, and it says of every scheduler whether it was tried."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from torchx.schedulers import DEFAULT_SCHEDULER_MODULES

from nemorun_discover.executors.torchx import SEE_THIS_MACHINE
from tests.cli.conftest import Cli

PAGE = (Path(__file__).parents[2] / "docs" / "torchx.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ENTRIES = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"][
    "entry-points"
]["torchx.schedulers"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("]")[0][1:])
def test_every_example_is_a_configuration(example, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "nemorun.toml").write_text(example)

    answer = Cli(tmp_path)("config")

    assert answer.code == 0, answer.err


@pytest.mark.parametrize("scheduler", DEFAULT_SCHEDULER_MODULES)
def test_the_page_says_of_every_scheduler_how_it_was_tried(scheduler):
    table = PAGE.partition("### What was tried")[2].partition("\n## ")[0]

    assert f"`{scheduler}`" in table


@pytest.mark.parametrize("scheduler", sorted(SEE_THIS_MACHINE))
def test_the_page_names_the_schedulers_whose_jobs_see_this_machine(scheduler):
    row = next(line for line in PAGE.splitlines() if line.startswith("| which |"))

    assert f"`{scheduler}`" in row.split("|")[2]


@pytest.mark.parametrize("name", [one for one in ENTRIES if one.startswith("nemorun_")])
def test_the_page_names_every_scheduler_of_ours(name):
    assert f"`{name}`" in PAGE.partition("## The `torchx` command")[2]
