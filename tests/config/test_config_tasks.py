"""`[tasks.NAME]`: tasks that the configuration declares, and what it says of those found in code."""

from __future__ import annotations

import pytest

from nemorun_discover.config.code_tasks import apply_task_tables
from nemorun_discover.config.script_tasks import require_references, script_tasks
from nemorun_discover.config.validate import validate_all
from nemorun_discover.errors import ConfigError
from nemorun_discover.model.task import MISSING, Parameter, Script, Task, TypeKind, TypeSpec

FLOAT = TypeSpec(kind=TypeKind.FLOAT, text="float")
STR = TypeSpec(kind=TypeKind.STR, text="str")
LIST = TypeSpec(kind=TypeKind.LIST, text="list[int]")
TRAIN = Task(
    id="t/train.py::train",
    name="train",
    file="t/train.py",
    line=3,
    function="train",
    params=(
        Parameter(name="lr", type=FLOAT, default=0.1, default_text="0.1"),
        Parameter(name="tag", type=STR, default="", default_text="''"),
        Parameter(name="sizes", type=LIST, default=[], default_text="[]"),
    ),
    tags=("gpu",),
    executors=("local",),
    timeout_s=5.0,
    retries=1,
)


def test_a_script_becomes_a_task(project):
    project.write("scripts/my prep.sh", "")

    [task] = script_tasks(
        project.load(
            """
            [tasks.prep]
            script = "scripts/my prep.sh"
            tags = ["data", "slow"]
            env = { A = "1;2 $HOME" }
            after = "fetch"
            executors = ["local"]
            timeout = "30m"
            retries = 2
            """
        )
    )

    assert task == Task(
        id="nemorun.toml::prep",
        name="prep",
        file="nemorun.toml",
        line=0,
        tags=("data", "slow"),
        after=("fetch",),
        executors=("local",),
        timeout_s=1800.0,
        retries=2,
        script=Script(path="scripts/my prep.sh", env={"A": "1;2 $HOME"}),
    )


def test_a_command_becomes_a_task_whose_argv_is_as_written(project):
    config = project.load("[tasks.x]\ncommand = ['python', '-c', 'print(\"a b\")', '$HOME', '']\n")

    [task] = script_tasks(config)

    assert task.script == Script(command=("python", "-c", 'print("a b")', "$HOME", ""))


@pytest.mark.parametrize(
    ("value", "text", "default"),
    [
        ("0.1", "float", 0.1),
        ("3", "int", 3),
        ("true", "bool", True),
        ("'a b'", "str", "a b"),
        ("[1, 2]", "list[int]", [1, 2]),
        ("[1, 2.5]", "list[float]", [1, 2.5]),
        ("[1, 'a']", "list[Any]", [1, "a"]),
        ("[]", "list[Any]", []),
        ("{ a = 1 }", "dict[str, int]", {"a": 1}),
        ("[{ a = 1 }]", "list[dict[str, int]]", [{"a": 1}]),
    ],
    ids=["float", "int", "bool", "str", "ints", "numbers", "mixed", "empty", "table", "tables"],
)
def test_a_parameters_type_follows_from_its_value(project, value, text, default):
    [task] = script_tasks(project.load(f"[tasks.x]\ncommand = ['c']\nparams = {{ p = {value} }}\n"))

    [parameter] = task.params
    assert (parameter.type.text, parameter.default) == (text, default)
    assert parameter.default_text == repr(default)


def test_tasks_are_those_of_the_tables_with_a_script_or_command_in_order(project):
    config = project.load(
        "[tasks.b]\ncommand = ['b']\n[tasks.train]\nretries = 1\n[tasks.a]\ncommand = ['a']\n"
    )

    assert [task.name for task in script_tasks(config)] == ["b", "a"]


def test_a_script_tasks_id_names_the_file_that_declares_it(project):
    project.write("pyproject.toml", "[tool.nemorun.tasks.x]\ncommand = ['c']\n")

    [task] = script_tasks(project.load())

    assert (task.id, task.file) == ("pyproject.toml::x", "pyproject.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("script = 'gone.sh'", r"\[tasks\.x\] script: 'gone\.sh' is not a file in /"),
        ("script = 'folder'", r"\[tasks\.x\] script: 'folder' is not a file in /"),
        (
            "script = '../out.sh'",
            r"\[tasks\.x\] script: '\.\./out\.sh' lies outside of the project",
        ),
        ("script = '/bin/sh'", r"\[tasks\.x\] script: '/bin/sh' lies outside of the project"),
        ("script = ''", r"\[tasks\.x\] script: is empty"),
        ("command = []", r"\[tasks\.x\] command: is empty"),
        ("command = ['']", r"\[tasks\.x\] command: is empty"),
        ("command = 'ls -l'", r"\[tasks\.x\] command: expected a list of texts, found the text"),
        (
            "script = 'a.sh'\ncommand = ['c']",
            r"\[tasks\.x\] script: a task has a script or a command",
        ),
        ("command = ['c']\ntag = 'x'", r"\[tasks\.x\] tag: unknown key"),
        ("command = ['c']\nretries = -1", r"\[tasks\.x\] retries: expected at least 0, found -1"),
        ("command = ['c']\ntimeout = 'x'", r"\[tasks\.x\] timeout: 'x' is not a duration"),
        (
            "command = ['c']\nenv = { A = 1 }",
            r"\[tasks\.x\.env\] A: expected text, found the integer",
        ),
        ("command = ['c']\nenv = { 'A=' = '1' }", r"\[tasks\.x\] env: 'A=' cannot be the name"),
        ("command = ['c']\nparams = 1", r"\[tasks\.x\] params: expected a table"),
        (
            "command = ['c']\nparams = { 'a b' = 1 }",
            r"params\] \"a b\": 'a b' cannot be|'a b' cannot",
        ),
        (
            "command = ['c']\nparams = { a = 2020-01-01 }",
            r"\[tasks\.x\.params\] a: expected text, a",
        ),
        (
            "command = ['c']\nparams = { a = nan }",
            r"\[tasks\.x\.params\] a: nan is no value that JSON",
        ),
    ],
    ids=[
        "missing",
        "directory",
        "outside",
        "absolute",
        "empty-script",
        "empty-command",
        "empty-program",
        "command-text",
        "both",
        "unknown-key",
        "retries",
        "timeout",
        "env-type",
        "env-name",
        "params-type",
        "param-name",
        "param-date",
        "param-nan",
    ],
)
def test_a_script_task_that_is_wrong_is_refused_with_its_place(project, text, message):
    project.write("a.sh", "")
    (project.root / "folder").mkdir()
    config = project.load(f"[tasks.x]\n{text}\n")

    with pytest.raises(ConfigError, match=message) as caught:
        script_tasks(config)

    assert [problem.message for problem in validate_all(config)] == [caught.value.message]


@pytest.mark.parametrize("name", ["a b", "a;b", "a/b", "a[b", "é", "and", ""], ids=repr)
def test_a_name_that_a_shell_would_change_is_refused(project, name):
    with pytest.raises(ConfigError, match="cannot be the name of a task"):
        script_tasks(project.load(f'[tasks."{name}"]\ncommand = ["c"]\n'))


def test_an_unset_variable_does_not_keep_a_task_from_being_listed(project):
    config = project.load(
        """
        [tasks.x]
        command = ["run", "${env:UNSET}"]
        env = { A = "${env:UNSET}", B = "b" }
        timeout = "${env:UNSET}"
        params = { data = "${env:UNSET}", n = 1 }
        """
    )

    [task] = script_tasks(config)

    assert task.script == Script(
        command=("run", "${env:UNSET}"), env={"A": "${env:UNSET}", "B": "b"}
    )
    assert (task.timeout_s, [one.default for one in task.params]) == (None, [MISSING, 1])
    assert task.params[0].is_required


def test_a_run_asks_for_the_variables_of_the_tasks_it_runs(project):
    config = project.load(
        """
        [tasks.x]
        command = ["run", "${env:UNSET}"]
        [tasks.y]
        command = ["run"]
        params = { data = "${env:UNSET}" }
        """
    )
    x, y = script_tasks(config)

    require_references(config, [y])

    with pytest.raises(ConfigError, match=r"\[tasks\.x\] command: the environment variable UNSET"):
        require_references(config, [x])


def test_references_of_a_script_task_are_resolved(project):
    config = project.load(
        "[tasks.x]\ncommand = ['run', '${env:X}', '$${env:X}']\nretries = '${env:N}'\n"
        "params = { p = '${env:X}' }\n",
        X="a b",
        N="2",
    )

    [task] = script_tasks(config)

    assert task.script.command == ("run", "a b", "${env:X}")
    assert (task.retries, task.params[0].default) == (2, "a b")


def test_a_table_changes_the_defaults_and_limits_of_a_task_in_code(project):
    config = project.load(
        """
        [tasks.train]
        params = { lr = 1, tag = "${env:TAG}", sizes = [1, 2] }
        tags = "slow"
        executors = ["slurm_a", "slurm_b"]
        timeout = 60
        retries = 0
        """,
        TAG="007",
    )

    [task] = apply_task_tables(config, [TRAIN])

    assert task.values == {"lr": 1.0, "tag": "007", "sizes": [1, 2]}
    assert (task.tags, task.executors) == (("gpu", "slow"), ("slurm_a", "slurm_b"))
    assert (task.timeout_s, task.retries) == (60.0, 0)


def test_what_a_table_leaves_out_stays_as_the_code_says(project):
    [task] = apply_task_tables(project.load("[tasks.train]\n"), [TRAIN])

    assert task == TRAIN


def test_a_task_is_also_named_by_its_node_id(project):
    other = Task(id="u.py::train", name="train", file="u.py", line=1, function="train")
    config = project.load('[tasks."t/train.py::train"]\nretries = 9\n')

    changed = apply_task_tables(config, [TRAIN, other])

    assert [task.retries for task in changed] == [9, None]


def test_an_option_gives_a_parameter_its_value_as_its_type_wants(project):
    config = project.load("", "tasks.train.params.lr=1", "tasks.train.params.tag=1")

    [task] = apply_task_tables(config, [TRAIN])

    assert task.values == {"lr": 1.0, "tag": "1"}


def test_a_value_whose_variable_is_not_set_is_left_to_the_signature_until_a_run(project):
    config = project.load('[tasks.train]\nparams = { tag = "${env:UNSET}" }\n')

    [task] = apply_task_tables(config, [TRAIN])

    assert task.values == {}
    with pytest.raises(
        ConfigError, match=r"\[tasks\.train\.params\] tag: the environment variable"
    ):
        require_references(config, [task])


def test_a_script_task_of_the_same_name_is_another_task(project):
    config = project.load("[tasks.train]\ncommand = ['c']\n")

    tasks = apply_task_tables(config, [TRAIN, *script_tasks(config)])

    assert [task.id for task in tasks] == ["t/train.py::train", "nemorun.toml::train"]
    assert tasks[0] == TRAIN


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "[tasks.trian]\nretries = 1",
            (
                "nemorun.toml: [tasks] trian: there is no task of this name, and neither script nor"
                " command makes it one"
            ),
            "did you mean train?",
        ),
        (
            "[tasks.zzz]",
            (
                "nemorun.toml: [tasks] zzz: there is no task of this name, and neither script nor"
                " command makes it one"
            ),
            "the tasks are: train, t/train.py::train",
        ),
        (
            "[tasks.train]\nparams = { lrr = 1 }",
            "nemorun.toml: [tasks.train.params] lrr: train has no such parameter",
            "did you mean lr?",
        ),
        (
            '[tasks.train]\nparams = { lr = "fast" }',
            "nemorun.toml: [tasks.train.params] lr: expected a number, found the text 'fast'",
            None,
        ),
        (
            "[tasks.train]\nparams = 1",
            "nemorun.toml: [tasks.train] params: expected a table",
            None,
        ),
        (
            "[tasks.train]\nenv = { A = '1' }",
            (
                "nemorun.toml: [tasks.train] env: only a task with a script or a command takes it from"
                " here"
            ),
            "of a task found in code, @nemorun.task and its executor's profile say it",
        ),
        (
            "[tasks.train]\nretry = 1",
            "nemorun.toml: [tasks.train] retry: unknown key",
            "did you mean retries?",
        ),
    ],
    ids=["near", "far", "parameter", "type", "params", "env", "key"],
)
def test_a_table_that_does_not_fit_its_task_is_refused(project, text, message, hint):
    with pytest.raises(ConfigError) as caught:
        apply_task_tables(project.load(text + "\n"), [TRAIN])

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_name_that_several_tasks_have_must_be_a_node_id(project):
    other = Task(id="u.py::train", name="train", file="u.py", line=1, function="train")

    with pytest.raises(ConfigError, match=r"t/train\.py::train and u\.py::train") as caught:
        apply_task_tables(project.load("[tasks.train]\nretries = 1\n"), [TRAIN, other])

    assert caught.value.hint == 'write the node id in quotes: [tasks."t/train.py::train"]'


def test_a_table_may_be_about_a_task_of_a_file_that_could_not_be_read(project):
    config = project.load("[tasks.broken]\nretries = 1\n")

    assert apply_task_tables(config, [TRAIN], is_complete=False) == [TRAIN]
