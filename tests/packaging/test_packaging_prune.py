"""What nothing needs can be found, and deleted; what is young is left alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.executors.packagers import PatternPackager
from nemorun_discover.packaging.prune import GRACE_S, remove, unneeded
from nemorun_discover.packaging.store import (
    has_package,
    load_entries,
    object_path,
    store_package,
    stored_objects,
    tree_path,
)

ALL = PatternPackager(include_pattern="**")


@pytest.fixture
def two(project, packages):
    """The digests of two packages that share one content, and that are two hours old."""
    digests = []
    for number in range(2):
        project.write("own.py", f"own {number}")
        project.write("shared.py", "shared")
        listing = project.listing(ALL)
        store_package(packages, listing)
        digests.append(listing.digest)
    make_old(packages)
    return digests


def make_old(packages):
    before = time.time() - 2 * GRACE_S
    for path in packages.rglob("*"):
        os.utime(path, (before, before))


def test_the_package_that_is_not_needed_goes_with_what_only_it_has(two, packages):
    old, needed = two

    removed = remove(packages, {needed})

    assert [path.stem for path in removed.trees] == [old]
    assert len(removed.objects) == 1
    assert not has_package(packages, old)
    assert {entry.sha256 for entry in load_entries(packages, needed)} == set(
        stored_objects(packages)
    )


def test_looking_deletes_nothing_and_tells_the_same(two, packages):
    found = unneeded(packages, {two[1]})

    assert has_package(packages, two[0])
    assert found.size_bytes == sum(path.stat().st_size for path in (*found.trees, *found.objects))
    assert found == remove(packages, {two[1]})


def test_all_that_is_needed_stays(two, packages):
    removed = remove(packages, set(two))

    assert (removed.trees, removed.objects, removed.size_bytes) == ((), (), 0)


def test_what_was_stored_lately_stays(two, packages):
    before = time.time() - 2 * GRACE_S

    removed = remove(packages, (), now=before + GRACE_S - 60)

    assert removed.trees == ()
    assert all(has_package(packages, digest) for digest in two)


def test_storing_a_package_again_makes_it_young(two, project, packages):
    store_package(packages, project.listing(ALL))

    removed = remove(packages, ())

    assert [path.stem for path in removed.trees] == [two[0]]
    assert load_entries(packages, two[1])
    assert len(list(stored_objects(packages))) == 2


def test_what_a_crash_left_goes_when_it_is_old(two, packages):
    entry = load_entries(packages, two[0])[0]
    for place in (Path(object_path(packages, entry.sha256)), tree_path(packages, two[0])):
        place.with_name(f".{place.name}.half").write_text("half")
    young = unneeded(packages, set(two))
    make_old(packages)

    removed = remove(packages, set(two))

    assert (young.trees, young.objects) == ((), ())
    assert [path.name[0] for path in (*removed.trees, *removed.objects)] == [".", "."]


def test_the_runtime_is_not_touched(two, packages):
    runtime = packages / "runtime-0123456789abcdef.zip"
    runtime.write_bytes(b"zip")
    make_old(packages)

    remove(packages, ())

    assert sorted(path.name for path in packages.iterdir()) == [
        "lock",
        "objects",
        "runtime-0123456789abcdef.zip",
        "trees",
    ]
    assert list(stored_objects(packages)) == []


def test_nothing_is_deleted_while_a_needed_package_cannot_be_read(two, packages):
    tree_path(packages, two[1]).write_text("{")
    before = sorted(stored_objects(packages))

    with pytest.raises(StoreError, match="is damaged"):
        remove(packages, {two[1]})

    assert sorted(stored_objects(packages)) == before
    assert has_package(packages, two[0])


def test_where_nothing_is_stored_nothing_is_found(packages):
    assert unneeded(packages, ()) == remove(packages, ())
    assert not packages.exists()
