"""What only importing a file can tell, in real child interpreters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.discovery.scan import collect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.discovery.conftest import Project


def test_computed_decorators_are_learnt_by_importing_the_file(projects: Path):
    found = collect(projects / "discovery_dynamic", ["."], pythonpath=["lib"])

    assert found.issues == ()
    assert [(task.id, task.line, task.function) for task in found.tasks] == [
        ("computed.py::by_call", 23, "by_call"),
        ("computed.py::plain", 28, "plain"),
        ("computed.py::by_partial", 34, "by_partial"),
        ("computed.py::conditional", 40, "conditional"),
        ("computed.py::looped-0", 45, "looped_0"),
        ("computed.py::looped-1", 45, "looped_1"),
        ("side.py::side", 5, "side_task"),
    ]


def test_computed_values_arrive_as_json(projects: Path):
    found = collect(projects / "discovery_dynamic", ["."], pythonpath=["lib"])

    tasks = {task.name: task for task in found.tasks}
    assert tasks["by_call"].tags == ("computed",)
    assert (tasks["by_partial"].tags, tasks["by_partial"].timeout_s) == (("gpu",), 120)
    assert [case.rows for case in tasks["by_partial"].parametrize] == [
        (("a/b",),),
        (("FAST",), ("SLOW",)),
    ]
    assert tasks["conditional"].after == ("computed.py::plain",)
    assert tasks["looped-1"].after == ("computed.py::plain", "side.py::side")


@pytest.mark.parametrize(
    "content",
    [
        "@nemorun.task(tags=sorted(['x']))\ndef f(): ...",
        "for _ in (1,):\n    @nemorun.task(tags=['x'])\n    def f(): ...",
        "try:\n    @nemorun.task(tags=['x'])\n    def f(): ...\nfinally: ...",
        "with open(__file__):\n    @nemorun.task(tags=['x'])\n    def f(): ...",
        "gpu = nemorun.task(tags=['x'])\n@gpu\ndef f(): ...",
        "def gpu(g):\n    return nemorun.task(tags=['x'])(g)\n@gpu\ndef f(): ...",
        "def make():\n    @nemorun.task(tags=['x'])\n    def f(): ...\n    return f\nf = make()",
        "def f(): ...\nnemorun.task(tags=['x'])(f)",
        "def f(): ...\nf.x = [nemorun.task(g) for g in (f,)]\nf.__nemorun_task__['tags'] = 'x'",
        "OPTIONS = {'tags': ['x']}\n@nemorun.task(**OPTIONS)\ndef f(): ...",
        "TAGS = []\nTAGS.append('x')\n@nemorun.task(tags=TAGS)\ndef f(): ...",
        "TAGS = []\nTAGS += ['x']\n@nemorun.task(tags=TAGS)\ndef f(): ...",
        "TAGS = ['y']\nTAGS[0] = 'x'\n@nemorun.task(tags=TAGS)\ndef f(): ...",
        "TAGS = ['x']\n@nemorun.task(tags=TAGS)\ndef f(): ...\nTAGS = ['y']",
        "TAGS = 'y'\nfrom names import *\n@nemorun.task(tags=TAGS)\ndef f(): ...",
        "(TAGS, _) = ['x', 'y']\n@nemorun.task(tags=TAGS)\ndef f(): ...",
        "import functools\n@nemorun.task\n@functools.lru_cache\ndef f(): ...\nf = nemorun.task(tags='x')(f)",
    ],
    ids=[
        "call",
        "for",
        "try",
        "with",
        "made-decorator",
        "own-decorator",
        "made-function",
        "marked-later",
        "comprehension",
        "double-star",
        "append",
        "augmented",
        "item",
        "bound-twice",
        "star-import",
        "unpacked",
        "bound-again",
    ],
)
def test_what_a_syntax_tree_cannot_tell_is_imported(project: Project, content: str):
    project.write("names.py", "TAGS = ['x']\n")

    tasks = project.tasks(f"import nemorun\n{content}\n")

    assert {name: task.tags for name, task in tasks.items()} == {"f": ("x",)}


def test_a_file_is_imported_as_the_project_imports_it(project: Project):
    project.write("pkg/__init__.py", "NAME = 'from-the-package'\n")
    project.write("pkg/sibling.py", "TAG = 'sibling'\n")
    project.write(
        "pkg/tasks.py",
        """
        import os
        import nemorun
        from . import NAME
        from .sibling import TAG

        @nemorun.task(tags=[NAME, TAG, __name__, os.path.basename(os.getcwd())])
        def f(): ...
        """,
    )

    (task,) = project.collect().tasks

    assert task.tags == ("from-the-package", "sibling", "pkg.tasks", project.root.name)


def test_modules_of_ours_do_not_hide_those_of_the_user(project: Project):
    project.write("scan.py", "TAG = 'users'\n")
    project.write("json/decorator.py", "")
    content = "import nemorun\nimport scan\n@nemorun.task(tags=[scan.TAG])\ndef f(): ...\n"

    assert project.tasks(content)["f"].tags == ("users",)


def test_a_file_whose_name_is_no_module_name_is_imported_too(project: Project):
    project.write("my tasks/1 é.py", "import nemorun\n@nemorun.task(tags=[str(1)])\ndef f(): ...\n")

    assert [(task.id, task.tags) for task in project.collect().tasks] == [
        ("my tasks/1 é.py::f", ("1",))
    ]


def test_wrong_computed_options_are_issues_too(project: Project):
    line, message = project.issue(
        "import nemorun\n\n@nemorun.task(retries=int('-1'))\ndef f(): ...\n"
    )

    assert (line, message) == (3, "retries= of 'f' must be a whole number from 0, not -1")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("object.__new__(Odd)", "JSON cannot hold <odd>"),
        ("float('inf')", "JSON cannot hold inf"),
        ("{int('1'): 2}", "JSON cannot hold {1: 2}"),
    ],
    ids=["object", "infinity", "key"],
)
def test_a_computed_value_that_json_cannot_hold_is_an_issue(
    project: Project, value: str, message: str
):
    _, found = project.issue(
        "import nemorun\nclass Odd:\n    def __repr__(self): return '<odd>'\n"
        f"@nemorun.task\n@nemorun.parametrize('a', [{value}])\ndef f(a): ...\n"
    )

    assert found == f"@nemorun.parametrize of a: {message}"


def test_an_enum_member_needs_an_annotation_to_come_back_as_one(project: Project):
    _, message = project.issue(
        "import enum, nemorun\nMode = enum.Enum('Mode', 'A B')\n"
        "@nemorun.task\n@nemorun.parametrize('mode', list(Mode))\ndef f(mode): ...\n"
    )

    assert message.startswith("'mode' needs an annotation: 'A' travels as text")


def test_a_dataclass_travels_as_its_fields(project: Project):
    content = """
        import dataclasses, pathlib
        import nemorun
        @dataclasses.dataclass
        class Config:
            lr: float
            out: pathlib.Path
        @nemorun.task
        @nemorun.parametrize("config", [Config(0.1, pathlib.Path("x"))])
        def f(config: Config): ...
    """

    (case,) = project.tasks(content)["f"].parametrize

    assert case.rows == (({"lr": 0.1, "out": "x"},),)


def test_a_text_enum_is_its_value_as_a_tag(project: Project):
    content = """
        import enum, nemorun
        class Tag(enum.StrEnum):
            GPU = "gpu"
        @nemorun.task(tags={Tag.GPU})
        def f(): ...
    """

    assert project.tasks(content)["f"].tags == ("gpu",)


def test_a_function_from_another_file_is_no_task_of_this_one(project: Project):
    project.write("shared.py", "import nemorun\n@nemorun.task\ndef shared(): ...\n")
    project.write(
        "tasks.py",
        "import nemorun\nfrom shared import shared\n"
        "@nemorun.task(tags=sorted('x'))\ndef f(): ...\n"
        "alias = f\n",
    )

    assert [task.id for task in project.collect().tasks] == ["shared.py::shared", "tasks.py::f"]


def test_an_imported_name_in_after_may_be_text(project: Project):
    project.write("settings.py", "UPSTREAM = 'prep'\n")
    content = (
        "import nemorun\nfrom settings import UPSTREAM\n@nemorun.task\ndef prep(): ...\n"
        "@nemorun.task(after=UPSTREAM)\ndef train(): ...\n"
    )

    assert project.tasks(content)["train"].after == ("tasks.py::prep",)


def test_files_are_imported_side_by_side(project: Project):
    for name in ("a", "b"):
        other = "b" if name == "a" else "a"
        project.write(
            f"{name}.py",
            f"""
            import pathlib, time
            import nemorun
            pathlib.Path("{name}.started").touch()
            while not pathlib.Path("{other}.started").exists():
                time.sleep(0.01)
            @nemorun.task(tags=sorted("x"))
            def f(): ...
            """,
        )
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core imports one file at a time")

    found = project.collect()

    assert ([task.id for task in found.tasks], found.issues) == (["a.py::f", "b.py::f"], ())
