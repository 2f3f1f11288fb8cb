"""docs/configuration.md says of every key what its dataclass says."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from nemorun_discover.config.code_tasks import CodeTable
from nemorun_discover.config.describe import describe_type
from nemorun_discover.config.fields import FieldSpec, fields_of
from nemorun_discover.config.project import DefaultRun, ProjectTable
from nemorun_discover.config.script_tasks import ScriptTable
from nemorun_discover.executors.base import Executor
from nemorun_discover.executors.kinds import FAMILIES, class_of
from nemorun_discover.executors.launchers import Launcher
from nemorun_discover.executors.packagers import Packager
from nemorun_discover.executors.skypilot import SkypilotSettings
from nemorun_discover.executors.tunnels import Tunnel

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
_SECTION = re.compile(r"<!-- keys of (.+?) -->\n(.*?)<!-- end -->", re.DOTALL)

# What each table of the page shows, and the fields that the table of its base shows already.
SECTIONS: dict[str, tuple[type, type | None]] = {
    "project": (ProjectTable, None),
    "project.default": (DefaultRun, None),
    "tasks.SCRIPT": (ScriptTable, None),
    "tasks.CODE": (CodeTable, None),
    "every executor": (Executor, None),
    "every SkyPilot executor": (SkypilotSettings, Executor),
    "every tunnel": (Tunnel, None),
    **{
        f"{family} {kind}": (class_of(family, kind), base)
        for family, base in {
            "executor": Executor,
            "tunnel": Tunnel,
            "packager": Packager,
            "launcher": Launcher,
            "job_details": None,
        }.items()
        for kind in FAMILIES[family]
        if (family, kind) != ("tunnel", "local")
    },
}


def rows_of(cls: type, base: type | None) -> str:
    """The Markdown table of a dataclass: its keys, types, defaults and what its docstring says of them."""
    if issubclass(cls, SkypilotSettings) and cls is not SkypilotSettings:
        base = SkypilotSettings
    above = () if base is None or base is cls else {item.name for item in fields(base)}
    specs = [spec for spec in fields_of(cls).values() if spec.name not in above]
    lines = [
        f"| `{spec.name}` | {_type(spec)} | {_default(spec)} | {_meaning(cls, spec.name)} |"
        for spec in specs
    ]
    return "\n".join(["| key | value | default | meaning |", "|---|---|---|---|", *lines, ""])


def _type(spec: FieldSpec) -> str:
    if spec.is_many:
        return f"a table of {spec.family}s"
    words = f"a {spec.family}" if spec.family else describe_type(spec.hint)
    if spec.name == "default":
        words = "a table"
    limit = "" if spec.minimum is None else f", at least {spec.minimum:g}"
    return words.replace("|", "\\|") + limit


def _default(spec: FieldSpec) -> str:
    if spec.is_required:
        return "required"
    value = getattr(spec.default, "kind", spec.default)
    if value is None or value in ("", [], {}):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, (str, list)):
        text = repr(value).replace("'", '"')
    return f"`{text}`"


def _meaning(cls: type, name: str) -> str:
    """The sentence of the `Attributes:` section, of the class or of the base that has the field."""
    for one in cls.__mro__:
        found = re.search(
            rf"^ {{8}}{name}: (.+?)(?=^ {{0,8}}\S|\Z|\n\n)",
            one.__doc__ or "",
            re.MULTILINE | re.DOTALL,
        )
        if found:
            return " ".join(found[1].split()).replace("|", "\\|")
    raise AssertionError(f"{cls.__name__}.{name} is not described")


@pytest.mark.parametrize("section", SECTIONS, ids=str)
def test_the_page_lists_every_key_with_its_type_default_and_meaning(section):
    written = dict(_SECTION.findall(PAGE.read_text(encoding="utf-8")))

    assert written.get(section) == rows_of(*SECTIONS[section])


def test_the_page_lists_nothing_that_there_is_not():
    written = dict(_SECTION.findall(PAGE.read_text(encoding="utf-8")))

    assert set(written) == set(SECTIONS)


def test_every_example_of_the_page_is_a_configuration(project):
    examples = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    project.write("prepare.sh", "")

    for example in examples:
        project.load(example)

    assert len(examples) > 3


def test_every_dependency_of_the_project_is_explained():
    root = PAGE.parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [one for group in project["optional-dependencies"].values() for one in group]
    names = {re.split(r"[^a-z0-9-]", one)[0] for one in [*project["dependencies"], *extras]}

    text = (root / "docs" / "dependencies.md").read_text(encoding="utf-8")

    assert {name for name in names if f"| [{name}](" not in text} == set()
