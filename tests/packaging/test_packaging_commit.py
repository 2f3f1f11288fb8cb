"""With a ref, the commit travels and the working tree does not matter."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import GitArchivePackager

AT_HEAD = GitArchivePackager(ref="HEAD")


def test_a_commit_travels_as_it_was_committed(repository, laid_out):
    repository.write("a.py", "committed")
    repository.write("run.sh", "#!/bin/sh\n", mode=0o755)
    repository.link("link", "a.py")
    repository.write("gone.py", "gone")
    repository.commit()
    repository.write("a.py", "changed")
    repository.write("untracked.py")
    (repository.root / "gone.py").unlink()

    out = laid_out(repository.listing(AT_HEAD))

    assert sorted(path.name for path in out.iterdir()) == ["a.py", "gone.py", "link", "run.sh"]
    assert (out / "a.py").read_text() == "committed"
    assert str((out / "link").readlink()) == "a.py"
    assert os.access(out / "run.sh", os.X_OK)


def test_a_clean_tree_and_its_commit_are_one_package(repository):
    repository.write("a.py")
    repository.write("dir/run.sh", mode=0o755)
    repository.link("link", "a.py")
    repository.commit()

    assert repository.listing(AT_HEAD).digest == repository.listing().digest


@pytest.mark.parametrize("word", ["v1", "side", "commit"])
def test_tags_branches_and_commits_are_refs(repository, word):
    repository.write("old.py")
    commit = repository.commit()
    repository.git("tag", "--annotate", "v1", "--message=x")
    repository.git("branch", "side")
    repository.write("new.py")
    repository.commit()

    packager = GitArchivePackager(ref=commit[:10] if word == "commit" else word)

    assert repository.paths(packager) == ["old.py"]


@pytest.mark.parametrize("ref", ["mian", "--all"], ids=["misspelt", "option"])
def test_an_unknown_ref_is_an_error(repository, ref):
    repository.write("a.py")
    repository.commit()

    with pytest.raises(ConfigError, match=f"ref = '{ref}': .* has no such commit, branch or tag"):
        repository.listing(GitArchivePackager(ref=ref))


def test_near_branches_and_tags_are_suggested(repository):
    repository.write("a.py")
    repository.commit()

    with pytest.raises(ConfigError, match="did you mean main"):
        repository.listing(GitArchivePackager(ref="mian"))


def test_a_repository_without_a_commit_has_no_ref(repository):
    repository.write("a.py")

    with pytest.raises(ConfigError, match="has no commit yet"):
        repository.listing(AT_HEAD)


def test_a_subpath_is_looked_for_in_the_commit(repository):
    repository.write("src/a.py")
    repository.write("docs/b.md")
    repository.commit()
    repository.git("rm", "-r", "--quiet", "src")
    repository.write("late/c.py")

    packager = GitArchivePackager(ref="HEAD", subpath="src")

    assert repository.paths(packager) == ["a.py"]
    with pytest.raises(ConfigError, match="subpath = 'late': there is no such directory in HEAD"):
        repository.listing(GitArchivePackager(ref="HEAD", subpath="late"))


def test_the_committed_ignore_file_counts(repository):
    repository.write(".nemorunignore", "*.md\n")
    repository.write("a.py")
    repository.write("b.md")
    repository.commit()
    repository.write(".nemorunignore", "*.py\n")

    assert repository.paths(AT_HEAD) == [".nemorunignore", "a.py"]


def test_pointers_of_git_lfs_are_told(repository):
    repository.write(".gitattributes", "*.bin filter=lfs -text\n")
    repository.write("a.py")
    repository.commit()

    assert "travels as pointers with ref = 'HEAD'" in repository.listing(AT_HEAD).notes[0]
    assert repository.listing().notes == ()


def test_an_unchanged_commit_reads_no_blob(repository, tmp_path):
    repository.write("a.py")
    repository.commit()
    first = repository.listing(AT_HEAD, cache_dir=tmp_path / "cache")
    blob = repository.git("rev-parse", "HEAD:a.py")
    content = repository.root / ".git" / "objects" / blob[:2] / blob[2:]
    content.chmod(0o600)
    # The header of the object still tells its size; its content cannot be read any more.
    content.write_bytes(content.read_bytes()[:-4])

    second = repository.listing(AT_HEAD, cache_dir=tmp_path / "cache")

    assert second.digest == first.digest


def test_an_object_that_git_has_lost_is_named(repository):
    repository.write("a.py")
    repository.commit()
    listing = repository.listing(AT_HEAD)
    blob = listing.sources[0].blob
    (repository.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(UsageError, match=f"git has no content for the object {blob}"):
        repository.listing(AT_HEAD)
