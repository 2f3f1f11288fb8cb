from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import pytest

from nemorun_discover.discovery.filescan import Computed
from nemorun_discover.discovery.read import read_file
from nemorun_discover.discovery.scan_codec import decode_scan, encode_scan

if TYPE_CHECKING:
    from pathlib import Path

    from nemorun_discover.model.task import Collection
    from tests.discovery.conftest import Project

COUNT = 20


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home" / "cache"


@pytest.fixture
def many(project: Project) -> Project:
    for number in range(COUNT):
        project.write(f"m{number:02d}.py", f"import nemorun\n@nemorun.task\ndef f{number}(): ...\n")
    return project


def forge(cache: Path, old: bytes, new: bytes) -> None:
    """Change what the cache says, to see whether it is asked."""
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes().replace(old, new))


def names(found: Collection) -> list[str]:
    return [task.name for task in found.tasks]


def test_what_was_read_once_comes_from_the_cache(many: Project, cache: Path):
    first = many.collect(cache_dir=cache)
    second = many.collect(cache_dir=cache)
    forge(cache, b'"f7"', b'"cached"')

    assert second == first
    assert "cached" in names(many.collect(cache_dir=cache))


def test_a_changed_file_is_read_again_even_with_its_old_time_and_size(many: Project, cache: Path):
    path = many.root / "m03.py"
    many.collect(cache_dir=cache)
    before = path.stat()
    many.write("m03.py", path.read_bytes().replace(b"f3", b"g3"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "g3" in names(many.collect(cache_dir=cache))


def test_the_same_bytes_under_another_name_are_that_files_tasks(many: Project, cache: Path):
    many.collect(cache_dir=cache)
    (many.root / "m03.py").rename(many.root / "renamed.py")

    ids = [task.id for task in many.collect(cache_dir=cache).tasks]

    assert ids[-1] == "renamed.py::f3"


def test_the_same_bytes_as_executors_file_are_factories(many: Project, cache: Path):
    many.collect(cache_dir=cache)
    content = "import nemorun\ndef cluster(): ...\n"
    many.write("other.py", content).collect(cache_dir=cache)
    many.write("executors.py", content)

    assert [each.name for each in many.collect(cache_dir=cache).factories] == ["cluster"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:0],
        lambda content: b"\0" * len(content),
        lambda content: content.replace(b"[", b"{"),
        lambda content: content.replace(b'"f7"', b"7,7"),
        lambda content: b"nemorun.scan/0" + content,
    ],
    ids=["torn", "empty", "zeros", "no-json", "other-shape", "other-version"],
)
def test_a_damaged_cache_is_no_more_than_a_slow_one(many: Project, cache: Path, damage):
    expected = many.collect(cache_dir=cache)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))

    assert many.collect(cache_dir=cache) == expected
    assert many.collect(cache_dir=cache) == expected


def test_a_home_that_cannot_be_written_is_done_without(many: Project, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    found = many.collect(cache_dir=tmp_path / "file" / "cache")

    assert len(found.tasks) == COUNT


def test_a_narrow_scan_does_not_make_the_cache_forget(many: Project, cache: Path):
    for number in range(COUNT):
        content = f"import nemorun\n@nemorun.task\ndef g{number}(): ...\n"
        many.write(f"sub/m{number}.py", content)
    many.collect(cache_dir=cache)
    many.write("sub/m0.py", "import nemorun\n@nemorun.task\ndef changed(): ...\n")
    many.collect("sub", cache_dir=cache)
    forge(cache, b'"f7"', b'"cached"')

    assert "cached" in names(many.collect(cache_dir=cache))


def test_the_cache_does_not_grow_without_end(many: Project, cache: Path):
    for version in range(10):
        for number in range(COUNT):
            content = f"import nemorun\n@nemorun.task\ndef f{number}_{version}(): ...\n"
            many.write(f"m{number:02d}.py", content)
        many.collect(cache_dir=cache)

    (file,) = cache.iterdir()
    assert len(file.read_bytes().splitlines()) <= 1 + 2 * COUNT


def test_the_cache_is_for_its_owner_only(many: Project, cache: Path):
    many.collect(cache_dir=cache)

    assert cache.stat().st_mode & 0o777 == 0o700


def test_a_small_project_leaves_no_cache(project: Project, cache: Path):
    project.write("tasks.py", "import nemorun\n@nemorun.task\ndef f(): ...\n")
    project.collect(cache_dir=cache)

    assert not cache.exists()


def test_what_is_imported_is_not_cached(many: Project, cache: Path):
    many.write("settings.py", "TAGS = ['old']\n")
    many.write(
        "tasks.py", "import nemorun, settings\n@nemorun.task(tags=settings.TAGS)\ndef f(): ...\n"
    )
    many.collect(cache_dir=cache)
    many.write("settings.py", "TAGS = ['new']\n")

    assert many.collect(cache_dir=cache).tasks[-1].tags == ("new",)


@pytest.mark.parametrize("file", ["tasks/train.py", "tasks/evaluate.py", "executors.py"])
def test_a_scan_survives_its_way_through_the_cache(projects: Path, file: str):
    scan = read_file(file, (projects / "discovery" / file).read_bytes())

    assert decode_scan(file, encode_scan(scan)) == scan


def test_issues_and_riddles_survive_their_way_through_the_cache():
    content = (
        b"import nemorun\n@nemorun.task(tag=1)\ndef f(): ...\n@nemorun.task(tags=x)\ndef g(): ...\n"
    )
    scan = read_file("a.py", content)

    assert scan.computed == (Computed(line=4, what="tags= on line 4 is computed", function="g"),)
    assert scan.rejected == ("f",)
    assert decode_scan("a.py", encode_scan(scan)) == scan
    assert decode_scan("b.py", encode_scan(scan)) == dataclasses.replace(
        scan, issues=tuple(dataclasses.replace(issue, file="b.py") for issue in scan.issues)
    )
