"""Files by pattern: what `find PATTERN -type f` means, with links, and never behind them."""

from __future__ import annotations

import os

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager
from nemorun_discover.packaging.packager import place_in


@pytest.fixture
def tree(project):
    for name in ("src/a.py", "src/lib/b.py", "src/lib/.hidden", "src/.git/config", "top.py"):
        project.write(name)
    return project


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("src/**", ["src/a.py", "src/lib/.hidden", "src/lib/b.py"]),
        ("src", ["src/a.py", "src/lib/.hidden", "src/lib/b.py"]),
        ("src/*", ["src/a.py", "src/lib/.hidden", "src/lib/b.py"]),
        ("./src/../src/lib/", ["src/lib/.hidden", "src/lib/b.py"]),
        ("src/**/*.py", ["src/a.py", "src/lib/b.py"]),
        ("**/b.py", ["src/lib/b.py"]),
        ("src/*.py", ["src/a.py"]),
        ("src/[!b].?y", ["src/a.py"]),
        ("src/lib/.h*", ["src/lib/.hidden"]),
        ("*.py", ["top.py"]),
        ("top.py", ["top.py"]),
        (".", ["src/a.py", "src/lib/.hidden", "src/lib/b.py", "top.py"]),
        (["top.py", "src/*.py"], ["src/a.py", "top.py"]),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_a_pattern_takes(tree, pattern, paths):
    assert tree.paths(PatternPackager(include_pattern=pattern)) == paths


@pytest.mark.parametrize("is_absolute", [True, False], ids=["absolute", "relative"])
def test_files_are_placed_relative_to_a_directory(tree, is_absolute):
    start = f"{tree.root}/" if is_absolute else ""
    packager = PatternPackager(include_pattern=f"{start}src/**", relative_path=f"{start}src")

    listing = tree.listing(packager)

    assert [entry.path for entry in listing.entries] == ["a.py", "lib/.hidden", "lib/b.py"]
    assert place_in(listing, tree.root) == ("", "src")


def test_each_pattern_can_have_its_own_directory(tree):
    packager = PatternPackager(
        include_pattern=["src/*.py", "src/lib/**"], relative_path=["", "src/lib"]
    )

    assert tree.paths(packager) == [".hidden", "b.py", "src/a.py"]


def test_a_pattern_may_lie_beside_the_project(tree):
    outside = tree.root.parent / "shared"
    outside.mkdir()
    (outside / "c.py").write_text("c")
    packager = PatternPackager(include_pattern="../shared/**", relative_path="..")

    assert tree.paths(packager) == ["shared/c.py"]


def test_a_project_whose_path_looks_like_a_pattern_is_no_pattern(project):
    project.root = project.root / "[v1]*"
    project.write("a.py")

    packager = PatternPackager(include_pattern=[f"{project.root}/*.py", "*.py"])

    assert project.paths(packager) == ["a.py"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"include_pattern": "nope/**"}, r"include_pattern = 'nope/\*\*': matches nothing"),
        ({"include_pattern": ""}, "there is an empty pattern"),
        ({"include_pattern": []}, "there is an empty pattern"),
        (
            {"include_pattern": ["a", "b"], "relative_path": ["", "", ""]},
            "relative_path names 3 directories for 2 patterns",
        ),
        ({"include_pattern": "top.py", "relative_path": "nope"}, "nope is not a directory"),
        ({"include_pattern": "top.py", "relative_path": "src"}, "top.py, which is not in .*src"),
    ],
    ids=["nothing", "empty", "none", "lengths", "missing", "outside"],
)
def test_a_pattern_that_cannot_be_meant_is_refused(tree, settings, message):
    with pytest.raises(ConfigError, match=message):
        tree.listing(PatternPackager(**settings))


def test_links_travel_and_are_not_followed(tree, laid_out):
    tree.link("src/loop", "../src")
    tree.link("src/file", "a.py")

    out = laid_out(tree.listing(PatternPackager(include_pattern="src/**")))

    assert str((out / "src" / "loop").readlink()) == "../src"
    assert str((out / "src" / "file").readlink()) == "a.py"
    assert len(list((out / "src").iterdir())) == 4


def test_a_pattern_through_a_link_says_so(tree):
    tree.link("linked", "src")

    with pytest.raises(ConfigError, match="linked is a link, and links are not followed"):
        tree.listing(PatternPackager(include_pattern="linked/*.py"))


def test_a_pipe_is_neither_read_nor_packaged(tree):
    os.mkfifo(tree.root / "src" / "pipe")

    listing = tree.listing(PatternPackager(include_pattern="src/*.py"))
    with_pipe = tree.listing(PatternPackager(include_pattern="src/**"))

    assert listing.notes == ()
    assert with_pipe.notes == (
        f"{tree.root}/src/pipe is no file, link or directory, and does not travel",
    )


@pytest.mark.usefixtures("permissions_hold")
def test_an_unreadable_folder_is_named(tree):
    (tree.root / "src" / "lib").chmod(0)

    with pytest.raises(UsageError, match=r"src/lib: cannot be read \(Permission denied\)"):
        tree.listing(PatternPackager(include_pattern="src/**"))

    (tree.root / "src" / "lib").chmod(0o700)


def test_more_files_come_on_top_of_a_repository(repository):
    repository.write(".gitignore", "data/\n")
    repository.write("src/a.py")
    repository.write("data/set/x.json")
    packager = GitArchivePackager(
        subpath="src", include_pattern="data/**", include_pattern_relative_path="data"
    )

    listing = repository.listing(packager)

    assert [entry.path for entry in listing.entries] == ["a.py", "set/x.json"]
    assert place_in(listing, repository.root) == ("", "src")


def test_more_files_come_on_top_of_a_commit(repository):
    repository.write("a.py", "committed")
    repository.commit()
    repository.write("a.py", "changed")
    repository.write("b.json")
    packager = GitArchivePackager(ref="HEAD", include_pattern=["b.json"])

    listing = repository.listing(packager)

    assert [(entry.path, entry.size) for entry in listing.entries] == [
        ("a.py", len("committed")),
        ("b.json", len("b.json\n")),
    ]


def test_more_files_that_match_nothing_are_an_error(repository):
    repository.write("a.py")

    with pytest.raises(ConfigError, match="include_pattern = 'nope': matches nothing"):
        repository.listing(GitArchivePackager(include_pattern="nope"))
