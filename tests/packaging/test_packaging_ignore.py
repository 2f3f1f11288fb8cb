"""`.nemorunignore` is read as git reads .gitignore: git itself is asked what it would do."""

from __future__ import annotations

import pytest

from nemorun_discover.errors import ConfigError, UsageError
from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager

_NAMES = (
    *("a", "b.py", "c.txt", "x y", "[z]", "#c", "!n", ".hidden", "data", "Ärger", "new\nline"),
    *("build/a", "build/b.py", "src/a", "src/build/b.py", "src/data/c.txt", "src/deep/er/b.py"),
)
_CASES = {
    "name": {"": "b.py"},
    "folder": {"": "build/"},
    "anchored": {"": "/build\n/a"},
    "middle": {"": "src/build"},
    "star": {"": "*.py\n*x*"},
    "question": {"": "?.py\n?"},
    "set": {"": "[ab]\n[!a-y]*\n[[:digit:]z]"},
    "bracket": {"": "\\[z\\]\n[z"},
    "globstar": {"": "**/b.py\nsrc/**/c.txt"},
    "all below": {"": "src/**"},
    "comment": {"": "#c\n\\#c\n\\!n"},
    "spaces": {"": "a  \nx\\ y\nc.txt\\ "},
    "windows": {"": "a\r\nbuild/\r\n"},
    "bom": {"": "\ufeffa\n"},
    "again": {"": "*.py\n!b.py"},
    "not again": {"": "src/\n!src/a"},
    "idiom": {"": "*\n!*/\n!*.py\n!.nemorunignore"},
    "files again": {"": "src/*\n!src/a"},
    "empty": {"": "\n  \n!\n/\n!  \n\\"},
    "nested": {"": "b.py", "src": "!b.py\na"},
    "nested anchored": {"src": "/a\n/build"},
    "nested in ignored": {"": "src", "src": "!a"},
    "nested again": {"": "build", "src": "!/*/"},
    "range": {"": "[z-a]\n[a-"},
    "unicode": {"": "Är*\nnew*"},
}


def rules_in(project, name, rules):
    for folder, text in rules.items():
        path = project.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


@pytest.mark.parametrize(
    "packager",
    [GitArchivePackager(), PatternPackager(include_pattern="**")],
    ids=["git", "pattern"],
)
@pytest.mark.parametrize("rules", _CASES.values(), ids=_CASES)
def test_the_rules_are_those_of_git(repository, packager, rules):
    for name in _NAMES:
        repository.write(name)
    rules_in(repository, ".nemorunignore", rules)
    kept = repository.git(
        "ls-files", "-z", "--others", "--exclude-per-directory=.nemorunignore"
    ).split("\0")

    assert repository.paths(packager) == sorted(name for name in kept if name)


def test_tracked_files_are_left_out_too_and_those_of_a_commit(repository):
    repository.write("a.py")
    repository.write("weights/w.bin")
    repository.write(".nemorunignore", "weights/\n")
    repository.commit()

    assert repository.paths() == [".nemorunignore", "a.py"]
    assert repository.paths(GitArchivePackager(ref="HEAD")) == [".nemorunignore", "a.py"]


def test_what_lies_above_a_subpath_counts(repository):
    repository.write("src/a.py")
    repository.write("src/b.md")
    repository.write(".nemorunignore", "/src/*.md\n")

    assert repository.paths(GitArchivePackager(subpath="src")) == ["a.py"]


def test_a_pattern_that_matches_only_what_is_ignored_says_so(project):
    project.write("data/x")
    project.write(".nemorunignore", "data/\n")

    with pytest.raises(ConfigError, match=r"\.nemorunignore leaves out all that matches"):
        project.listing(PatternPackager(include_pattern="data/**"))


def test_a_package_that_is_empty_by_its_rules_names_the_file(repository):
    repository.write("a.py")
    repository.write(".nemorunignore", "*\n")

    with pytest.raises(UsageError, match="there is no file to package") as caught:
        repository.listing()

    assert ".nemorunignore" in caught.value.hint


@pytest.mark.usefixtures("permissions_hold")
def test_a_folder_that_is_ignored_is_not_walked_through(project):
    project.write("a.py")
    locked = project.root / "locked"
    locked.mkdir()
    project.write(".nemorunignore", "locked\n")
    locked.chmod(0)

    assert project.paths(PatternPackager(include_pattern="**")) == [".nemorunignore", "a.py"]


@pytest.mark.parametrize(
    ("packager", "is_committed"),
    [
        (GitArchivePackager(), False),
        (GitArchivePackager(), True),
        (GitArchivePackager(ref="HEAD"), True),
        (PatternPackager(include_pattern="**"), False),
    ],
    ids=["untracked", "tracked", "commit", "pattern"],
)
@pytest.mark.parametrize(
    ("rules", "kept"),
    [("# a comment\n", []), ("!__pycache__/\n", ["src/__pycache__/a.pyc"])],
    ids=["always", "but for"],
)
def test_bytecode_is_left_out(repository, packager, is_committed, rules, kept):
    repository.write(".nemorunignore", rules)
    repository.write("src/a.py")
    repository.write("src/__pycache__/a.pyc")
    if is_committed:
        repository.commit()

    assert repository.paths(packager) == [".nemorunignore", *kept, "src/a.py"]
