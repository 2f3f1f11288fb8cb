"""A new experiment in the home: everything is written beside it, then it appears in one step."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nemorun_discover.files import write_atomic, write_json
from nemorun_discover.model.layout import ExperimentLayout, HomeLayout
from nemorun_discover.store.home import Home, cannot_write
from nemorun_discover.store.lock import reserve_note, take_lock
from nemorun_discover.store.record import encode_record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.model.record import Record


def create_experiment(
    home: Home,
    record: Record,
    job_files: Mapping[str, Mapping[str, Any]],
    *,
    base_dir: Path | None = None,
    live_code: Mapping[str, Any] | None = None,
) -> int | None:
    """Write an experiment's folder: the record, and every job's files.

    Args:
        home: Where; made when it is not there.
        record: What was asked.
        job_files: By job slug: file name to content, a JSON document or, for `script`, its text.
        base_dir: The folder is made in its `experiments/`, and the home gets a link to it; None for the
            home.
        live_code: The project's own files, where jobs run those.

    Returns:
        The driver's lock, held; None when an experiment of this id is there already (then nothing was
        changed): take another id.

    Raises:
        StoreError: The home cannot be written; nothing of the experiment is left.
    """
    home.create()
    seen = home.layout.experiment(record.id)
    base = home.layout if base_dir is None else HomeLayout(base_dir.absolute())
    final = base.experiment(record.id)
    draft = ExperimentLayout(final.root.with_name(f".{record.id}.{os.getpid()}"))
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, draft.root, ignore_errors=True)
        try:
            base.experiments.mkdir(mode=0o700, parents=True, exist_ok=True)
            _fill(draft, record, job_files)
            if live_code is not None:
                # On one line: a large project has thousands of files.
                write_atomic(draft.live_code, json.dumps(live_code).encode())
            lock = take_lock(draft.driver_lock)
            undo.callback(os.close, lock)
            reserve_note(lock)
            if not _appear(draft, final):
                return None
            if not base.experiments.samefile(home.layout.experiments):
                undo.callback(shutil.rmtree, final.root, ignore_errors=True)
                if not _link(seen, final):
                    return None
        except OSError as error:
            raise cannot_write(base.root, error) from error
        undo.pop_all()
    return lock


def _appear(draft: ExperimentLayout, final: ExperimentLayout) -> bool:
    """Give the experiment its name; False when another one has it."""
    try:
        draft.root.rename(final.root)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            return False
        raise
    return True


def _link(seen: ExperimentLayout, final: ExperimentLayout) -> bool:
    """Make the experiment visible in the home; False when another one has its name."""
    try:
        seen.root.symlink_to(final.root)
    except FileExistsError:
        return False
    return True


def _fill(
    draft: ExperimentLayout, record: Record, job_files: Mapping[str, Mapping[str, Any]]
) -> None:
    draft.root.mkdir(mode=0o700)
    draft.jobs.mkdir(mode=0o700)
    for slug, documents in job_files.items():
        folder = draft.job(slug)
        folder.root.mkdir(mode=0o700)
        folder.outputs.mkdir(mode=0o700)
        for name, document in documents.items():
            if isinstance(document, str):
                write_atomic(folder.root / name, document.encode())
            else:
                write_json(folder.root / name, document)
    write_json(draft.record, encode_record(record), durable=True)
