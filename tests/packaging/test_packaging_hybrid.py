"""Several packagers together, and where the project lies in what they make."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import (
    GitArchivePackager,
    HybridPackager,
    Packager,
    PatternPackager,
)
from nemorun_discover.packaging.packager import place_in


def pattern(include_pattern, relative_path=""):
    return PatternPackager(include_pattern=include_pattern, relative_path=relative_path)


@pytest.fixture
def tree(repository):
    repository.write(".gitignore", "data/\n")
    repository.write("src/a.py")
    repository.write("data/x.json")
    return repository


def test_each_packager_has_its_folder(tree):
    packager = HybridPackager(
        sub_packagers={
            "code": GitArchivePackager(subpath="src"),
            "data": pattern("data/**", "data"),
        }
    )

    listing = tree.listing(packager)

    assert [entry.path for entry in listing.entries] == ["code/a.py", "data/x.json"]
    assert place_in(listing, tree.root) == ("code", "src")


def test_all_can_lie_at_the_root(tree):
    packager = HybridPackager(
        sub_packagers={"code": GitArchivePackager(), "data": pattern("data/**")},
        extract_at_root=True,
    )

    listing = tree.listing(packager)

    assert [entry.path for entry in listing.entries] == [".gitignore", "data/x.json", "src/a.py"]
    assert place_in(listing, tree.root) == ("", "")


def test_hybrids_can_be_nested(tree):
    inner = HybridPackager(sub_packagers={"b": pattern("src/**")})
    packager = HybridPackager(sub_packagers={"a": inner})

    listing = tree.listing(packager)

    assert [entry.path for entry in listing.entries] == ["a/b/src/a.py"]
    assert place_in(listing, tree.root / "src") == ("a/b/src", "")


def test_the_later_packager_wins(project, laid_out):
    project.write("one/a.py", "first")
    project.write("one/b.py", "first")
    project.write("two/a.py", "second")
    packager = HybridPackager(
        sub_packagers={"1": pattern("one/**", "one"), "2": pattern("two/**", "two")},
        extract_at_root=True,
    )

    out = laid_out(project.listing(packager))

    assert (out / "a.py").read_text() == "second"
    assert (out / "b.py").read_text() == "first"


@pytest.mark.parametrize(
    ("order", "paths"),
    [("lff", ["x"]), ("flf", ["x/a.py"]), ("ffl", ["x"])],
    ids=["file-last", "folder-last", "link-last"],
)
def test_a_file_and_a_folder_of_one_name_never_meet(project, tmp_path, laid_out, order, paths):
    outside = tmp_path / "outside"
    outside.mkdir()
    project.link("link/x", outside)
    project.write("folder/x/a.py")
    project.write("file/x")
    names = {"lff": ["link", "folder", "file"], "flf": ["link", "file", "folder"]}.get(
        order, ["folder", "file", "link"]
    )
    packager = HybridPackager(
        sub_packagers={name: pattern(f"{name}/**", name) for name in names}, extract_at_root=True
    )

    listing = project.listing(packager)
    laid_out(listing)

    assert [entry.path for entry in listing.entries] == paths
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", "a/../b", "/a", "a//b"])
def test_a_folder_is_named_as_one(project, name):
    project.write("a.py")

    with pytest.raises(ConfigError, match="cannot be the name of a folder"):
        project.listing(HybridPackager(sub_packagers={name: pattern("a.py")}))


@pytest.mark.parametrize(
    "packager",
    [Packager(), HybridPackager(sub_packagers={"a": Packager()})],
    ids=["alone", "inside"],
)
def test_passing_through_makes_no_package(project, packager):
    with pytest.raises(ConfigError, match='packager = "none" copies nothing'):
        project.listing(packager)


def test_no_packagers_make_no_package(project):
    with pytest.raises(UsageError, match="there is no file to package"):
        project.listing(HybridPackager(sub_packagers={}))


def test_a_project_reached_by_a_link_is_found_in_its_package(tree, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tree.root)

    listing = tree.listing()

    assert place_in(listing, link / "src") == ("src", "")
