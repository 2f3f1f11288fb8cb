"""A package that is too large is refused before a byte of it is read."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.errors import UsageError
from nemorun_discover.executors.packagers import GitArchivePackager, HybridPackager, PatternPackager


def sparse(project, name, size):
    path = project.write(name)
    os.truncate(path, size)


def test_a_package_over_the_limit_names_its_ten_largest_files(repository):
    for number in range(12):
        sparse(repository, f"file-{number:02}", 20_000_000 * (number + 1))

    with pytest.raises(UsageError) as caught:
        repository.listing()

    message = caught.value.message
    assert message.startswith(
        "the package would have 1560.0 MB in 12 files, over its limit of 100 MB"
    )
    assert "the 10 largest are file-11 (240.0 MB), file-10 (220.0 MB)" in message
    assert "file-02 (60.0 MB)" in message
    assert "file-01" not in message
    assert ".nemorunignore" in caught.value.hint
    assert "size_limit_mb" in caught.value.hint


def test_a_limit_is_in_millions_of_bytes(repository):
    sparse(repository, "a", 1_000_000)
    packager = GitArchivePackager(size_limit_mb=1)
    fits = repository.listing(packager).size_bytes
    sparse(repository, "b", 1)

    with pytest.raises(UsageError, match=r"they are a \(1\.0 MB\), b \(1 B\)"):
        repository.listing(packager)

    assert fits == 1_000_000


def test_a_limit_of_nothing_is_no_limit(repository):
    sparse(repository, "a", 101_000_000)

    assert repository.listing(GitArchivePackager(size_limit_mb=0)).size_bytes == 101_000_000


def test_a_commit_over_the_limit_is_refused_by_what_git_says(repository):
    repository.write("a.bin", "x" * 2000)
    repository.commit()

    with pytest.raises(UsageError, match=r"a\.bin \(2000 B\)"):
        repository.listing(GitArchivePackager(ref="HEAD", size_limit_mb=0.001))


def test_the_outermost_limit_counts(project):
    sparse(project, "a", 3_000_000)
    inner = PatternPackager(include_pattern="a", size_limit_mb=1)

    allowed = project.listing(HybridPackager(sub_packagers={"code": inner}, size_limit_mb=4))
    with pytest.raises(UsageError, match="over its limit of 2 MB"):
        project.listing(HybridPackager(sub_packagers={"code": inner}, size_limit_mb=2))

    assert allowed.size_bytes == 3_000_000
