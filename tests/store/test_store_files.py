"""Writing a file so that a crash or a full disk leaves the old one or the new one."""

from __future__ import annotations

import json

import pytest

from nemorun_discover.files import read_json, write_atomic, write_json


def test_what_was_there_is_replaced_in_one_step(tmp_path):
    path = tmp_path / "a b.json"
    write_atomic(path, b"old")
    before = path.stat().st_ino

    write_atomic(path, b"new", durable=True)

    assert path.read_bytes() == b"new"
    assert path.stat().st_ino != before
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_other(disk, fill_up):
    path = disk / "file"
    write_atomic(path, b"old")
    fill_up(disk)

    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"x" * 100_000)

    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in disk.iterdir()) == ["file", "filler"]


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "gone" / "file", b"")


@pytest.mark.parametrize(
    "value",
    [None, 1, "é🙂\n", [1, {"a": None}], {"p": "p\udcff"}, 2**70],
    ids=["null", "int", "text", "nested", "no unicode", "large"],
)
def test_json_comes_back_as_it_was(tmp_path, value):
    path = tmp_path / "x.json"

    write_json(path, value)

    assert read_json(path) == value
    assert path.read_bytes().endswith(b"\n")


def test_text_stays_readable(tmp_path):
    write_json(tmp_path / "x.json", {"title": "Größe 🙂"})

    assert (tmp_path / "x.json").read_text() == '{\n  "title": "Größe 🙂"\n}\n'


def test_what_json_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", float("nan"))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [None, b"", b'{"half', b"\xff"], ids=["missing", "empty", "half", "bytes"]
)
def test_a_file_that_is_not_whole_is_none(tmp_path, content):
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)

    assert read_json(path) is None


def test_a_whole_file_is_what_json_says(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps([1]))

    assert read_json(tmp_path / "x.json") == [1]
