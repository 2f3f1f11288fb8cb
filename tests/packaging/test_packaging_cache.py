"""What is known of files saves reading them, and is never believed where it could be wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager

ALL = PatternPackager(include_pattern="**")
LARGE = 20_000_000


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "caches" / "nemorun"


def bytes_read():
    """All that this process has read so far (proc(5), rchar)."""
    return int(Path("/proc/self/io").read_text().split()[1])


def wait_until_old():
    """A file that was written in the last tenth of a second is read again."""
    time.sleep(0.2)


@pytest.fixture
def large(repository, cache):
    """A repository with a large file and a small one, which was listed once."""
    repository.write("large.bin", "x" * LARGE)
    repository.write("small.py", "old")
    repository.commit()
    wait_until_old()
    repository.listing(cache_dir=cache)
    return repository


@pytest.mark.parametrize(
    "packager",
    [GitArchivePackager(), ALL, GitArchivePackager(ref="HEAD")],
    ids=["git", "pattern", "commit"],
)
def test_an_unchanged_file_is_not_read_again(large, cache, packager):
    first = large.listing(packager, cache_dir=cache)
    before = bytes_read()

    second = large.listing(packager, cache_dir=cache)

    assert bytes_read() - before < LARGE / 10
    assert (second.digest, second.entries) == (first.digest, first.entries)


def test_a_changed_file_costs_its_own_size(large, cache):
    large.write("small.py", "new")
    before = bytes_read()

    changed = large.listing(cache_dir=cache)

    assert bytes_read() - before < LARGE / 10
    assert changed.digest == large.listing().digest


def test_what_is_known_is_right(large, cache):
    assert large.listing(cache_dir=cache).entries == large.listing().entries


def test_a_file_that_was_written_again_at_once_is_noticed(project, cache):
    digests = []
    for number in range(200):
        (project.root / "a.py").write_text(f"{number:03}")
        digests.append(project.listing(ALL, cache_dir=cache).digest)

    assert len(set(digests)) == 200


def test_a_file_that_could_be_written_again_without_a_trace_is_not_remembered(project, cache):
    for _ in range(100):
        started = time.time()
        (project.root / "young.py").write_text("x")
        project.listing(ALL, cache_dir=cache)
        if time.time() - started < 0.1:
            break

    (file,) = cache.iterdir()
    assert b"young.py" not in file.read_bytes()


def test_a_change_is_noticed_although_the_time_was_set_back(project, cache):
    path = project.write("a.py", "old")
    os.utime(path, (1, 1))
    wait_until_old()
    before = project.listing(ALL, cache_dir=cache).digest
    project.write("a.py", "new")
    os.utime(path, (1, 1))

    assert project.listing(ALL, cache_dir=cache).digest != before


def test_another_mode_is_noticed(project, cache):
    path = project.write("a.sh", "x")
    wait_until_old()
    project.listing(ALL, cache_dir=cache)
    path.chmod(0o755)

    assert project.listing(ALL, cache_dir=cache).entries[0].mode == "exec"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[: len(data) // 2],
        lambda data: data[:20],
        lambda data: data[:-1] + b"x",
        lambda data: data.replace(b"hashes/1", b"hashes/2"),
        lambda data: bytes(255 for _ in data),
    ],
    ids=["empty", "half", "head", "flipped", "newer", "noise"],
)
def test_a_damaged_cache_is_an_empty_one(project, cache, damage):
    project.write("a.py", "x")
    project.write("b.py", "y")
    wait_until_old()
    before = project.listing(ALL, cache_dir=cache)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.write_bytes(damage(content))

    after = project.listing(ALL, cache_dir=cache)

    assert after.entries == before.entries
    assert file.read_bytes() == content


@pytest.mark.usefixtures("permissions_hold")
def test_a_cache_that_cannot_be_written_is_done_without(project, cache):
    project.write("a.py", "x")
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    wait_until_old()

    assert project.listing(ALL, cache_dir=cache).entries == project.listing(ALL).entries
    assert list(cache.iterdir()) == []


def test_files_that_are_gone_are_forgotten(project, cache):
    for name in ("a.py", "b.py", "c.py"):
        project.write(name)
    wait_until_old()
    project.listing(ALL, cache_dir=cache)
    (project.root / "b.py").unlink()
    project.write("d.py")
    wait_until_old()

    project.listing(ALL, cache_dir=cache)

    (file,) = cache.iterdir()
    assert b"a.py" in file.read_bytes()
    assert b"b.py" not in file.read_bytes()
