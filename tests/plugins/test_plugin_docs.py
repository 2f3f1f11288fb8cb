"""docs/plugins.md shows the very plugin that the tests install, and names every hook."""

from __future__ import annotations

import re
from inspect import signature

import pytest

import nemorun
from nemorun_discover.plugins.base import Plugin
from nemorun_discover.plugins.specs import HookSpecs
from tests.cli.conftest import REPOSITORY
from tests.plugins.conftest import EXAMPLE

PAGE = (REPOSITORY / "docs" / "plugins.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^`([\w/]+\.\w+)`.*?\n```\w+\n(.*?)```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = dict(re.findall(r"^\| `(\w+)` \| .*? \| (.*) \|$", PAGE, re.MULTILINE))
HOOKS = {name: one for name, one in vars(HookSpecs).items() if not name.startswith("_")}


def test_the_example_is_all_of_the_plugin_that_the_tests_install():
    files = {path.relative_to(EXAMPLE).as_posix(): path for path in EXAMPLE.rglob("*.*")}
    shown = {
        name: path.read_text() for name, path in files.items() if path.suffix in (".py", ".toml")
    }

    assert dict(BLOCKS) == {name: text for name, text in shown.items() if text}


def test_the_page_has_every_hook():
    assert set(ROWS) == set(HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_has_every_argument_of_a_hook(hook):
    arguments = set(signature(HOOKS[hook]).parameters) - {"self"}

    assert set(re.findall(r"`(\w+)`", ROWS[hook])) >= arguments


@pytest.mark.parametrize("hook", [one for one in HOOKS if hasattr(Plugin, one)])
def test_a_plugins_method_has_the_arguments_of_the_hook(hook):
    assert list(signature(getattr(Plugin, hook)).parameters) == list(
        signature(HOOKS[hook]).parameters
    )


@pytest.mark.parametrize("name", sorted(set(re.findall(r"nemorun\.([A-Z]\w+|hookimpl)", PAGE))))
def test_a_name_on_the_page_is_public(name):
    assert name in nemorun.__all__
