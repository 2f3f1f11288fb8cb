"""Factories of executors.py: which one is seen, how it is called, and every way it can fail."""

from __future__ import annotations

import sys

import pytest

from nemorun_discover.config.resolve import ExecutorChoice, executor_names, resolve_executor
from nemorun_discover.config.validate import validate_all
from nemorun_discover.errors import ConfigError
from nemorun_discover.executors.local import LocalExecutor
from nemorun_discover.model.task import Factory

IMPORT = "from nemorun_discover.executors.local import LocalExecutor\n"


def failing(project, body, toml="", name="mk"):
    """What resolving `mk` says when its executors.py holds this."""
    factory = project.factory("mk", IMPORT + body)
    with pytest.raises(ConfigError) as caught:
        resolve_executor(name, config=project.load(toml), factories=[factory])
    return caught.value


def test_a_factory_is_called_for_its_executor(project):
    factory = project.factory("mk", IMPORT + "def mk(n=3):\n    return LocalExecutor(retries=n)\n")

    executor = resolve_executor("mk", config=project.load(""), factories=[factory])

    assert executor == LocalExecutor(retries=3)


def test_a_profile_binds_a_factorys_parameters_by_name_and_by_annotation(project):
    factory = project.factory(
        "mk",
        "from __future__ import annotations\n" + IMPORT + "from pathlib import Path\n"
        "def mk(nodes: int, image: str = 'x', *, share: float = 1, at: Path = None, deep=None,\n"
        "       names: list[str] | None = None, **more) -> Unknown:\n"
        "    seen = [nodes, image, share, type(at).__name__, deep, names, more]\n"
        "    return LocalExecutor(env_vars={'SEEN': repr(seen)})\n",
    )
    config = project.load(
        """
        [profiles.p]
        factory = "mk"
        nodes = "${env:N}"
        image = "${env:IMAGE:-py}"
        share = 2
        at = "/x"
        deep = { a = [1, { b = "${env:N}" }] }
        names = ["a"]
        other = true
        """,
        N="4",
    )

    executor = resolve_executor("p", config=config, factories=[factory])

    assert executor.env_vars["SEEN"] == repr(
        [4, "py", 2.0, "PosixPath", {"a": [1, {"b": "4"}]}, ["a"], {"other": True}]
    )


def test_arguments_are_inherited_and_overridden_like_any_key(project):
    factory = project.factory("mk", IMPORT + "def mk(a, b): return LocalExecutor(retries=a * b)\n")
    config = project.load(
        '[profiles._b]\nfactory = "mk"\na = 2\nb = 2\n[profiles.p]\nextends = "_b"\n',
        "profiles.p.b=5",
    )

    assert resolve_executor("p", config=config, factories=[factory]).retries == 10


def test_a_parameter_named_tunnel_stays_what_the_profile_says(project):
    body = "def mk(tunnel): return LocalExecutor(env_vars={'T': tunnel})\n"
    factory = project.factory("mk", IMPORT + body)
    config = project.load('[profiles.p]\nfactory = "mk"\ntunnel = "my-tunnel"\n')

    executor = resolve_executor("p", config=config, factories=[factory])

    assert executor.env_vars == {"T": "my-tunnel"}


def test_a_profile_wins_over_a_factory_of_its_name_and_may_call_it(project):
    factory = project.factory("a", IMPORT + "def a(n=1): return LocalExecutor(retries=n)\n")
    config = project.load('[profiles.a]\nfactory = "a"\nn = 7\n')

    assert resolve_executor("a", config=config, factories=[factory]).retries == 7
    assert [one.source for one in executor_names(config, [factory])] == ["built-in", "profile"]


def test_the_nearest_factory_wins_as_a_conftest_does(project):
    factories = [
        project.factory("mk", f"{IMPORT}def mk(): return LocalExecutor(retries={n})\n", file)
        for n, file in enumerate(
            ("executors.py", "a/executors.py", "a/b/executors.py", "ab/executors.py")
        )
    ]
    config = project.load("")
    files = ["t.py", "a/t.py", "a/b/c/t.py", "ab/t.py", "abc/t.py", "nemorun.toml"]

    found = [
        resolve_executor("mk", config=config, factories=factories, near=file).retries
        for file in files
    ]

    assert found == [0, 1, 2, 3, 0, 0]


def test_a_factory_below_another_directory_is_not_seen_and_said_where_it_is(project):
    factory = project.factory("mk", IMPORT + "def mk(): return LocalExecutor()\n", "a/executors.py")

    with pytest.raises(ConfigError) as caught:
        resolve_executor("mk", config=project.load(""), factories=[factory], near="b/t.py")

    assert caught.value.message == (
        "there is no executor 'mk' that b/t.py sees; there is one in a/executors.py"
    )


def test_executors_py_is_imported_once_with_the_project_on_the_path(project):
    project.write("helper_of_root.py", "VALUE = 1\n")
    project.write("src/helper_of_src.py", "VALUE = 2\n")
    factory = project.factory(
        "mk",
        IMPORT + "import pathlib\nimport helper_of_root\n"
        "with open(pathlib.Path(__file__).with_name('imports'), 'a') as file: file.write('x')\n"
        "def mk():\n"
        "    import helper_of_src\n"
        "    return LocalExecutor(retries=helper_of_root.VALUE + helper_of_src.VALUE)\n",
    )
    config = project.load('[project]\npythonpath = ["src"]\n')
    before = list(sys.path)

    found = [resolve_executor("mk", config=config, factories=[factory]).retries for _ in "ab"]

    assert found == [3, 3]
    assert (project.root / "imports").read_text() == "x"
    assert sys.path == before


def test_two_files_of_the_same_name_are_two_modules(project):
    factories = [
        project.factory("mk", f"{IMPORT}N = {n}\ndef mk(): return LocalExecutor(retries=N)\n", file)
        for n, file in enumerate(("executors.py", "a/executors.py"))
    ]
    config = project.load("")

    first = resolve_executor("mk", config=config, factories=factories, near="t.py")
    second = resolve_executor("mk", config=config, factories=factories, near="a/t.py")

    assert (first.retries, second.retries) == (0, 1)


def test_what_a_factory_prints_does_not_reach_stdout(project, capfd):
    factory = project.factory(
        "mk",
        IMPORT + "print('imported')\ndef mk():\n    print('called')\n    return LocalExecutor()\n",
    )

    resolve_executor("mk", config=project.load(""), factories=[factory])

    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "imported\ncalled\n")


def test_an_executor_that_a_module_keeps_is_not_shared(project):
    factory = project.factory("mk", IMPORT + "E = LocalExecutor()\ndef mk(): return E\n")
    config = project.load("")

    resolve_executor("mk", config=config, factories=[factory]).env_vars["A"] = "changed"

    assert resolve_executor("mk", config=config, factories=[factory]).env_vars == {}


def test_a_factory_named_local_takes_the_place_of_the_built_in(project):
    factory = project.factory("local", IMPORT + "def local(): return LocalExecutor(retries=9)\n")
    config = project.load("")

    assert resolve_executor("local", config=config, factories=[factory]).retries == 9
    assert [one.source for one in executor_names(config, [factory])] == ["factory"]


def test_factories_are_listed_with_the_kind_their_annotation_promises(project):
    found = executor_names(
        project.load('[profiles.p]\nfactory = "slurm"\n'),
        [
            Factory(name="slurm", file="a/executors.py", line=1, directory="a"),
            Factory(
                name="slurm", file="executors.py", line=1, directory="", returns="run.SlurmExecutor"
            ),
        ],
    )

    assert found[1:] == [
        ExecutorChoice(name="p", kind="slurm", source="profile", file="nemorun.toml"),
        ExecutorChoice(name="slurm", kind="slurm", source="factory", file="executors.py"),
    ]


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        (
            "def mk():\n    raise ValueError('no account\\nand more')\n",
            "executors.py:2: executor factory mk raised ValueError: no account, at executors.py:3",
            None,
        ),
        (
            "def mk():\n    raise KeyError\n",
            "executors.py:2: executor factory mk raised KeyError, at executors.py:3",
            None,
        ),
        (
            "import json\ndef mk():\n    json.loads('{')\n",
            (
                "executors.py:3: executor factory mk raised JSONDecodeError: Expecting property name"
                " enclosed in double quotes: line 1 column 2 (char 1), at executors.py:4"
            ),
            None,
        ),
        (
            "def mk():\n    raise SystemExit(3)\n",
            "executors.py:2: executor factory mk exits (SystemExit: 3), at executors.py:3",
            "raise an exception that says what is wrong",
        ),
        (
            "def mk():\n    LocalExecutor()\n",
            "executors.py:2: executor factory mk returned None, not an executor",
            "did you forget `return`?",
        ),
        (
            "def mk():\n    return {'kind': 'local'}\n",
            "executors.py:2: executor factory mk returned dict, not an executor",
            "return one of nemorun's executors, such as nemorun.LocalExecutor()",
        ),
        (
            "import pathlib\ndef mk():\n    return pathlib.PurePosixPath()\n",
            "executors.py:3: executor factory mk returned pathlib.PurePosixPath, not an executor",
            "return one of nemorun's executors, such as nemorun.LocalExecutor()",
        ),
        (
            "def mk():\n    return LocalExecutor\n",
            "executors.py:2: executor factory mk returned the class LocalExecutor, not an executor",
            "did you forget to call it: LocalExecutor()?",
        ),
        (
            "async def mk():\n    return LocalExecutor()\n",
            "executors.py:2: executor factory mk is asynchronous",
            "write `def`, not `async def`",
        ),
        (
            "def mk():\n    return LocalExecutor(max_parallel='4')\n",
            (
                "executors.py:2: executor factory mk returned LocalExecutor: max_parallel:"
                " expected an integer, found the text '4'"
            ),
            "write it without quotes",
        ),
        (
            "def mk():\n    return LocalExecutor(env_vars={'A': object()})\n",
            (
                "executors.py:2: executor factory mk returned LocalExecutor: LocalExecutor.env_vars.A:"
                " object cannot be written as JSON"
            ),
            "use text, numbers, lists and tables with text as keys",
        ),
        (
            "def mk():\n    return LocalExecutor(nodess=1)\n",
            (
                "executors.py:2: executor factory mk raised TypeError: LocalExecutor.__init__() got an"
                " unexpected keyword argument 'nodess', at executors.py:3"
            ),
            None,
        ),
        (
            "def mk(nodes, image):\n    return LocalExecutor()\n",
            "executors.py:2: executor factory mk needs the argument nodes, and nothing gives it",
            'give it in a profile: [profiles.NAME] factory = "mk", nodes = …',
        ),
        (
            "def mk(nodes, /):\n    return LocalExecutor()\n",
            (
                "executors.py:2: executor factory mk takes nodes by position only,"
                " and arguments are given by name"
            ),
            "remove the / from its parameters",
        ),
        (
            "import no_such_package\ndef mk():\n    return LocalExecutor()\n",
            (
                "executors.py:2: importing it raised ModuleNotFoundError: No module named"
                " 'no_such_package'"
            ),
            None,
        ),
        (
            "raise SystemExit('bye')\ndef mk(): pass\n",
            "executors.py:2: importing it exits (SystemExit: bye)",
            "raise an exception that says what is wrong",
        ),
        (
            "def mk(:\n",
            "executors.py:2: importing it raised SyntaxError: invalid syntax",
            None,
        ),
        (
            "def mk(): pass\ndel mk\n",
            (
                "executors.py:2: executor factory mk: the module has no function of this name once it"
                " is imported"
            ),
            None,
        ),
    ],
    ids=[
        "raises",
        "raises-nothing-said",
        "raises-deeper",
        "exits",
        "none",
        "dict",
        "foreign-object",
        "class",
        "async",
        "wrong-field-type",
        "not-json",
        "unknown-field",
        "missing-argument",
        "positional-only",
        "import-error",
        "import-exits",
        "syntax-error",
        "gone",
    ],
)
def test_a_factory_that_fails_is_one_sentence_with_file_and_line(project, body, message, hint):
    error = failing(project, body)

    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        (
            "nodess = 1",
            "nemorun.toml: [profiles.p] nodess: factory mk has no such parameter",
            "did you mean nodes?",
        ),
        (
            'nodes = "x"',
            "nemorun.toml: [profiles.p] nodes: expected an integer, found the text 'x'",
            None,
        ),
        (
            'nodes = "${env:UNSET}"',
            "nemorun.toml: [profiles.p] nodes: the environment variable UNSET is not set",
            "export UNSET, or give it a default: ${env:UNSET:-value}",
        ),
        (
            "nodes = 2020-01-01",
            (
                "nemorun.toml: [profiles.p] nodes: expected text, a number, a list or a table,"
                " found the date 2020-01-01"
            ),
            "put it in quotes",
        ),
        (
            "",
            "executors.py:2: executor factory mk needs the argument nodes, and nothing gives it",
            'give it in a profile: [profiles.NAME] factory = "mk", nodes = …',
        ),
    ],
    ids=["unknown", "type", "unset", "date", "missing"],
)
def test_an_argument_that_does_not_fit_is_refused_with_its_place(project, lines, message, hint):
    body = "def mk(nodes: int):\n    return LocalExecutor(retries=nodes)\n"

    error = failing(project, body, f'[profiles.p]\nfactory = "mk"\n{lines}\n', name="p")

    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(
    ("factory", "message", "hint"),
    [
        (
            '"mkk"',
            "nemorun.toml: [profiles.p] factory: there is no factory 'mkk'",
            "did you mean mk?",
        ),
        ("3", "nemorun.toml: [profiles.p] factory: expected the name of a factory", None),
        ("{ a = 1 }", "nemorun.toml: [profiles.p] factory: expected the name of a factory", None),
    ],
    ids=["unknown", "number", "table"],
)
def test_a_profile_must_name_a_factory_that_there_is(project, factory, message, hint):
    mk = project.factory("mk", IMPORT + "def mk(): return LocalExecutor()\n")
    config = project.load(f"[profiles.p]\nfactory = {factory}\n")

    with pytest.raises(ConfigError) as caught:
        resolve_executor("p", config=config, factories=[mk])

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_profiles_that_call_factories_are_checked_without_calling_them(project):
    mk = project.factory("mk", "raise SystemExit\ndef mk(nodes): pass\n", "executors.py", "nodes")
    config = project.load(
        """
        [project]
        default_executor = "lcal"
        [profiles.a]
        factory = "mk"
        [profiles.b]
        factory = "mkk"
        [profiles.c]
        factory = "mk"
        nodes = 1
        """
    )

    problems = [problem.message for problem in validate_all(config, [mk])]

    assert validate_all(config) == []
    assert problems == [
        "nemorun.toml: [profiles.a] factory: mk (executors.py:2) needs the argument nodes",
        "nemorun.toml: [profiles.b] factory: there is no factory 'mkk'",
        "nemorun.toml: [project] default_executor: there is no executor 'lcal'",
    ]
