"""A GitArchivePackager takes the working tree as git sees it, and changes nothing in it."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    PatternPackager,
)
from nemorun_discover.packaging.packager import place_in
from tests.packaging.conftest import Project, git


def test_tracked_modified_and_untracked_files_travel_and_ignored_ones_do_not(repository):
    repository.write("tracked.py", "old")
    repository.write(".gitignore", "*.log\n")
    repository.commit()
    repository.write("tracked.py", "new")
    repository.write("untracked.py")
    repository.write("noise.log")

    listing = repository.listing()

    assert [entry.path for entry in listing.entries] == [".gitignore", "tracked.py", "untracked.py"]
    assert listing.entries[1].size == len("new")


def test_a_deleted_file_that_git_still_tracks_is_left_out(repository):
    repository.write("kept.py")
    repository.write("gone.py")
    repository.commit()
    (repository.root / "gone.py").unlink()

    assert repository.paths() == ["kept.py"]


def test_a_repository_without_a_commit_is_packaged(repository):
    repository.write("a.py")

    assert repository.paths() == ["a.py"]


def test_modes_and_links_are_kept(repository, laid_out):
    repository.write("run.sh", "#!/bin/sh\n", mode=0o755)
    repository.write("dir/a.py", "a")
    repository.link("dir/to-file", "a.py")
    repository.link("to-dir", "dir")
    repository.link("loop", "loop")
    repository.commit()

    out = laid_out(repository.listing())

    assert os.access(out / "run.sh", os.X_OK)
    assert not os.access(out / "dir" / "a.py", os.X_OK)
    assert {name: str((out / name).readlink()) for name in ("dir/to-file", "to-dir", "loop")} == {
        "dir/to-file": "a.py",
        "to-dir": "dir",
        "loop": "loop",
    }


@pytest.mark.parametrize(
    "name",
    [
        b"with space.py",
        b"with\nnewline.py",
        "ünïcode.py".encode(),
        b"\xff\xfe.py",
        b"-rf",
        b"tab\t.py",
    ],
    ids=["space", "newline", "unicode", "not-utf8", "option", "tab"],
)
def test_any_name_travels(repository, laid_out, name):
    gone, kept = repository.root / os.fsdecode(name), repository.root / os.fsdecode(b"kept-" + name)
    for path in (gone, kept):
        path.write_bytes(b"content")
    repository.git("add", "--all")
    gone.unlink()

    out = laid_out(repository.listing())

    assert [path.name for path in out.iterdir()] == [kept.name]


def test_bytes_travel_as_they_lie_in_the_tree_whatever_filters_say(repository, laid_out):
    repository.write(".gitattributes", "* text=auto eol=crlf\n*.up filter=up\n")
    repository.git("config", "filter.up.clean", "tr a-z A-Z")
    repository.git("config", "filter.up.smudge", "cat")
    (repository.root / "a.txt").write_bytes(b"one\ntwo\r\n")
    (repository.root / "b.up").write_bytes(b"lower")
    repository.commit()

    out = laid_out(repository.listing())

    assert (out / "a.txt").read_bytes() == b"one\ntwo\r\n"
    assert (out / "b.up").read_bytes() == b"lower"


@pytest.mark.parametrize(
    "packager",
    [
        GitArchivePackager(),
        GitArchivePackager(ref="HEAD"),
        GitArchivePackager(check_uncommitted_changes=False, include_pattern="*.log"),
        PatternPackager(include_pattern="**"),
        HybridPackager(
            sub_packagers={"a": GitArchivePackager(), "b": PatternPackager(include_pattern="**")}
        ),
    ],
    ids=["tree", "commit", "more", "pattern", "hybrid"],
)
def test_no_packager_changes_the_repository(repository, laid_out, tmp_path, packager):
    repository.write(".gitignore", "*.log\n")
    repository.write("a.py", "old")
    repository.write("noise.log")
    repository.commit()
    repository.write("a.py", "new")
    repository.write("dir/untracked.py")
    repository.link("link", "/nowhere")
    before = repository.state()

    laid_out(repository.listing(packager, cache_dir=tmp_path / "cache"))

    assert repository.state() == before


def test_the_callers_own_git_variables_do_not_lead_elsewhere(repository, tmp_path, monkeypatch):
    other = Project(tmp_path / "other")
    other.git("init", "--quiet")
    other.write("other.py")
    repository.write("a.py")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.root / ".git" / "index"))

    assert repository.paths() == ["a.py"]


def test_a_linked_worktree_is_packaged(repository, tmp_path):
    repository.write("a.py")
    repository.commit()
    linked = tmp_path / "linked"
    repository.git("worktree", "add", "--quiet", str(linked), "-b", "side")
    (linked / "b.py").write_text("b")
    repository.root = linked

    assert repository.paths() == ["a.py", "b.py"]


def test_a_project_in_a_folder_of_the_repository_brings_all_of_it(repository):
    repository.write("lib/b.py")
    repository.write("project/a.py")
    repository.root /= "project"

    listing = repository.listing()

    assert [entry.path for entry in listing.entries] == ["lib/b.py", "project/a.py"]
    assert place_in(listing, repository.root) == ("project", "")


def test_a_subpath_is_the_root_of_the_package(repository):
    repository.write("src/lib/a.py")
    repository.write("docs/b.md")

    listing = repository.listing(GitArchivePackager(subpath="src"))

    assert [entry.path for entry in listing.entries] == ["lib/a.py"]
    assert place_in(listing, repository.root) == ("", "src")


def test_a_basepath_names_another_repository(repository, tmp_path):
    other = Project(tmp_path / "other")
    other.git("init", "--quiet")
    other.write("lib.py")
    repository.write("a.py")

    listing = repository.listing(GitArchivePackager(basepath="../other"))

    assert [entry.path for entry in listing.entries] == ["lib.py"]
    with pytest.raises(UsageError, match="the project is not in the package"):
        place_in(listing, repository.root)


@pytest.mark.parametrize(
    ("packager", "message"),
    [
        (GitArchivePackager(subpath="nope"), "subpath = 'nope': there is no such directory"),
        (GitArchivePackager(subpath="a.py"), "subpath = 'a.py': there is no such directory"),
        (GitArchivePackager(subpath="../.."), "is outside of the repository"),
        (GitArchivePackager(subpath="out"), "is outside of the repository"),
        (GitArchivePackager(basepath="nope"), "basepath = 'nope': .*nope is not a directory"),
    ],
    ids=["missing", "file", "above", "link-out", "basepath"],
)
def test_a_directory_that_is_not_there_is_named(repository, packager, message):
    repository.write("a.py")
    repository.link("out", "/usr")

    with pytest.raises(ConfigError, match=message):
        repository.listing(packager)


def test_files_behind_a_link_that_replaced_their_folder_are_deleted_ones(repository, tmp_path):
    repository.write("a.py")
    repository.write("data/secret.txt", "inside")
    repository.commit()
    elsewhere = Project(tmp_path / "elsewhere")
    elsewhere.write("secret.txt", "outside")
    (repository.root / "data" / "secret.txt").unlink()
    (repository.root / "data").rmdir()
    repository.link("data", elsewhere.root)

    assert repository.paths() == ["a.py", "data"]


def test_a_folder_in_the_place_of_a_tracked_file_travels(repository):
    repository.write("a")
    repository.commit()
    (repository.root / "a").unlink()
    repository.write("a/b.py")

    assert repository.paths() == ["a/b.py"]


def test_a_link_out_of_the_package_travels_alone_and_is_told(repository):
    repository.write("dir/a.py")
    repository.link("data", "/mnt/x")
    repository.link("dir/up", "../../up")
    repository.link("dir/in", "../dir/a.py")

    listing = repository.listing()

    assert listing.notes == (
        "data -> /mnt/x leads out of the package; only the link travels",
        "dir/up -> ../../up leads out of the package; only the link travels",
    )


def test_many_links_out_of_the_package_are_told_in_few_words(repository):
    for number in range(9):
        repository.link(f"link-{number}", "/mnt/x")

    notes = repository.listing().notes

    assert len(notes) == 6
    assert notes[-1] == "4 more links lead out of the package"


def test_a_socket_does_not_travel_and_is_told(repository, monkeypatch):
    repository.write("a.py")
    repository.write("s")
    repository.commit()
    (repository.root / "s").unlink()
    monkeypatch.chdir(repository.root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        listing = repository.listing()

    assert [entry.path for entry in listing.entries] == ["a.py"]
    assert listing.notes == ("s is no file, link or directory, and does not travel",)


def test_a_merge_conflict_is_refused_naming_the_file(repository):
    repository.write("a.py", "base")
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "side")
    repository.write("a.py", "side")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("a.py", "main")
    repository.commit()
    repository.git("merge", "side", check=False)

    with pytest.raises(UsageError, match=r"there is a merge conflict in a\.py"):
        repository.listing()


def test_outside_of_a_repository_other_packagers_are_suggested(project):
    project.write("a.py")

    with pytest.raises(UsageError, match="is not in a git repository") as caught:
        project.listing()

    assert 'PatternPackager or packager = "none"' in caught.value.hint


def test_without_git_other_packagers_are_suggested(repository, tmp_path, monkeypatch):
    repository.write("a.py")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UsageError, match="git cannot be started") as caught:
        repository.listing()

    assert "PatternPackager" in caught.value.hint


def test_a_bare_repository_is_refused(repository, tmp_path):
    repository.write("a.py")
    repository.commit()
    git(tmp_path, "clone", "--quiet", "--bare", str(repository.root), "bare")
    repository.root = tmp_path / "bare"

    with pytest.raises(UsageError, match="is a bare repository"):
        repository.listing()


def test_a_repository_of_another_user_is_refused_with_the_command_that_trusts_it(
    repository, monkeypatch
):
    repository.write("a.py")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(UsageError, match="belongs to another user") as caught:
        repository.listing()

    assert f"safe.directory {repository.root}" in caught.value.hint


def test_an_empty_package_is_refused(repository):
    with pytest.raises(UsageError, match="there is no file to package"):
        repository.listing()


@pytest.mark.usefixtures("permissions_hold")
def test_an_unreadable_file_is_named(repository):
    repository.write("a.py")
    repository.write("secret.py", mode=0)

    with pytest.raises(UsageError, match=r"secret.py: cannot be read \(Permission denied\)"):
        repository.listing()


def without_privileges(monkeypatch, folder):
    """From now on the real git runs without what root has over other users."""
    folder.mkdir()
    script = folder / "git"
    script.write_text(
        "#!/bin/sh\nexec setpriv --bounding-set=-all --inh-caps=-all "
        f'"{shutil.which("git")}" "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.mark.usefixtures("permissions_hold")
def test_an_unreadable_folder_is_left_out_and_told(repository, tmp_path, monkeypatch):
    repository.write("a.py")
    repository.write("db/x")
    (repository.root / "db").chmod(0)
    if os.geteuid() == 0:
        without_privileges(monkeypatch, tmp_path / "bin")

    listing = repository.listing()
    (repository.root / "db").chmod(0o700)

    assert [entry.path for entry in listing.entries] == ["a.py"]
    assert "db/': Permission denied: what lies there does not travel" in listing.notes[0]


def test_uncommitted_changes_are_refused_when_asked_for(repository):
    repository.write("a.py")
    repository.commit()
    packager = GitArchivePackager(check_uncommitted_changes=True)
    clean = repository.paths(packager)
    repository.write("a.py", "new")

    with pytest.raises(UsageError, match=r"there are uncommitted changes in a\.py"):
        repository.listing(packager)

    assert clean == ["a.py"]


def test_untracked_files_are_refused_when_asked_for(repository):
    repository.write("a.py")
    repository.commit()
    packager = GitArchivePackager(check_untracked_files=True)
    clean = repository.paths(packager)
    for number in range(5):
        repository.write(f"new-{number}.py")

    with pytest.raises(UsageError, match=r"new-0.py, new-1.py, new-2.py and 2 more"):
        repository.listing(packager)

    assert clean == ["a.py"]


def test_a_folder_that_is_to_be_left_out_does_not_travel(repository):
    repository.write("a.py")
    repository.write("runs/record.json")

    assert repository.paths(leave_out=[repository.root / "runs"]) == ["a.py"]
