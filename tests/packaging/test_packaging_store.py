"""Packages are stored by content, once, whole or not at all; and laid out as real files."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager
from nemorun_discover.packaging.checkout import checkout
from nemorun_discover.packaging.store import (
    has_package,
    load_entries,
    object_path,
    store_package,
    stored_objects,
    tree_path,
)

ALL = PatternPackager(include_pattern="**")


def test_what_was_stored_is_loaded_again(repository, packages):
    repository.write("a.py")
    repository.write("dir/run.sh", mode=0o755)
    repository.link("link", "/mnt/x")
    (repository.root / os.fsdecode(b"\xff\n")).write_text("x")
    listing = repository.listing()

    store_package(packages, listing)

    assert has_package(packages, listing.digest)
    assert load_entries(packages, listing.digest) == listing.entries


def test_the_manifest_is_a_document_with_a_schema(project, packages):
    project.write("a.py", "x")
    project.link("link", "a.py")
    listing = project.listing(ALL)

    store_package(packages, listing)

    document = json.loads(tree_path(packages, listing.digest).read_bytes())
    assert (document["schema"], document["digest"]) == ("nemorun.package/1", listing.digest)
    assert document["entries"][0] == {
        "path": "a.py",
        "mode": "file",
        "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        "size": 1,
    }
    assert document["entries"][1]["target"] == "a.py"


def test_the_digest_is_of_names_modes_and_content_only(project):
    project.write("a.py", "x")
    first = project.listing(ALL).digest
    os.utime(project.root / "a.py", (1, 1))
    touched = project.listing(ALL).digest
    (project.root / "a.py").chmod(0o755)
    executable = project.listing(ALL).digest
    (project.root / "a.py").rename(project.root / "b.py")
    renamed = project.listing(ALL).digest
    project.write("b.py", "y", mode=0o755)
    changed = project.listing(ALL).digest

    assert touched == first
    assert len({first, executable, renamed, changed}) == 4


def test_equal_content_is_stored_once_whatever_the_package(project, packages):
    project.write("a.py", "same")
    project.write("b.py", "same")
    store_package(packages, project.listing(ALL))
    before = list(stored_objects(packages))
    project.write("c.py", "same")
    store_package(packages, project.listing(ALL))

    assert len(before) == 1
    assert list(stored_objects(packages)) == before
    assert len(list((packages / "trees").iterdir())) == 2


def test_stored_content_is_private_and_read_only(project, packages):
    project.write("a.py", "x", mode=0o777)
    listing = project.listing(ALL)

    store_package(packages, listing)

    stored = Path(object_path(packages, listing.entries[0].sha256))
    assert stat.S_IMODE(stored.stat().st_mode) == 0o400


@pytest.mark.parametrize("change", ["rewritten", "deleted", "linked", "piped"])
def test_a_file_that_changes_before_it_is_stored_is_named(project, packages, change):
    project.write("kept.py")
    path = project.write("a.py", "before")
    listing = project.listing(ALL)
    path.unlink()
    if change == "rewritten":
        path.write_text("behind")
    elif change == "linked":
        path.symlink_to("kept.py")
    elif change == "piped":
        os.mkfifo(path)

    with pytest.raises(UsageError, match=r"a\.py: (was|disappeared|cannot be read)"):
        store_package(packages, listing)

    assert not has_package(packages, listing.digest)
    assert not list(packages.rglob(".*"))


def test_a_file_that_is_written_to_all_the_time_is_named(project):
    path = project.write("log.txt")
    os.truncate(path, 80_000_000)  # long enough to be read for the writer to have its turns
    is_over = threading.Event()

    def write():
        with path.open("r+") as file:
            while not is_over.is_set():
                file.seek(0)
                file.write("y")
                file.flush()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with pytest.raises(UsageError, match=r"log\.txt: is being written to"):
            project.listing(ALL)
    finally:
        is_over.set()
        thread.join()


@contextmanager
def largest_file(size):
    """No file of this process grows beyond a size: what a full disk does to a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_nothing_that_could_be_taken_for_the_package(project, packages):
    project.write("a.py", "x" * 5000)
    project.write("b.py", "y" * 50)
    listing = project.listing(ALL)

    with largest_file(1000), pytest.raises(StoreError, match="the package cannot be stored"):
        store_package(packages, listing)

    assert not has_package(packages, listing.digest)
    assert not list(packages.rglob(".*"))
    store_package(packages, listing)
    assert load_entries(packages, listing.digest) == listing.entries


@pytest.mark.usefixtures("permissions_hold")
def test_a_home_that_cannot_be_written_is_named(project, packages):
    project.write("a.py")
    listing = project.listing(ALL)
    packages.mkdir(parents=True)
    packages.chmod(0o500)

    with pytest.raises(StoreError, match=f"{packages}: the package cannot be stored"):
        store_package(packages, listing)


_ONE_OF_MANY = """\
import sys
from pathlib import Path
from nemorun_discover.executors.packagers import PatternPackager
from nemorun_discover.packaging.checkout import checkout
from nemorun_discover.packaging.packager import list_package
from nemorun_discover.packaging.store import store_package
root, packages, out, cache = map(Path, sys.argv[1:])
sys.stdin.read()
listing = list_package(PatternPackager(include_pattern="**"), root, cache_dir=cache)
store_package(packages, listing)
checkout(packages, listing.digest, out)
print(listing.digest)
"""


def test_several_processes_at_once_store_and_lay_out_one_package(project, packages, tmp_path):
    for number in range(100):
        project.write(f"dir-{number % 7}/{number}.py")
    out = tmp_path / "out"
    places = [str(one) for one in (project.root, packages, out, tmp_path / "cache")]
    pipe = subprocess.PIPE
    several = [
        subprocess.Popen([sys.executable, "-c", _ONE_OF_MANY, *places], stdin=pipe, stdout=pipe)
        for _ in range(4)
    ]
    for one in several:
        one.stdin.close()
        one.stdin = None

    digests = {one.communicate()[0] for one in several}

    assert [one.returncode for one in several] == [0, 0, 0, 0]
    assert digests == {f"{project.listing(ALL).digest}\n".encode()}
    assert len(list(out.rglob("*.py"))) == 100
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_package_that_is_not_there_is_said_so(packages):
    with pytest.raises(StoreError, match="the package 0123456789abcdef is not in"):
        load_entries(packages, "0123456789abcdef" * 4)

    assert not has_package(packages, "0123456789abcdef" * 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ('{"schema": "nemorun.package/1"}', "is damaged"),
        ('{"schema": "nemorun.package/1", "entries": []}', "is damaged"),
        ('{"schema": "nemorun.package/1", "entries": [{"path": 1}]}', "is damaged"),
        ('{"schema": "nemorun.package/2"}', "is nemorun.package/2, which a newer nemorun wrote"),
    ],
    ids=["cut", "list", "empty", "other", "entry", "newer"],
)
def test_a_damaged_manifest_is_never_believed(project, packages, text, message):
    project.write("a.py")
    listing = project.listing(ALL)
    store_package(packages, listing)
    tree_path(packages, listing.digest).write_text(text)

    with pytest.raises(StoreError, match=message):
        load_entries(packages, listing.digest)


def test_a_manifest_that_was_edited_is_never_believed(project, packages, tmp_path):
    project.write("a.py")
    listing = project.listing(ALL)
    store_package(packages, listing)
    manifest = tree_path(packages, listing.digest)
    manifest.write_text(manifest.read_text().replace("a.py", "../a.py"))

    with pytest.raises(StoreError, match="is damaged"):
        checkout(packages, listing.digest, tmp_path / "out")


@pytest.mark.parametrize("damage", ["missing", "changed", "cut"])
def test_damaged_content_is_never_laid_out(project, packages, tmp_path, damage):
    project.write("a.py", "content")
    listing = project.listing(ALL)
    store_package(packages, listing)
    stored = Path(object_path(packages, listing.entries[0].sha256))
    stored.unlink()
    if damage != "missing":
        stored.write_text("CONTENT" if damage == "changed" else "cont")

    with pytest.raises(StoreError, match=r"the stored content of a\.py is (missing|damaged)"):
        checkout(packages, listing.digest, tmp_path / "out")

    assert list(tmp_path.glob("*out*")) == []


def test_a_folder_that_is_there_is_taken_as_done(project, packages, tmp_path):
    project.write("a.py")
    listing = project.listing(ALL)
    store_package(packages, listing)
    out = tmp_path / "deep" / "out"
    checkout(packages, listing.digest, out)
    (out / "a.py").write_text("changed by a job")

    checkout(packages, listing.digest, out)

    assert (out / "a.py").read_text() == "changed by a job"


def test_what_a_job_writes_does_not_reach_the_store(project, packages, tmp_path):
    project.write("a.py", "x", mode=0o444)
    listing = project.listing(ALL)
    store_package(packages, listing)
    checkout(packages, listing.digest, tmp_path / "one")
    (tmp_path / "one" / "a.py").write_text("written")
    (tmp_path / "one" / "new.py").write_text("written")

    checkout(packages, listing.digest, tmp_path / "two")

    assert (tmp_path / "two" / "a.py").read_text() == "x"
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["a.py"]


def test_a_file_over_several_blocks_travels_whole(repository, laid_out):
    content = bytes(range(256)) * 12_345
    (repository.root / "big.bin").write_bytes(content)
    repository.write("empty.txt")
    (repository.root / "empty.txt").write_bytes(b"")
    repository.commit()

    out = laid_out(repository.listing())
    committed = laid_out(repository.listing(GitArchivePackager(ref="HEAD")))

    assert (out / "big.bin").read_bytes() == content
    assert (committed / "big.bin").read_bytes() == content
    assert (out / "empty.txt").read_bytes() == b""


def test_a_commit_is_stored_from_git_although_the_tree_has_changed(repository, laid_out):
    repository.write("a.py", "committed")
    repository.commit()
    listing = repository.listing(GitArchivePackager(ref="HEAD"))
    repository.write("a.py", "changed")

    out = laid_out(listing)

    assert (out / "a.py").read_text() == "committed"
