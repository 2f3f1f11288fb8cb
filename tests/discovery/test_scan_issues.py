"""Decorators that are not used as they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.discovery.conftest import Project


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("tag=['x']", "@nemorun.task on 'f' has no option 'tag'"),
        ("name='a b'", "the task name 'a b' is not shell-safe"),
        ("name='1a'", "the task name '1a' is not shell-safe"),
        ("name=3", "the task name 3 is not shell-safe"),
        ("tags=3", "tags= of 'f' must be a list of text, not 3"),
        ("tags=['a', 1]", "tags= of 'f' must be a list of text, not ['a', 1]"),
        ("tags=['']", "tags= of 'f' must be a list of text, not ['']"),
        ("after=[3]", "after= of 'f' must be a list of names or functions, not [3]"),
        ("executors={'a': 1}", "executors= of 'f' must be a list of text, not {'a': 1}"),
        ("timeout='soon'", "timeout= of 'f': 'soon' is not a duration"),
        ("timeout=0", "timeout= of 'f' must be a duration above zero, not 0"),
        ("timeout=True", "timeout= of 'f' must be a duration above zero, not True"),
        ("timeout=[1]", "timeout= of 'f' must be a duration above zero, not [1]"),
        ("retries=-1", "retries= of 'f' must be a whole number from 0, not -1"),
        ("retries=1.5", "retries= of 'f' must be a whole number from 0, not 1.5"),
        ("retries=True", "retries= of 'f' must be a whole number from 0, not True"),
        ("'f'", "@nemorun.task takes its options by keyword"),
    ],
    ids=lambda value: value if "=" in value[:10] else "",
)
def test_a_wrong_option_is_an_issue_with_its_line(project: Project, options: str, message: str):
    content = f"import nemorun\n\n@nemorun.task({options})\ndef f(): ...\n"

    assert project.issue(content) == (3, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "@nemorun.parametrize takes the parameter's name, its values and ids="),
        ("'a'", "@nemorun.parametrize takes the parameter's name, its values and ids="),
        ("'a', [1], ['x']", "@nemorun.parametrize takes the parameter's name, its values and ids="),
        ("'a', [1], id=['x']", "@nemorun.parametrize has no option 'id'; it knows ids"),
        ("3, [1]", "the names of @nemorun.parametrize must be text or a list of text, not 3"),
        ("'', [1]", "the names of @nemorun.parametrize must be text or a list of text, not []"),
        ("'aa', [1]", "'f' has no parameter 'aa' to parametrize"),
        ("'kwargs', [1]", "'f' has no parameter 'kwargs' to parametrize"),
        ("'a', []", "@nemorun.parametrize of a has no list of values"),
        ("'a', 3", "@nemorun.parametrize of a has no list of values"),
        ("'a,b', [1]", "@nemorun.parametrize of a,b: 1 is not 2 values"),
        ("'a,b', [(1, 2, 3)]", "@nemorun.parametrize of a,b: (1, 2, 3) is not 2 values"),
        ("['a'], [1]", "@nemorun.parametrize of a: 1 is not 1 values"),
        ("'a', [b'x']", "@nemorun.parametrize of a: JSON cannot hold b'x'"),
        (
            "'a', [1, 2], ids=['x']",
            "@nemorun.parametrize has 2 values, so ids= must be a list of 2",
        ),
        ("'a', [1, 2], ids='xy'", "@nemorun.parametrize has 2 values, so ids= must be a list of 2"),
        ("'a', [1], ids=[[]]", "ids= must hold text, not []"),
        ("'a,a', [(1, 2)]", "'f' is parametrized twice by 'a'"),
    ],
    ids=lambda value: value[:24],
)
def test_a_wrong_parametrize_is_an_issue_with_its_line(
    project: Project, arguments: str, message: str
):
    content = (
        "import nemorun\n@nemorun.task\n"
        f"@nemorun.parametrize({arguments})\ndef f(a, b=1, **kwargs): ...\n"
    )

    assert project.issue(content) == (3, message)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (
            "@nemorun.task\ndef f():\n    def g(): ...\n    for one in (1, 2):\n        yield one",
            3,
            "'f' is a generator, which cannot be a task: a call runs no line of it",
        ),
        (
            "@nemorun.task\nasync def f():\n    x = yield",
            3,
            "'f' is a generator, which cannot be a task: a call runs no line of it",
        ),
        ("@nemorun.task\ndef f(a, /): ...", 3, "'f' has the positional-only parameter 'a'"),
        (
            "@nemorun.parametrize('a', [1])\ndef f(a): ...",
            3,
            "'f' has @nemorun.parametrize, but not @nemorun.task",
        ),
        ("@nemorun.task\n@nemorun.task()\ndef f(): ...", 3, "'f' has @nemorun.task twice"),
        (
            "@nemorun.task\n@nemorun.parametrize\ndef f(a): ...",
            3,
            "@nemorun.parametrize needs the parameter's name and its values",
        ),
        (
            "class Trainer:\n    @nemorun.task\n    def fit(self): ...",
            4,
            "the method Trainer.fit cannot be a task",
        ),
        ("@nemorun.task\nclass Trainer: ...", 3, "the class Trainer cannot be a task"),
        ("@nemorun.task\ndef über(): ...", 2, "the task name 'über' is not shell-safe"),
        (
            "@nemorun.task\ndef f(): ...\ndef f(): ...",
            4,
            "'f' is defined again: the task on line 3 is lost",
        ),
        (
            "@nemorun.task\ndef f(): ...\nclass f: ...",
            4,
            "'f' is defined again: the task on line 3 is lost",
        ),
    ],
    ids=[
        "generator",
        "async-generator",
        "positional-only",
        "parametrize-alone",
        "twice",
        "bare-parametrize",
        "method",
        "class",
        "letters",
        "hidden-by-def",
        "hidden-by-class",
    ],
)
def test_what_cannot_be_a_task_is_an_issue(project: Project, content: str, line: int, message: str):
    assert project.issue(f"import nemorun\n{content}\n") == (line, message)


def test_an_async_def_and_what_only_holds_a_generator_are_tasks(project: Project):
    content = """
        import nemorun

        @nemorun.task
        async def wait(): ...

        @nemorun.task
        def inner():
            def pairs():
                yield 1
            return [*pairs()], (lambda: (yield))

        @consumed
        @nemorun.task
        def looped_over_by_its_decorator():
            yield 1
    """

    found = project.write("tasks.py", content).collect()

    assert [task.name for task in found.tasks] == ["wait", "inner", "looped_over_by_its_decorator"]
    assert found.issues == ()


def test_the_later_of_two_tasks_of_one_name_is_kept(project: Project):
    content = "import nemorun\n@nemorun.task\ndef f(): ...\n@nemorun.task\ndef f(lr): ...\n"

    found = project.write("tasks.py", content).collect()

    assert [(task.id, task.line) for task in found.tasks] == [("tasks.py::f", 5)]
    assert [(issue.line, issue.message) for issue in found.issues] == [
        (5, "'f' is defined again: the task on line 3 is lost")
    ]


def test_two_functions_with_one_task_name_are_an_issue(project: Project):
    content = "import nemorun\n@nemorun.task\ndef f(): ...\n@nemorun.task(name='f')\ndef g(): ...\n"

    found = project.write("tasks.py", content).collect()

    assert [(task.id, task.function) for task in found.tasks] == [("tasks.py::f", "f")]
    assert [(issue.line, issue.message) for issue in found.issues] == [
        (5, "two tasks of this file are named 'f' (line 3)")
    ]


def test_an_issue_of_one_task_leaves_the_others(project: Project):
    content = "import nemorun as r\n@r.task(retries=-1)\ndef f(): ...\n@r.task\ndef g(): ...\n"

    found = project.write("tasks.py", content).collect()

    assert [task.name for task in found.tasks] == ["g"]
    assert len(found.issues) == 1


def test_an_unknown_option_or_parameter_names_the_nearest(project: Project):
    project.write("a.py", "import nemorun\n@nemorun.task(retrys=1)\ndef f(): ...\n")
    project.write(
        "b.py",
        "import nemorun\n@nemorun.task\n@nemorun.parametrize('sede', [1])\ndef f(seed): ...\n",
    )

    issues = project.collect().issues

    assert [issue.hint for issue in issues] == ["did you mean retries=?", "did you mean 'seed'?"]
