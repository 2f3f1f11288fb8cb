"""NEMORUN_HOME: made for its owner, listed without reading, searched by what was typed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.files import write_json
from nemorun_discover.model.record import Project
from nemorun_discover.store.home import Home, open_home
from nemorun_discover.store.record import encode_record
from nemorun_discover.store.scope import Scope


def put(store, *ids, record=None):
    for one in ids:
        folder = store.layout.experiment(one)
        folder.root.mkdir(parents=True)
        if record is not None:
            write_json(folder.record, encode_record(record(one)))


def test_a_home_is_its_owners_only(store):
    store.create()

    root = store.layout.root
    assert [
        oct(one.stat().st_mode & 0o777) for one in (root, root / "experiments", root / "packages")
    ] == ["0o700"] * 3
    assert b"belongs to nemorun" in store.layout.readme.read_bytes()


def test_making_a_home_again_changes_nothing(store):
    store.create()
    store.layout.readme.write_text("mine")
    put(store, "20261122-0712-a-aaaa")

    store.create()

    assert store.layout.readme.read_text() == "mine"
    assert store.ids() == ["20261122-0712-a-aaaa"]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, "~/.run"),
        ({"NEMORUN_HOME": ""}, "~/.run"),
        ({"NEMORUN_HOME": "~/x"}, "~/x"),
        ({"NEMORUN_HOME": "/a b"}, "/a b"),
    ],
    ids=["unset", "empty", "tilde", "absolute"],
)
def test_the_home_is_where_the_environment_says(env, expected):
    assert open_home(env).layout.root == Path(expected).expanduser()


def test_a_relative_home_is_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert open_home({"NEMORUN_HOME": "h"}).layout.root == tmp_path / "h"


def test_opening_a_home_makes_nothing(tmp_path):
    home = open_home({"NEMORUN_HOME": str(tmp_path / "h")})

    assert home.ids() == []
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_a_file_says_so(tmp_path):
    (tmp_path / "h").write_text("")

    with pytest.raises(StoreError) as raised:
        Home(tmp_path / "h").create()

    assert raised.value.message.startswith(f"{tmp_path / 'h'}: is a file")
    assert "NEMORUN_HOME" in raised.value.hint
    assert Home(tmp_path / "h").ids() == []


def test_a_home_below_a_file_says_so(tmp_path):
    (tmp_path / "h").write_text("")

    with pytest.raises(StoreError, match=r"h/x: cannot be written \(Not a directory\)"):
        Home(tmp_path / "h" / "x").create()


def test_a_home_that_may_not_be_written_says_so(tmp_path, permissions_hold):
    (tmp_path / "locked").mkdir(mode=0o500)

    with pytest.raises(StoreError, match=r"cannot be written \(Permission denied\)"):
        Home(tmp_path / "locked" / "h").create()


def test_a_home_that_may_not_be_read_says_so(store, permissions_hold):
    store.create()
    store.layout.experiments.chmod(0)

    with pytest.raises(StoreError, match=r"experiments: cannot be read \(Permission denied\)"):
        store.ids()


def test_a_full_disk_says_so(disk, fill_up):
    store = Home(disk / "home")
    fill_up(disk)

    with pytest.raises(StoreError, match="No space left on device"):
        store.create()


def test_only_experiments_are_listed(store):
    put(store, "20261122-0712-a-aaaa", "20261121-0712-b-bbbb")
    put(store, ".20261122-0712-c-cccc.123", "backup", "20261122")
    (store.layout.experiments / ".DS_Store").write_text("")

    assert store.ids() == ["20261121-0712-b-bbbb", "20261122-0712-a-aaaa"]


def test_the_newest_of_one_minute_is_told_by_its_record(store, make_record):
    order = ["20261122-0712-b-bbbb", "20261122-0712-c-cccc", "20261122-0712-a-aaaa"]
    put(store, "20261122-0713-a-dddd", *order, "20261121-0712-z-eeee", record=make_record)
    for seconds, one in enumerate(order):
        os.utime(store.layout.experiment(one).record, ns=(seconds, seconds * 10**9))

    assert list(store.newest_first()) == [
        "20261122-0713-a-dddd",
        *reversed(order),
        "20261121-0712-z-eeee",
    ]


def test_a_folder_without_its_record_is_the_oldest_of_its_minute(store, make_record):
    put(store, "20261122-0712-z-zzzz")
    put(store, "20261122-0712-a-aaaa", record=make_record)

    assert list(store.newest_first()) == ["20261122-0712-a-aaaa", "20261122-0712-z-zzzz"]


IDS = ["20261120-0900-train-aaaa", "20261121-0900-train-abba", "20261122-0712-eval-x7k2"]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (None, IDS[2]),
        ("@last", IDS[2]),
        (IDS[1], IDS[1]),
        ("20261120", IDS[0]),
        ("x7k2", IDS[2]),
        ("eval-x7k2", IDS[2]),
        ("7k2", IDS[2]),
    ],
    ids=["none", "last", "whole", "prefix", "suffix", "long suffix", "short"],
)
def test_a_reference_finds_its_experiment(store, make_record, reference, expected):
    put(store, *IDS, record=make_record)

    assert store.find(reference) == expected


@pytest.mark.parametrize(
    ("reference", "sentence", "hint"),
    [
        ("nothing", "no experiment begins or ends with 'nothing'", "`nemorun experiments` lists"),
        ("train", "no experiment begins or ends with 'train'", "`nemorun experiments` lists"),
        ("2026", f"'2026' means 3 experiments: {', '.join(IDS)}", "its last four letters"),
        ("a", f"'a' means 2 experiments: {', '.join(IDS[:2])}", "its last four letters"),
    ],
    ids=["unknown", "middle", "all", "two"],
)
def test_a_reference_that_finds_none_or_several_says_so(store, reference, sentence, hint):
    put(store, *IDS)

    with pytest.raises(UsageError) as raised:
        store.find(reference)

    assert raised.value.message == sentence
    assert hint in raised.value.hint


def test_an_id_that_begins_another_one_is_found(store):
    put(store, "20261122-0712-train-aaaa", "20261122-0712-train-aaaa-more-bbbb")

    assert store.find("20261122-0712-train-aaaa") == "20261122-0712-train-aaaa"


def test_an_empty_home_says_how_to_begin(store):
    with pytest.raises(UsageError) as raised:
        store.find()

    assert raised.value.message == f"there is no experiment in {store.layout.experiments} yet"
    assert raised.value.hint == "start one with `nemorun run`"


def test_of_many_ambiguous_ids_the_newest_are_shown(store):
    put(store, *(f"20261122-07{n}-train-aaaa" for n in range(10, 20)))

    with pytest.raises(UsageError) as raised:
        store.find("aaaa")

    assert raised.value.message.startswith("'aaaa' means 10 experiments: 20261122-0715-")
    assert raised.value.message.endswith("20261122-0719-train-aaaa")


def test_ten_thousand_experiments_are_listed_and_searched_without_reading_one(
    store, permissions_hold
):
    store.layout.experiments.mkdir(parents=True)
    ids = [
        f"202611{d:02}-{h:02}{m:02}-t-{d:02}{h:02}"
        for d in range(1, 29)
        for h in range(24)
        for m in range(15)
    ]
    for one in ids:
        (store.layout.experiments / one).mkdir(mode=0)  # nobody may look inside

    assert len(store.ids()) == len(ids) > 10_000
    assert store.find("20261128-2314") == "20261128-2314-t-2823"
    assert store.find() == "20261128-2314-t-2823"


def test_the_last_of_a_project_is_found_past_others_and_damaged_ones(store, make_record):
    def in_project(root):
        return lambda one: make_record(one, project=Project(root=root, name="n"))

    put(store, "20261120-0900-a-aaaa", "20261121-0900-a-bbbb", record=in_project("/mine"))
    put(store, "20261122-0900-a-cccc", record=in_project("/other"))
    put(store, "20261123-0900-a-dddd")

    told = []

    def last(root):
        return store.find("@last", lambda: Scope(root=Path(root)), told.append)

    assert last("/mine") == "20261121-0900-a-bbbb"
    assert told == ["20261123-0900-a-dddd is passed over: its record cannot be read"]
    with pytest.raises(UsageError, match="there is no experiment of /nobodys yet"):
        last("/nobodys")
