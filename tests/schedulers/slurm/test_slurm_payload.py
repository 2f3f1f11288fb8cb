"""What is sent: the smallest difference to what the cluster has, as a tar."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError
from nemorun_discover.packaging.listing import Entry
from nemorun_discover.packaging.store import object_path
from nemorun_discover.schedulers.slurm.payload import (
    Delta,
    Member,
    delta_of,
    members_of,
    tar_of,
    text_members,
)


def read(pieces):
    """The members by name."""
    whole = b"".join(pieces)
    assert len(whole) % (20 * 512) == 0, "whole records"
    found = {}
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            found[member.name] = (member.mode, file.read() if file else member.linkname)
    return found


def test_texts_links_and_folders_are_in_the_tar_and_its_last_file_says_that_it_is_whole():
    members = [
        Member(name="jobs/a", is_folder=True, mode=0o700),
        *text_members({"jobs/a/env.sh": "A=1\n", "jobs/a/data": b"\0\xff"}),
        Member(name="slots/1", target="../jobs/a"),
    ]

    found = read(tar_of(members))

    assert found["jobs/a/env.sh"] == (0o600, b"A=1\n")
    assert found["jobs/a/data"] == (0o600, b"\0\xff")
    assert found["slots/1"][1] == "../jobs/a"
    assert list(found)[-1] == "whole"


def test_a_tar_of_nothing_is_whole():
    assert list(read(tar_of([]))) == ["whole"]


def test_a_name_longer_than_old_tars_have_is_kept():
    name = "/".join(["folder" * 10] * 5) + "/fiché.txt"

    assert name in read(tar_of(text_members({name: "x"})))


@pytest.mark.parametrize("what", ["missing", "shorter"])
def test_a_file_that_is_not_what_it_was_is_an_error_and_never_sent_as_if_it_were(tmp_path, what):
    source = tmp_path / "object"
    if what == "shorter":
        source.write_bytes(b"12345")

    with pytest.raises(StoreError, match="object"):
        list(tar_of([Member(name="x", source=source, size=9)]))


def entry(path, text="x", mode="file"):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Entry(path=path, mode=mode, sha256=digest, size=len(text), target=None)


def test_a_difference_is_its_changed_files_and_the_paths_that_are_gone(tmp_path):
    changed = entry("a.py", "new")
    place = Path(object_path(tmp_path, changed.sha256))
    place.parent.mkdir(parents=True)
    place.write_text("new")
    delta = Delta(digest="d1", base="d0", changed=(changed,), gone=("b.py", "c d.py"))

    found = read(tar_of(members_of(tmp_path, delta)))

    assert found["package/d1/a.py"] == (0o444, b"new")
    assert found["gone/d1"][1] == b"b.py\0c d.py\0"
    assert delta.size == 3


def test_a_package_that_is_not_here_is_an_error(tmp_path):
    with pytest.raises(StoreError):
        delta_of(tmp_path, "0" * 64, [])
