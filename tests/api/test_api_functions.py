"""Which functions a job can find, where it looks for them, and the project around them."""

from __future__ import annotations

import functools
import json
import os.path
from pathlib import Path

import pytest

from nemorun_discover.api.functions import FunctionPlace, place_of
from nemorun_discover.errors import UsageError

MODULE = """
    import functools
    from os.path import join as imported

    def plain(): pass

    class Tools:
        @staticmethod
        def static(): pass
        def method(self): pass
        @classmethod
        def of_class(cls): pass
        def __call__(self): pass

    def decorate(function):
        @functools.wraps(function)
        def wrapper(): return function()
        return wrapper

    @decorate
    def decorated(): pass

    other_name = decorate(plain)

    def make():
        def inner(): pass
        return inner

    assigned = make()
    anonymous = lambda: 1
"""


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("plain", "plain"),
        ("Tools.static", "Tools.static"),
        ("decorated", "decorated"),
        ("other_name", "other_name"),
        ("assigned", "assigned"),
    ],
    ids=["plain", "static", "decorated", "other-name", "assigned"],
)
def test_a_function_of_the_project_is_found_by_file_and_name(module, tmp_path, name, function):
    tasks = module(MODULE)
    found = functools.reduce(getattr, name.split("."), tasks)

    place = place_of(found, tmp_path)

    assert place == FunctionPlace(function=function, file="lab_tasks.py")


def test_a_function_from_elsewhere_is_found_by_its_module(tmp_path):
    assert place_of(json.dumps, tmp_path) == FunctionPlace(function="dumps", module="json")
    assert place_of(os.path.join, tmp_path) == FunctionPlace(function="join", module="posixpath")


def test_installed_code_is_found_by_its_module_though_it_lies_in_the_project():
    root = Path(pytest.__file__).parents[4]

    assert place_of(pytest.fixture, root).module == "_pytest.fixtures"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda tasks: tasks.anonymous, "a lambda has no name that a job could find it by"),
        (lambda tasks: tasks.make(), "inner is defined inside another function"),
        (lambda tasks: tasks.Tools().method, "Tools.method is a method bound to an object"),
        (lambda tasks: tasks.Tools.of_class, "Tools.of_class is a method bound to an object"),
        (lambda tasks: tasks.Tools, "Tools is a class, and a task is a function"),
        (lambda tasks: tasks.Tools(), "a Tools cannot be added"),
        (
            lambda tasks: tasks.decorate(tasks.decorated),
            "lab_tasks.decorated means another object than the function that was added",
        ),
    ],
    ids=["lambda", "inner", "method", "class-method", "class", "callable", "decorated-twice"],
)
def test_what_no_job_could_find_is_refused(module, tmp_path, make, sentence):
    function = make(module(MODULE))

    with pytest.raises(UsageError) as caught:
        place_of(function, tmp_path)

    assert caught.value.message.startswith(sentence)


def test_what_is_typed_in_is_refused(desk):
    answer = desk.run(
        "-c",
        "import nemorun as run\ndef f(): pass\nrun.run(f, run.LocalExecutor())",
        code=1,
    )

    assert "UsageError: f was typed in an interactive session" in answer.err


def test_an_unguarded_script_launches_once(desk):
    answer = desk.launch(
        "print('launching')\ndef f(): return 1\nprint(run.run(f, run.LocalExecutor()).value)\n"
    )

    assert answer.out.count("launching") == 1
    assert answer.json == 1
    assert len(desk.home.ids()) == 1


def test_a_guarded_script_launches_once(desk):
    answer = desk.launch(
        "def f(): return __name__\n"
        "def main(): print('\"' + run.run(f, run.LocalExecutor()).value + '\"')\n"
        "if __name__ == '__main__':\n    main()\n"
    )

    assert answer.json == "launch"


def test_a_job_whose_processes_import_the_script_does_not_launch_again(desk):
    answer = desk.launch(
        """
import multiprocessing
def child(): pass
def f():
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
    return process.exitcode
print(run.run(f, run.LocalExecutor()).value)
"""
    )

    assert len(desk.home.ids()) == 1
    assert answer.json == 1
    assert f"{desk.root}/launch.py:10 would launch again from inside the job" in answer.out


def test_a_job_that_needs_what_a_launch_made_does_not_launch_again(desk):
    answer = desk.launch(
        "def f(): return 1\nfirst = run.run(f, run.LocalExecutor()).value\n"
        "def g(): return first\nrun.run(g, run.LocalExecutor())\n",
        code=1,
    )

    assert len(desk.home.ids()) == 2
    assert "would launch again from inside the job it has launched" in answer.err


def test_a_job_may_launch_something_else(desk):
    answer = desk.launch(
        "def inner(): return 5\n"
        "def f(): return run.run(inner, run.LocalExecutor()).value\n"
        "if __name__ == '__main__':\n    print(run.run(f, run.LocalExecutor()).value)\n"
    )

    assert answer.json == 5
    assert len(desk.home.ids()) == 2


def test_what_stands_in_the_main_part_only_is_refused(desk):
    answer = desk.launch(
        "def f(): return LR\n"
        "if __name__ == '__main__':\n    LR = 1\n    run.run(f, run.LocalExecutor())\n",
        code=1,
    )

    assert (
        "f needs LR, which is defined only under the `if __name__ == …` of launch.py:3"
        in answer.err
    )


def test_a_script_elsewhere_launches_functions_of_its_project(desk):
    desk.write("[project]\nname = 'lab'\npythonpath = ['src']\n", "nemorun.toml")
    desk.write("from lib.inner import X\ndef task(): return [__name__, X]\n", "src/lib/tasks.py")
    desk.write("X = 1\n", "src/lib/inner.py")
    desk.write("Y = 2\n", "scripts/beside.py")
    desk.write(
        """
        import sys
        sys.path.insert(0, "src")
        import json
        import nemorun as run
        import beside, lib.tasks
        def own(): return [__name__, beside.Y, __import__("os").getcwd()]
        with run.Experiment("x", clean_mode=True) as e:
            jobs = [e.add(own), e.add(lib.tasks.task)]
            e.run()
        print(json.dumps([e.results()[one].value for one in jobs]))
        """,
        "scripts/launch.py",
    )

    answer = desk.run("scripts/launch.py")

    assert answer.json == [["launch", 2, str(desk.root)], ["lib.tasks", 1]]
    record = desk.home.read_record(desk.home.ids()[0])
    assert [job.file for job in record.jobs] == ["scripts/launch.py", "src/lib/tasks.py"]
    assert record.project.name == "lab"
    assert record.project.pythonpath == ("src", "scripts")


@pytest.mark.parametrize(
    ("cwd", "root"),
    [(".", "."), ("scripts", "scripts"), ("elsewhere", "scripts")],
    ids=["above", "beside", "elsewhere"],
)
def test_without_a_configuration_the_project_is_around_the_script(desk, cwd, root):
    (desk.root / "elsewhere").mkdir()
    script = desk.write(
        "import nemorun as run, os\ndef f(): return os.getcwd()\n"
        "print('\"' + run.run(f, run.LocalExecutor()).value + '\"')",
        "scripts/launch.py",
    )

    answer = desk.run(str(script), cwd=desk.root / cwd)

    assert answer.json == str((desk.root / root).resolve())


def test_the_home_directory_is_no_project(desk):
    script = desk.write(
        "import nemorun as run, os\ndef f(): return os.getcwd()\n"
        "print('\"' + run.run(f, run.LocalExecutor()).value + '\"')",
        "scripts/launch.py",
    )

    answer = desk.run(str(script), env={"HOME": str(desk.root)})

    assert answer.json == str(script.parent)


def test_arguments_of_the_scripts_own_classes_arrive(desk):
    answer = desk.launch(
        """
import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
class Color(Enum):
    RED = 1
@dataclass
class Model:
    layers: tuple = (1, 2)
    where: Path = Path("x")
def f(*, config: "Model", **more):
    return [repr(config), {name: repr(one) for name, one in more.items()}]
task = run.Partial(f, config=Model(), color=[Color.RED], limit=float("inf"))
print(json.dumps(run.run(task, run.LocalExecutor(), tail_logs=False).value))
"""
    )

    assert answer.json == [
        "Model(layers=(1, 2), where=PosixPath('x'))",
        {"color": "[<Color.RED: 1>]", "limit": "inf"},
    ]
