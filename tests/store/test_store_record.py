"""record.json: round trips, and the records that cannot be read."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime

import pytest

from nemorun_discover.errors import DamagedFile, StoreError
from nemorun_discover.files import write_json
from nemorun_discover.model.job import Condition, Job
from nemorun_discover.model.record import (
    EditableInstall,
    GitState,
    GroupPolicy,
    Interpreter,
    LiveCodeSummary,
    PackagedCode,
    PluginReference,
    Project,
    Record,
)
from nemorun_discover.model.task import Script
from nemorun_discover.store.record import encode_record, load_record

WHOLE = Record(
    id="20261122-0712-train-x7k2",
    title="Größe 🙂",
    created_at=datetime(2026, 11, 22, 7, 12, 3, 5, tzinfo=UTC),
    argv=("nemorun", "run", "x=a b\n'\"\\"),
    cwd="/a b",
    user="me",
    host="here",
    versions={"nemorun": "1", "python": "3"},
    project=Project(root="/p", name="n", config="/p/nemorun.toml", pythonpath=("src", "lib")),
    git=GitState(
        commit="abc", branch="main", dirty=True, diff="+é\n", diff_is_cut=True, untracked=("a b",)
    ),
    executors={"local": {"kind": "local", "env_vars": {"K": {"$secret": "K"}}, "gpus": ["0"]}},
    jobs=(
        Job(
            id="f[x=1]@local",
            slug="f[x=1]@local",
            task="f",
            file="t.py",
            executor="local",
            function="f",
            params={"x": 1, "y": [None, 0.5, {"z": "é"}], "big": 2**70},
            exact={"x": {"$tuple": [1]}},
            after={"train": ("train@local",)},
            conditions={"train@local": Condition.NOTOK},
            group="g",
            is_main=True,
            earlier={"train": ("20251122-0712-old-aaaa/train@local",)},
            timeout_s=1.5,
            retries=3,
        ),
        Job(
            id="s@local",
            slug="s@local",
            task="s",
            file="nemorun.toml",
            executor="local",
            module="a.b",
            script=Script(
                path="a.sh",
                inline="echo",
                command=("x",),
                entrypoint=("bash", "-e"),
                is_module=True,
                env={"A": "b"},
            ),
            args=("-x", ""),
        ),
    ),
    max_jobs=2,
    maxfail=1,
    runtime="runtime-0.zip",
    live_code=LiveCodeSummary(digest="cd" * 32, files=3),
    packages={"local": PackagedCode(digest="ab" * 32, root="a b", files=2, size_bytes=9)},
    groups={"g": GroupPolicy.FIRST_DONE},
    plugins=(PluginReference(name="Tell", file="plugs.py", fields={"to": "x"}),),
    without_plugins=("other",),
    interpreter=Interpreter(
        version="3.11.7",
        executable="/p",
        installed={"numpy": "2.1"},
        editable={"mine": EditableInstall(path="/lib", digest="ef" * 32)},
    ),
    changes=("local.time is now 1",),
    rerun_of="20251122-0712-old-aaaa",
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "record.json"


def test_every_field_comes_back_as_it_was(path):
    assert [
        field.name
        for field in fields(Record)
        if field.default is not MISSING and getattr(WHOLE, field.name) == field.default
    ] == []

    write_json(path, encode_record(WHOLE))

    assert load_record(path) == WHOLE


def test_the_smallest_record_comes_back_as_it_was(path, make_record):
    write_json(path, encode_record(make_record()))

    assert load_record(path) == make_record()


def test_the_schema_is_the_first_thing_in_the_file(path, make_record):
    write_json(path, encode_record(make_record()))

    assert path.read_text().splitlines()[1] == '  "schema": "nemorun.record/1",'


def test_a_person_can_read_the_file(path):
    write_json(path, encode_record(WHOLE))

    assert '"title": "Größe 🙂"' in path.read_text()


def test_a_path_that_is_not_utf8_comes_back_as_it_was(path, make_record):
    record = make_record(project=Project(root="/p\udcff", name="n"))

    write_json(path, encode_record(record))

    assert path.read_bytes().isascii()
    assert load_record(path) == record


def test_unknown_keys_of_the_same_version_are_passed_over(path, make_record):
    document = encode_record(make_record())
    document["project"] |= {"new": 1}

    write_json(path, document | {"another": [1]})

    assert load_record(path) == make_record()


def test_a_record_of_a_newer_nemorun_says_what_to_do(path, make_record):
    write_json(path, encode_record(make_record()) | {"schema": "nemorun.record/2"})

    with pytest.raises(StoreError) as raised:
        load_record(path)

    assert raised.value.message == (
        f"{path}: written by a newer nemorun (nemorun.record/2; this one reads nemorun.record/1)"
    )
    assert raised.value.hint == "pip install --upgrade nemorun-discover"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "damaged record"),
        ('{"schema": "nemo', "damaged record"),
        ("[]", "damaged record (not a JSON object)"),
        ("null", "damaged record (not a JSON object)"),
        ("{}", "not a record of nemorun (schema None)"),
        ('{"schema": 1}', "not a record of nemorun (schema 1)"),
        ('{"schema": "other.record/1"}', "not a record of nemorun (schema 'other.record/1')"),
        ('{"schema": "nemorun.record/1"}', "damaged record (Object missing required field"),
        ('{"schema": "nemorun.record/1", "id": 5}', "damaged record (Expected `str`, got `int`"),
    ],
    ids=[
        "empty",
        "half",
        "list",
        "null",
        "no schema",
        "number",
        "other",
        "no fields",
        "wrong type",
    ],
)
def test_a_record_that_cannot_be_read_is_named(path, content, sentence):
    path.write_text(content)

    with pytest.raises(StoreError) as raised:
        load_record(path)

    assert raised.value.message.startswith(f"{path}: {sentence}")


def test_bytes_that_are_no_text_are_a_damaged_record(path):
    path.write_bytes(b"\xff\xfe{}")

    with pytest.raises(StoreError, match="damaged record"):
        load_record(path)


def test_a_record_that_is_missing_is_named(path):
    with pytest.raises(StoreError, match=r"record.json: cannot be read \(No such file"):
        load_record(path)


def test_a_record_that_may_not_be_read_is_named(path, make_record, permissions_hold):
    write_json(path, encode_record(make_record()))
    path.chmod(0)

    with pytest.raises(StoreError, match=r"cannot be read \(Permission denied\)"):
        load_record(path)


def test_the_document_is_plain_json(make_record):
    assert json.loads(json.dumps(encode_record(make_record())))["created_at"] == (
        "2026-11-22T07:12:00Z"
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"executors": {}},
            r"its job f\[x=1\]@local runs on the executor local, which it does not",
        ),
        ({"executors": {"local": {}}}, "of which kind the executor local is"),
    ],
    ids=["no such executor", "no kind"],
)
def test_a_record_that_lacks_the_executor_of_a_job_is_damaged(tmp_path, change, why):
    path = tmp_path / "record.json"
    write_json(path, encode_record(WHOLE) | change)

    with pytest.raises(DamagedFile, match=f"record.json is damaged: .*{why}"):
        load_record(path)
