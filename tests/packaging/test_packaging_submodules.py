"""Submodules travel as they are checked out, or as the commit names them."""

from __future__ import annotations

import shutil

import pytest

from nemorun_discover.errors import UsageError
from nemorun_discover.executors.packagers import GitArchivePackager
from tests.packaging.conftest import Project


@pytest.fixture
def with_submodule(repository, tmp_path):
    """A repository with the submodule `sub`, which has the submodule `deep`."""
    deep = Project(tmp_path / "deep")
    deep.git("init", "--quiet")
    deep.write("deep.py")
    deep.commit()
    library = Project(tmp_path / "library")
    library.git("init", "--quiet")
    library.write(".gitignore", "*.log\n")
    library.write("lib.py", "committed")
    library.git("submodule", "--quiet", "add", str(deep.root), "deep")
    library.commit()
    repository.write("a.py")
    repository.git("submodule", "--quiet", "add", str(library.root), "sub")
    repository.git("submodule", "--quiet", "update", "--init", "--recursive")
    repository.commit()
    return repository


_SUBMODULE = ["sub/.gitignore", "sub/.gitmodules", "sub/deep/deep.py", "sub/lib.py"]


@pytest.mark.parametrize("ref", [None, "HEAD"], ids=["tree", "commit"])
def test_files_of_submodules_travel_however_deep(with_submodule, ref):
    packager = GitArchivePackager(ref=ref)

    assert with_submodule.paths(packager) == [".gitmodules", "a.py", *_SUBMODULE]


@pytest.mark.parametrize("ref", [None, "HEAD"], ids=["tree", "commit"])
def test_submodules_can_be_left_out(with_submodule, ref):
    packager = GitArchivePackager(ref=ref, include_submodules=False)

    assert with_submodule.paths(packager) == [".gitmodules", "a.py"]


def test_what_is_new_in_a_submodule_travels_by_its_own_rules(with_submodule, laid_out):
    with_submodule.write("sub/lib.py", "changed")
    with_submodule.write("sub/new.py")
    with_submodule.write("sub/noise.log")

    out = laid_out(with_submodule.listing())

    assert (out / "sub" / "lib.py").read_text() == "changed"
    assert (out / "sub" / "new.py").exists()
    assert not (out / "sub" / "noise.log").exists()


def test_a_commit_takes_the_submodules_commit_that_it_names(with_submodule, laid_out):
    with_submodule.write("sub/lib.py", "later")
    with_submodule.git("-C", "sub", "commit", "--quiet", "--all", "--message=later")

    out = laid_out(with_submodule.listing(GitArchivePackager(ref="HEAD")))

    assert (out / "sub" / "lib.py").read_text() == "committed"


@pytest.mark.parametrize("ref", [None, "HEAD"], ids=["tree", "commit"])
def test_a_submodule_that_is_not_checked_out_is_named_with_the_command(with_submodule, ref):
    with_submodule.git("submodule", "--quiet", "deinit", "--force", "sub")

    with pytest.raises(UsageError, match=r"sub: this submodule of .* is not checked out") as caught:
        with_submodule.listing(GitArchivePackager(ref=ref))

    assert "git submodule update --init sub" in caught.value.hint


def test_a_submodule_that_never_travels_need_not_be_checked_out(with_submodule):
    with_submodule.git("submodule", "--quiet", "deinit", "--force", "sub")
    with_submodule.write(".nemorunignore", "/sub/\n")

    assert with_submodule.paths() == [".gitmodules", ".nemorunignore", "a.py"]


def test_a_commit_that_the_submodule_does_not_have_is_named(with_submodule):
    with_submodule.git("update-index", "--cacheinfo", f"160000,{'1' * 40},sub")
    with_submodule.git("commit", "--quiet", "--message=broken")

    with pytest.raises(UsageError, match=r"sub: .* does not have commit 111111111111"):
        with_submodule.listing(GitArchivePackager(ref="HEAD"))


def test_the_outer_ignore_file_holds_in_submodules(with_submodule):
    with_submodule.write(".nemorunignore", "lib.py\n")

    assert "sub/lib.py" not in with_submodule.paths()


def test_a_subpath_may_lie_in_a_submodule(with_submodule):
    assert with_submodule.paths(GitArchivePackager(subpath="sub/deep")) == ["deep.py"]


def test_a_repository_in_the_repository_travels_and_is_told(repository):
    nested = Project(repository.root / "nested")
    nested.git("init", "--quiet")
    nested.write("n.py")
    nested.commit()
    repository.write("a.py")

    listing = repository.listing()
    without = repository.listing(GitArchivePackager(include_submodules=False))

    assert [entry.path for entry in listing.entries] == ["a.py", "nested/n.py"]
    assert listing.notes == ("nested is a repository of its own; it travels as a submodule does",)
    assert [entry.path for entry in without.entries] == ["a.py"]
    assert without.notes == ("nested is a repository of its own and does not travel",)


def test_a_deleted_submodule_is_not_taken_for_the_outer_repository(with_submodule):
    shutil.rmtree(with_submodule.root / "sub")
    (with_submodule.root / "sub").mkdir()

    with pytest.raises(UsageError, match="is not checked out"):
        with_submodule.listing()
