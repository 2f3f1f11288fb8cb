"""`nemorun list`."""

from __future__ import annotations

import pytest

TASKS = '''
    import a_package_that_is_not_installed
    import nemorun

    @nemorun.task(tags=["gpu", "slow"])
    def train(lr: float = 0.1, *, name: str, seed=0):
        """Train a network.

        At length.
        """

    @nemorun.task(after=["train"], executors=["small"])
    def evaluate(lr: float = 0.1): ...
'''
CONFIG = """
    [project]
    paths = ["tasks"]
    [profiles.small]
    kind = "local"
    [profiles.slurm_a]
    kind = "slurm"
    [tasks.train]
    params = { seed = 7 }
    [tasks.prepare]
    command = ["true"]
"""


@pytest.fixture
def demo(write):
    write("nemorun.toml", CONFIG)
    write("tasks/model.py", TASKS)
    write("tasks/executors.py", "def big(gpus: int = 8) -> 'run.SlurmExecutor': ...\n")


@pytest.mark.usefixtures("demo")
def test_tasks_are_listed_without_importing_anything(nemorun):
    answer = nemorun("list")

    assert answer.code == 0
    assert answer.lines == [
        "TASK                      PARAMETERS            TAGS      WHAT IT DOES",
        "tasks/model.py::train     lr=0.1 name=? seed=7  gpu slow  Train a network.",
        "tasks/model.py::evaluate  lr=0.1",
        "nemorun.toml::prepare",
    ]


@pytest.mark.usefixtures("demo")
def test_quiet_lists_ids_that_run_takes_from_a_file(nemorun, write):
    listed = nemorun("list", "-q", "-k", "evaluate").out
    write("chosen", listed)

    assert listed == "tasks/model.py::evaluate\n"
    assert nemorun("list", "@chosen", "-q").out == listed


@pytest.mark.usefixtures("demo")
def test_the_tasks_document_is_the_contract(nemorun):
    document = nemorun("list", "tasks", "--json").json

    assert document["schema"] == "nemorun.tasks/1"
    assert document["errors"] == []
    assert document["tasks"][0] == {
        "id": "tasks/model.py::train",
        "name": "train",
        "file": "tasks/model.py",
        "line": 6,
        "tags": ["gpu", "slow"],
        "after": [],
        "inputs": [],
        "executors": [],
        "params": {
            "lr": {"default": 0.1, "type": "float", "required": False},
            "name": {"default": None, "type": "str", "required": True},
            "seed": {"default": 7, "type": "Any", "required": False},
        },
        "doc": document["tasks"][0]["doc"],
    }
    assert document["tasks"][0]["doc"].startswith("Train a network.")
    assert document["tasks"][1]["after"] == ["tasks/model.py::train"]


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (("-k", "train"), ["tasks/model.py::train"]),
        (("-k", "not train"), ["tasks/model.py::evaluate", "nemorun.toml::prepare"]),
        (("-m", "gpu"), ["tasks/model.py::train"]),
        (("tasks/model.py::evaluate",), ["tasks/model.py::evaluate"]),
        (
            ("tasks",),
            ["tasks/model.py::train", "tasks/model.py::evaluate", "nemorun.toml::prepare"],
        ),
        (("tasks", "tasks"), ["tasks/model.py::train", "tasks/model.py::evaluate"]),
        (("-e", "small"), ["tasks/model.py::evaluate"]),
    ],
    ids=["-k", "-k not", "-m", "node id", "the word tasks", "a directory called tasks", "-e"],
)
@pytest.mark.usefixtures("demo")
def test_tasks_are_selected(nemorun, args, ids):
    assert nemorun("list", "-q", *args).lines == ids


@pytest.mark.usefixtures("demo")
def test_a_selection_of_nothing_exits_5(nemorun):
    answer = nemorun("list", "-k", "trian")

    assert answer.code == 5
    assert "no task matches -k 'trian'; the nearest: train" in answer.err


@pytest.mark.usefixtures("demo")
def test_executors_are_listed_with_kind_and_file(nemorun):
    answer = nemorun("list", "executors")

    assert [line.split() for line in answer.lines] == [
        ["EXECUTOR", "KIND", "SOURCE", "FILE"],
        ["local", "local", "built-in"],
        ["small", "local", "profile", "nemorun.toml"],
        ["slurm_a", "slurm", "profile", "nemorun.toml"],
        ["big", "slurm", "factory", "tasks/executors.py"],
    ]


@pytest.mark.usefixtures("demo")
def test_the_executors_document_can_be_narrowed(nemorun):
    document = nemorun("list", "executors", "-e", "s*", "--json").json

    assert document == {
        "schema": "nemorun.executors/1",
        "executors": [
            {"name": "small", "kind": "local", "source": "profile", "file": "nemorun.toml"},
            {"name": "slurm_a", "kind": "slurm", "source": "profile", "file": "nemorun.toml"},
        ],
        "errors": [],
    }


@pytest.mark.usefixtures("demo")
def test_jobs_are_the_matrix_that_run_would_launch(nemorun):
    answer = nemorun("list", "jobs", "-k", "train", "-e", "small,slurm_a", "lr=0.1,0.2", "name=x")

    assert answer.lines == [
        "JOB",
        "train[lr=0.1,name=x]@small",
        "train[lr=0.1,name=x]@slurm_a",
        "train[lr=0.2,name=x]@small",
        "train[lr=0.2,name=x]@slurm_a",
    ]
    assert answer.err == "4 jobs\n"


@pytest.mark.usefixtures("demo")
def test_the_jobs_document_says_what_comes_after_what(nemorun):
    document = nemorun("list", "jobs", "-k", "train or evaluate", "-e", "small", "--json").json

    assert document["schema"] == "nemorun.jobs/1"
    assert [(job["id"], job["after"]) for job in document["jobs"]] == [
        ("train@small", []),
        ("evaluate@small", ["train@small"]),
    ]


@pytest.mark.usefixtures("demo")
def test_a_file_that_cannot_be_read_is_an_error_and_the_rest_is_listed(nemorun, write):
    write("tasks/broken.py", "import nemorun\n@nemorun.task\ndef broken(:\n")

    answer = nemorun("list", "-q")
    document = nemorun("list", "--json").json

    assert answer.code == 4
    assert "tasks/model.py::train" in answer.lines
    assert answer.err.startswith("error: tasks/broken.py:3: ")
    assert [(one["file"], one["line"]) for one in document["errors"]] == [("tasks/broken.py", 3)]
    assert len(document["tasks"]) == 3


def test_an_empty_project_is_no_error(nemorun):
    answer = nemorun("list")

    assert (answer.code, answer.out) == (0, "")
    assert "mark a function with @nemorun.task" in answer.err
    assert nemorun("list", "--json").json["tasks"] == []


@pytest.mark.usefixtures("demo")
def test_executors_take_no_tasks_to_select(nemorun):
    assert nemorun("list", "executors", "-k", "train").code == 4
