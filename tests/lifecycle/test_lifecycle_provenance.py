"""The state of the code as git sees it, and who started what with which versions."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nemorun_discover.lifecycle.provenance import (
    LARGEST_DIFF,
    changed_between,
    diff_between,
    git_state,
    interpreter,
    user_name,
    versions,
)
from nemorun_discover.version import __version__


class Repository:
    def __init__(self, root):
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        command = ["git", "-c", "user.name=me", "-c", "user.email=me@example.org"]
        command += ["-c", "protocol.file.allow=always"]
        return subprocess.run(
            [*command, *arguments], cwd=self.root, capture_output=True, text=True, check=True
        ).stdout.strip()

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, name="a.py", text="one\n"):
        self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD")

    def state(self):
        return git_state(self.root)


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "re po")


def test_where_there_is_no_repository_there_is_no_state(tmp_path):
    assert git_state(tmp_path) is None


def test_where_there_is_no_directory_there_is_no_state(tmp_path):
    assert git_state(tmp_path / "gone") is None


def test_without_git_there_is_no_state(repository, monkeypatch, tmp_path):
    repository.commit()
    monkeypatch.setenv("PATH", str(tmp_path))

    assert repository.state() is None


def test_a_clean_repository_has_its_commit_and_branch(repository):
    commit = repository.commit()

    state = repository.state()

    assert (state.commit, state.branch, state.dirty) == (commit, "main", False)
    assert (state.diff, state.diff_is_cut, state.untracked) == ("", False, ())


def test_before_the_first_commit_there_is_none(repository):
    state = repository.state()

    assert (state.commit, state.branch, state.dirty, state.diff) == (None, "main", False, "")


def test_a_file_staged_before_the_first_commit_is_a_change(repository):
    repository.write("a.py", "one\n")
    repository.git("add", "a.py")

    state = repository.state()

    assert (state.commit, state.dirty, state.untracked) == (None, True, ())


def test_a_detached_head_has_no_branch(repository):
    commit = repository.commit()
    repository.git("checkout", "--quiet", "--detach")

    assert (repository.state().commit, repository.state().branch) == (commit, None)


def test_a_changed_file_is_in_the_diff_staged_or_not(repository):
    repository.commit("a.py")
    repository.commit("b.py")
    repository.write("a.py", "two\n")
    repository.write("b.py", "three\n")
    repository.git("add", "b.py")

    state = repository.state()

    assert state.dirty
    assert "-one\n+two\n" in state.diff
    assert "-one\n+three\n" in state.diff


def test_the_diff_brings_the_files_back(repository, tmp_path):
    repository.commit("a.py", "one\ntwo\n")
    repository.write("a.py", "one\né\n")
    repository.git("config", "diff.noprefix", "true")
    repository.git("config", "diff.mnemonicPrefix", "true")
    repository.git("config", "color.ui", "always")
    repository.git("config", "diff.external", "false")

    (tmp_path / "patch").write_text(repository.state().diff)
    repository.git("checkout", "--quiet", "a.py")
    repository.git("apply", str(tmp_path / "patch"))

    assert (repository.root / "a.py").read_text() == "one\né\n"


def test_a_deleted_file_is_a_change(repository):
    repository.commit()
    (repository.root / "a.py").unlink()

    assert "deleted file" in repository.state().diff


def test_an_untracked_file_is_named_and_an_ignored_one_is_not(repository):
    repository.commit(".gitignore", "*.log\n")
    repository.write("new.py", "")
    repository.write("x.log", "")

    state = repository.state()

    assert (state.dirty, state.untracked, state.diff) == (True, ("new.py",), "")


def test_a_folder_of_untracked_files_is_named_once(repository):
    repository.commit()
    repository.write("data/a", "")
    repository.write("data/b", "")

    assert repository.state().untracked == ("data/",)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (b"with space", "with space"),
        (b"with\nnewline", "with\nnewline"),
        (b"? question", "? question"),
        (b"# branch.oid fake", "# branch.oid fake"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("größe".encode(), "größe"),
    ],
    ids=["space", "newline", "question", "header", "bytes", "umlaut"],
)
def test_a_file_of_any_name_is_told(repository, name, told):
    commit = repository.commit()
    with open(os.fsencode(repository.root) + b"/" + name, "wb"):  # noqa: PTH123 - a name in bytes
        pass

    state = repository.state()

    assert state.untracked == (told,)
    assert state.commit == commit


def test_the_old_name_of_a_renamed_file_is_taken_for_nothing_else(repository):
    commit = repository.commit("? untracked", "a long enough text\n" * 9)
    repository.git("mv", "? untracked", "# branch.head fake")
    repository.git("mv", "# branch.head fake", "new")

    state = repository.state()

    assert (state.commit, state.branch, state.untracked) == (commit, "main", ())
    assert "rename from ? untracked" in state.diff


def test_a_project_in_a_folder_of_a_repository_has_the_repositorys_state(repository):
    commit = repository.commit("project/a.py")
    repository.write("beside.py", "")

    state = git_state(repository.root / "project")

    assert (state.commit, state.untracked) == (commit, ("beside.py",))


def test_a_change_in_a_submodule_is_a_change(repository, tmp_path):
    library = Repository(tmp_path / "library")
    library.commit("lib.py")
    repository.commit()
    repository.git("submodule", "--quiet", "add", str(library.root), "lib")
    repository.git("commit", "--quiet", "--message=submodule")
    clean = repository.state()

    repository.write("lib/lib.py", "two\n")

    dirty = repository.state()
    assert (clean.dirty, dirty.dirty) == (False, True)
    assert "Subproject commit" in dirty.diff
    assert "-dirty" in dirty.diff


def test_a_large_diff_is_cut_and_says_so(repository):
    repository.commit("a.py", "")
    repository.write("a.py", "é" * 3_000_000)

    state = repository.state()

    assert state.diff_is_cut
    assert state.diff.startswith("diff --git a/a.py b/a.py")
    assert LARGEST_DIFF - 2 <= len(state.diff.encode()) <= LARGEST_DIFF + 2


def test_a_diff_of_just_the_largest_size_is_whole(repository):
    repository.commit("a.py", "")
    repository.write("a.py", "x" * 1000)
    around = len(repository.state().diff.encode()) - 1000
    repository.write("a.py", "x" * (LARGEST_DIFF - around))

    state = repository.state()

    assert not state.diff_is_cut
    assert len(state.diff.encode()) == LARGEST_DIFF


def test_a_binary_change_is_no_text(repository):
    repository.commit("a.bin", "\0one")
    repository.write("a.bin", "\0two")

    assert "Binary files" in repository.state().diff


def test_the_index_is_not_touched(repository):
    repository.commit()
    index = repository.root / ".git" / "index"
    # Equal content with another time: `git status` would refresh the index for it.
    os.utime(repository.root / "a.py", (1, 1))
    before = (index.stat().st_mtime_ns, index.read_bytes())

    state = repository.state()

    assert not state.dirty
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before
    assert sorted(one.name for one in repository.root.iterdir()) == [".git", "a.py"]


def test_versions_are_those_of_this_process():
    told = versions()

    assert told["nemorun"] == __version__
    assert told["python"] == sys.version.split()[0]
    assert os.uname().sysname in told["platform"]


def test_the_user_is_the_one_who_is_logged_in(monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")

    assert user_name() == "ada"


def test_a_user_without_a_name_is_told_by_number():
    program = (
        "import os, pwd; from nemorun_discover.lifecycle.provenance import user_name;"
        "os.setuid(54321) if os.getuid() == 0 else None; print(user_name())"
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("LOGNAME", "USER", "LNAME", "USERNAME")
    }

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()

    assert answer == ("54321" if os.getuid() == 0 else user_name())


def test_the_interpreter_is_this_one_with_what_is_installed():
    found = interpreter()

    assert found.version == versions()["python"]
    assert found.executable == sys.executable
    assert found.installed["pytest"] == pytest.__version__
    assert list(found.installed) == sorted(found.installed)


def test_distributions_are_read_from_the_names_of_folders(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (
        first / "typing_extensions-4.12.2.dist-info",
        first / "Old.Style-1.0-py3.11.egg-info",
        first / "linked.egg-info",
        first / "package",
        second / "typing_extensions-3.0.dist-info",
        second / "numpy-2.0.0rc1+local.dist-info",
    ):
        folder.mkdir(parents=True)

    found = interpreter([str(first), str(tmp_path / "gone"), str(second)])

    assert found.installed == {
        "typing-extensions": "4.12.2",
        "old-style": "1.0",
        "linked": "",
        "numpy": "2.0.0rc1+local",
    }


def test_files_that_changed_between_commits_are_told_by_path(repository):
    repository.write("b.py", "kept\n")
    repository.write("gone.py", "gone\n")
    before = repository.commit("a.py", "one\n")
    (repository.root / "gone.py").unlink()
    repository.write("néw file.py", "new\n")
    after = repository.commit("a.py", "two\n")

    found = changed_between(repository.root, before, after)

    assert found == {"a.py": "changed", "gone.py": "removed", "néw file.py": "added"}
    assert "-one\n+two\n" in diff_between(repository.root, before, after)


def test_commits_that_git_does_not_know_tell_nothing(repository):
    commit = repository.commit()

    assert changed_between(repository.root, "0" * 40, commit) is None
    assert diff_between(repository.root, "0" * 40, commit) == ""


@pytest.mark.parametrize("is_beside_a_tracked_one", [True, False], ids=["some tracked", "none"])
def test_bytecode_that_a_job_left_is_no_change(repository, is_beside_a_tracked_one):
    repository.commit()
    if is_beside_a_tracked_one:
        repository.commit("src/__pycache__/old.pyc", "")
    repository.commit("src/a.py", "")
    repository.write("src/__pycache__/a.pyc", "")

    state = repository.state()

    assert (state.dirty, state.untracked) == (False, ())
