"""The ways to import nemorun and to write its decorators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.discovery.conftest import Project


@pytest.mark.parametrize(
    "content",
    [
        "import nemorun\n@nemorun.task\ndef f(): ...",
        "import nemorun as run\n@run.task()\ndef f(): ...",
        "import nemorun_discover\n@nemorun_discover.task\ndef f(): ...",
        "import nemorun_discover as x\n@x.task\ndef f(): ...",
        "from nemorun import task\n@task\ndef f(): ...",
        "from nemorun import task as t\n@t()\ndef f(): ...",
        "from nemorun_discover import task\n@task\ndef f(): ...",
        "from nemorun import *\n@task\ndef f(): ...",
        "import nemorun\ntask = nemorun.task\n@task\ndef f(): ...",
        "import nemorun\nrun = nemorun\n@run.task\ndef f(): ...",
        "try:\n    import nemorun\nexcept ImportError:\n    nemorun = None\n@nemorun.task\ndef f(): ...",
        "import os, nemorun as run; print(os)\n@run.task\ndef f(): ...",
        "import nemorun\n@nemorun.task\n@some.other(decorator)\ndef f(): ...",
        "\ufeffimport nemorun\n@nemorun.task\ndef f(): ...",
        "import nemorun\r\n@nemorun.task\r\ndef f(\r\n    a=(1,\r\n       2),\r\n): ...\r\n",
    ],
    ids=[
        "import",
        "import-as",
        "long-name",
        "long-name-as",
        "from-import",
        "from-import-as",
        "from-long-name",
        "star",
        "alias-of-task",
        "alias-of-module",
        "guarded-import",
        "one-line",
        "other-decorator",
        "byte-order-mark",
        "crlf",
    ],
)
def test_a_task_is_recognised(project: Project, content: str):
    assert list(project.tasks(content)) == ["f"]


@pytest.mark.parametrize(
    "content",
    [
        "# nemorun\n@task\ndef f(): ...",
        "import nemorun\n@nemorun.other\ndef f(): ...",
        "import nemorun\nclass nemorun: task = print\n@nemorun.task\ndef f(): ...",
        "from nemorun import task\ndef task(f): return f\n@task\ndef f(): ...",
        "from other import task  # not of nemorun\n@task\ndef f(): ...",
        "import nemorun\ndef outer():\n    @nemorun.task\n    def inner(): ...",
        "import nemorun\nif __name__ == '__main__':\n    @nemorun.task\n    def f(): ...",
        "text = '''\nimport nemorun\n@nemorun.task\ndef f(): ...\n'''",
    ],
    ids=[
        "no-import",
        "other-attribute",
        "module-shadowed",
        "task-shadowed",
        "other-task",
        "inner-function",
        "main-guard",
        "in-a-string",
    ],
)
def test_what_only_looks_like_a_task_is_none(project: Project, content: str):
    assert project.tasks(content) == {}


def test_names_bound_once_to_literals_are_values(project: Project):
    content = """
        import nemorun as run

        BASE = ["gpu"]
        TAGS = [*BASE, "a" + "b", f"x{1 + 1:02d}"]
        HOURS: int = 2
        OPTIONS = {"lr": [10 ** -1, 0.5 / 5]}

        @run.task(tags=TAGS, timeout=HOURS * 60 * 60, retries=-(-1))
        @run.parametrize("n", list(range(1, 4)))
        @run.parametrize(("a", "b"), (("x", True), ("y", None)))
        def f(n, a, b, default=OPTIONS, text="a" "b"): ...
    """

    task = project.tasks(content)["f"]

    assert task.tags == ("gpu", "ab", "x02")
    assert (task.timeout_s, task.retries) == (7_200, 1)
    assert [case.rows for case in task.parametrize] == [
        (("x", True), ("y", None)),
        ((1,), (2,), (3,)),
    ]
    assert task.params[3].default == {"lr": [0.1, 0.1]}
    assert (task.params[4].default, task.params[4].default_text) == ("ab", '"a" "b"')


@pytest.mark.parametrize(
    ("default", "text"),
    [
        ("Config()", "Config()"),
        ("{1, 2}", "{1, 2}"),
        ("b'x'", "b'x'"),
        ("1e999", "1e999"),
        ("{1: 2}", "{1: 2}"),
        ("2 ** 10 ** 9", "2 ** 10 ** 9"),
        ("(2 ** 4000) * (2 ** 4000)", "(2 ** 4000) * (2 ** 4000)"),
        ("f'{1:999999999}'", "f'{1:999999999}'"),
        ("'x' * 10 ** 9", "'x' * 10 ** 9"),
        ("1 / 0", "1 / 0"),
        ("lambda: 0", "lambda: 0"),
        ("(\n    print(1)\n)", "print(1)"),
        ("'é' + str(1)", "'é' + str(1)"),
    ],
    ids=[
        "call",
        "set",
        "bytes",
        "inf",
        "int-key",
        "power",
        "product",
        "width",
        "repeat",
        "zero",
        "lambda",
        "lines",
        "é",
    ],
)
def test_a_default_that_is_no_json_literal_is_text_only_and_needs_no_import(
    project: Project, default: str, text: str
):
    content = f"import nemorun\nimport not_installed\n@nemorun.task\ndef f(a={default}): ...\n"

    (parameter,) = project.tasks(content)["f"].params

    assert not parameter.is_required
    assert (parameter.default.__class__.__name__, parameter.default_text) == ("Missing", text)


def test_args_and_kwargs_are_no_parameters(project: Project):
    content = "import nemorun\n@nemorun.task\ndef f(a, *args, b, **kwargs): ...\n"

    assert [each.name for each in project.tasks(content)["f"].params] == ["a", "b"]
