"""Outputs are put in their place, whatever stands there."""

from __future__ import annotations

import pytest

from nemorun_discover.schedulers.landing import Entry, Landing


def entry(path: str, kind: str = "f", *, size: int = 3, target: str = "") -> Entry:
    return Entry(path=path, kind=kind, mode=0o644, size=size, mtime_ns=10**18, target=target)


def land(landing: Landing, one: Entry, content: bytes = b"new") -> None:
    if one.kind == "f":
        with landing.gather(one, anew=True) as file:
            file.write(content)
    landing.put(one)


@pytest.fixture
def landing(tmp_path):
    return Landing(tmp_path / "outputs")


def test_what_was_put_is_there_and_equal(landing):
    for one in (entry("d", "d"), entry("d/file"), entry("d/link", "l", target="nowhere")):
        assert not landing.has(one)
        land(landing, one)
        assert landing.has(one)


def test_a_file_that_broke_off_is_gone_on_with_unless_it_has_changed(landing):
    with landing.gather(entry("file", size=9)) as file:
        file.write(b"four")

    assert landing.begun(entry("file", size=9)) == 4
    assert landing.begun(entry("file", size=10)) == 0


def test_nothing_is_written_through_a_link_that_stands_in_the_way(landing, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    landing.folder.mkdir()
    (landing.folder / "d").symlink_to(outside)

    land(landing, entry("d/file"))

    assert list(outside.iterdir()) == []
    assert (landing.folder / "d" / "file").read_bytes() == b"new"


def test_a_link_takes_the_place_of_a_file_and_a_file_that_of_a_link(landing):
    land(landing, entry("x"))
    land(landing, entry("x", "l", target="other"))
    assert landing.has(entry("x", "l", target="other"))

    land(landing, entry("x"))

    assert landing.has(entry("x"))


def test_nothing_is_left_beside_the_folder(landing, tmp_path):
    land(landing, entry("file"))

    landing.finish()

    assert [one.name for one in tmp_path.iterdir()] == ["outputs"]
