"""record.json: from and to `model.record.Record`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from nemorun_discover.documents import read_content
from nemorun_discover.errors import DamagedFile, StoreError
from nemorun_discover.model.record import RECORD_SCHEMA, Record

if TYPE_CHECKING:
    from pathlib import Path


def encode_record(record: Record) -> dict[str, Any]:
    """The record as a JSON document, its schema first."""
    return {"schema": RECORD_SCHEMA, **msgspec.to_builtins(record)}


def load_record(path: Path) -> Record:
    """Read a record.

    Raises:
        StoreError: There is none, it is damaged, or a newer nemorun wrote it.
    """
    document = _read(path)
    schema = document.get("schema")
    if schema != RECORD_SCHEMA:
        raise _of_another_version(path, schema)
    try:
        record = msgspec.convert(document, Record)
    except msgspec.ValidationError as error:
        raise StoreError(f"{path}: damaged record ({error})") from error
    _require_executors(path, record)
    return record


def _require_executors(path: Path, record: Record) -> None:
    """Whoever looks at a job asks for its executor, and for the kind of that.

    Raises:
        DamagedFile: The record lacks one.
    """
    for name, table in record.executors.items():
        if not isinstance(table.get("kind"), str):
            raise DamagedFile(path, f"it does not tell of which kind the executor {name} is")
    for job in record.jobs:
        if job.executor not in record.executors:
            why = f"its job {job.id} runs on the executor {job.executor}, which it does not have"
            raise DamagedFile(path, why)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_content(path)
        if content is None:
            raise StoreError(f"{path}: cannot be read (No such file or directory)")
        document = _decode(content)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: damaged record ({error})") from error
    if not isinstance(document, dict):
        raise StoreError(f"{path}: damaged record (not a JSON object)")
    return document


def _decode(content: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError):
        # Four times slower, but it reads the lone surrogates that stand for a path that is not UTF-8.
        return json.loads(content)


def _of_another_version(path: Path, schema: object) -> StoreError:
    if isinstance(schema, str) and re.fullmatch(r"nemorun\.record/\d+", schema):
        return StoreError(
            f"{path}: written by a newer nemorun ({schema}; this one reads {RECORD_SCHEMA})",
            hint="pip install --upgrade nemorun-discover",
        )
    return StoreError(f"{path}: not a record of nemorun (schema {schema!r})")
