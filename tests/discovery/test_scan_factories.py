from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.discovery.scan import collect
from nemorun_discover.model.task import MISSING, TypeKind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.discovery.conftest import Project


def test_public_functions_of_every_executors_file_are_factories(projects: Path):
    found = collect(projects / "discovery", ["."])

    assert [(each.file, each.directory, each.name, each.line) for each in found.factories] == [
        ("executors.py", "", "cluster", 5),
        ("executors.py", "", "cloud", 20),
        ("tasks/deep/executors.py", "tasks/deep", "cluster", 1),
    ]


def test_a_factory_carries_its_signature(projects: Path):
    factory = collect(projects / "discovery", ["."]).factories[0]

    assert (factory.returns, factory.doc) == ("SlurmExecutor", "A cluster.")
    assert [
        (each.name, each.type.kind, each.default, each.is_required) for each in factory.params
    ] == [
        ("account", TypeKind.STR, MISSING, True),
        ("nodes", TypeKind.INT, 1, False),
    ]


def test_factories_above_a_scanned_path_are_seen_and_those_beside_it_are_not(project: Project):
    for directory in ("", "a/", "a/b/", "c/"):
        project.write(f"{directory}executors.py", "def cluster(): ...\n")
    project.write("a/b/tasks.py", "import nemorun\n@nemorun.task\ndef f(): ...\n")

    found = project.collect("a/b/tasks.py")

    assert [each.directory for each in found.factories] == ["a/b", "a", ""]


def test_tasks_async_functions_and_what_is_bound_otherwise_are_no_factories(project: Project):
    project.write(
        "executors.py",
        """
        import nemorun
        from elsewhere import imported

        def later_a_value(): ...
        later_a_value = 3

        def later_imported(): ...
        import later_imported

        @nemorun.task
        def task(): ...

        async def asynchronous(): ...

        def outer():
            def inner(): ...

        value = lambda: 1
        """,
    )

    found = project.collect()

    assert [each.name for each in found.factories] == ["outer"]
    assert [each.name for each in found.tasks] == ["task"]
    assert [issue.message for issue in found.issues] == [
        "'asynchronous' is an async function, which cannot be an executor factory"
    ]


def test_a_broken_executors_file_is_an_issue(project: Project):
    project.write("executors.py", "def cluster(:\n")

    (issue,) = project.collect().issues

    assert (issue.file, issue.line) == ("executors.py", 1)
