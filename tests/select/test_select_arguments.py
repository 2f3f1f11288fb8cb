from __future__ import annotations

import pytest

from nemorun_discover.discovery.arguments import Assignment, NodeId, parse_set, split_arguments
from nemorun_discover.errors import UsageError


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "my project"
    (root / "tasks" / "sub").mkdir(parents=True)
    for name in ("tasks/train.py", "tasks/sub/eval.py", "nemorun.toml", "tasks/a@b.py", "lr=1"):
        (root / name).touch()
    return root


@pytest.fixture
def split(project):
    def call(*words, cwd="."):
        return split_arguments(words, root=project, cwd=project / cwd)

    return call


@pytest.mark.parametrize(
    ("word", "cwd", "expected"),
    [
        ("tasks", ".", "tasks"),
        ("tasks/", ".", "tasks"),
        ("./tasks/train.py", ".", "tasks/train.py"),
        (".", ".", "."),
        (".", "tasks", "tasks"),
        ("..", "tasks", "."),
        ("eval.py", "tasks/sub", "tasks/sub/eval.py"),
        ("../train.py", "tasks/sub", "tasks/train.py"),
        ("tasks/a@b.py", ".", "tasks/a@b.py"),
        ("./lr=1", ".", "lr=1"),
    ],
    ids=str,
)
def test_a_path_becomes_relative_to_the_root(split, word, cwd, expected):
    found = split(word, cwd=cwd)

    assert found.paths == (expected,)
    assert not found.node_ids
    assert not found.assignments


def test_an_absolute_path_becomes_relative_to_the_root(split, project):
    found = split(str(project / "tasks" / "train.py"))

    assert found.paths == ("tasks/train.py",)


def test_a_path_through_a_symbolic_link_to_the_root_is_inside(split, project, tmp_path):
    (tmp_path / "link").symlink_to(project)

    found = split(str(tmp_path / "link" / "tasks"))

    assert found.paths == ("tasks",)


def test_a_path_outside_the_root_is_refused(split):
    with pytest.raises(UsageError, match=r"'\.\.' lies outside the project"):
        split("..")


@pytest.mark.parametrize(
    ("word", "cwd", "expected"),
    [
        ("tasks/train.py::train", ".", {"file": "tasks/train.py"}),
        ("train.py::train", "tasks", {"file": "tasks/train.py"}),
        ("tasks/train.py::train", "tasks", {"file": "tasks/train.py"}),
        ("tasks/train.py::train[lr=0.1]", ".", {"file": "tasks/train.py", "label": "lr=0.1"}),
        (
            "tasks/train.py::train[lr=0.1,seed=1]@local",
            ".",
            {"file": "tasks/train.py", "label": "lr=0.1,seed=1", "executor": "local"},
        ),
        ("tasks/train.py::train@local", ".", {"file": "tasks/train.py", "executor": "local"}),
        ("tasks/a@b.py::train", ".", {"file": "tasks/a@b.py"}),
        ("nemorun.toml::train", ".", {"file": "nemorun.toml"}),
        ("train[lr=0.1]", ".", {"label": "lr=0.1"}),
        ("train@local", ".", {"executor": "local"}),
        ("train[lr=0.1]@local", ".", {"label": "lr=0.1", "executor": "local"}),
    ],
    ids=str,
)
def test_a_node_id_or_job_id_is_taken_apart(split, word, cwd, expected):
    found = split(word, cwd=cwd)

    assert found.node_ids == (NodeId(text=word, name="train", **expected),)


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "",
        "a=b",
        "a::b",
        "a b",
        "'",
        "a\nb",
        ";",
        "$HOME",
        "\N{FIRE}",
        "[1,2]",
        "x" * 10_000,
        "@f",
        "1,2",
    ],
    ids=lambda text: text[:9],
)
def test_whatever_follows_an_identifier_and_an_equals_sign_is_a_value(split, text):
    found = split(f"lr={text}")

    assert found.assignments == (Assignment(name="lr", text=text),)


def test_a_parameter_given_twice_is_refused(split):
    with pytest.raises(UsageError, match=r"lr is given twice: 'lr=1' and 'lr=2'") as caught:
        split("lr=1", "lr=2")

    assert caught.value.hint == "give it once; a sweep is a list: lr=A,B"


def test_a_bare_word_points_to_the_option_that_selects_by_name(split):
    with pytest.raises(UsageError) as caught:
        split("train")

    assert caught.value.message == "no file or directory 'train'; to select by name use -k train"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "no file or directory ''"),
        ("tasks/trian.py", "no file or directory 'tasks/trian.py'"),
        ("a b", "no file or directory 'a b'"),
        ("x\0y", "no file or directory 'x\\x00y'"),
        ("x" * 10_000, "no file or directory 'xxx"),
        ("tasks/trian.py::train", "no file 'tasks/trian.py', as in 'tasks/trian.py::train'"),
        ("::train", "no file '', as in '::train'"),
        ("tasks/train.py::", "no file or directory 'tasks/train.py::'"),
        ("train[lr", "no file or directory 'train[lr'"),
        ("model.lr=1", "'model.lr' is not the name of a parameter, as in 'model.lr=1'"),
    ],
    ids=lambda text: text[:22],
)
def test_a_word_that_is_none_of_these_is_refused(split, word, message):
    with pytest.raises(UsageError) as caught:
        split(word)

    assert caught.value.message.startswith(message)


def test_an_argument_file_holds_one_argument_a_line(split, project):
    text = "# a comment\n\n  tasks/train.py\r\nlr=1,2\nnote=a # b\u2028c \n"
    (project / "args.txt").write_bytes(text.encode().replace(b"\r", b""))

    found = split("@args.txt", "seed=1")

    assert found.paths == ("tasks/train.py",)
    assert [(one.name, one.text) for one in found.assignments] == [
        ("lr", "1,2"),
        ("note", "a # b\u2028c "),
        ("seed", "1"),
    ]


def test_a_nested_argument_file_is_refused(split, project):
    (project / "args.txt").write_text("@other.txt\n")

    with pytest.raises(UsageError, match=r"@args\.txt names another argument file, @other\.txt"):
        split("@args.txt")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not UTF-8"])
def test_an_argument_file_that_cannot_be_read_is_named(split, project, content):
    if content:
        (project / "args.txt").write_bytes(content)

    with pytest.raises(UsageError, match=r"the argument file 'args\.txt' cannot be read: "):
        split("@args.txt")


@pytest.mark.parametrize(
    ("word", "task", "name", "text"),
    [
        ("train.lr=1", "train", "lr", "1"),
        ("my.task.lr=a=b.c", "my.task", "lr", "a=b.c"),
        ("tasks/train.py::train.lr=", "tasks/train.py::train", "lr", ""),
    ],
    ids=str,
)
def test_set_names_a_task_and_a_parameter(word, task, name, text):
    assert parse_set([word]) == (Assignment(task=task, name=name, text=text),)


@pytest.mark.parametrize(
    "word", ["lr=1", "train.lr", "train.=1", ".lr=1", "train.l-r=1", ""], ids=str
)
def test_set_of_another_form_is_refused(word):
    with pytest.raises(UsageError, match=r"^--set .* is not of the form task\.key=value$"):
        parse_set([word])


def test_set_of_one_parameter_twice_is_refused():
    with pytest.raises(UsageError, match=r"lr is given twice: '--set train\.lr=1'"):
        parse_set(["train.lr=1", "train.lr=1"])
