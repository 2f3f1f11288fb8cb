"""The code that a rerun runs: the packages of then, or the project's files as they are now."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.live_code import code_now, named, planned_code
from nemorun_discover.lifecycle.provenance import git_state
from nemorun_discover.secrets import is_same_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.record import PackagedCode, Record
    from nemorun_discover.model.task import Json
    from nemorun_discover.store.home import Home

_HASH_SHOWN = 12


def kept_packages(record: Record, executors: Iterable[str]) -> dict[str, PackagedCode]:
    """By executor, the code of then, where it was packaged."""
    return {name: record.packages[name] for name in executors if name in record.packages}


def require_packages(home: Home, plan: Plan) -> None:
    """Refuse a rerun whose code is not there any more.

    Raises:
        UsageError: The home has lost a package.
    """
    if not plan.packages:
        return
    from nemorun_discover.packaging.store import (  # noqa: PLC0415 - only for packages
        has_package,
        tree_path,
    )

    for name, code in plan.packages.items():
        if code.linked:
            continue
        if not has_package(home.layout.packages, code.digest):
            raise UsageError(
                f"the code that {plan.rerun_of} ran on {name} is not in {home.layout.packages} any more",
                hint="--fresh-code runs the project's code as it is now",
            )
        with suppress(OSError):  # young again: `nemorun prune` leaves it alone
            os.utime(tree_path(home.layout.packages, code.digest))


def packager_of(table: Mapping[str, Json]) -> dict[str, Json]:
    """An executor's packager; the pass-through where the record says nothing of it."""
    found = table.get("packager")
    return found if isinstance(found, dict) else {"kind": "none"}


def code_notes(home: Home, plan: Plan, record: Record) -> tuple[str, ...]:
    """What is not as it was, where jobs run the project's own files."""
    if all(
        name in plan.packages or packager_of(table)["kind"] != "none"
        for name, table in plan.executors.items()
    ):
        return ()
    before, now = record.git, git_state(Path(record.project.root))
    if before is not None and now is not None and before.commit != now.commit:
        was, is_now = (str(one)[:_HASH_SHOWN] for one in (before.commit, now.commit))
        return (f"the project was at {was} then and is at {is_now} now; the jobs run it as it is",)
    changed = _changed_since(home, record)
    is_same_diff = before is None or now is None or is_same_text(before.diff, now.diff)
    if changed or not is_same_diff:
        files = f": {changed}" if changed else ""
        return (
            f"the project's files have changed since {record.id}{files}; the jobs run them as they are",
        )
    return ()


def _changed_since(home: Home, record: Record) -> str:
    """The files of the project that are not as they were when these jobs were planned, in words."""
    then = planned_code(home.layout.experiment(record.id)) if record.live_code else None
    now = code_now(record, home.folders()) if then else None
    if then is None or now is None:
        return ""
    from nemorun_discover.packaging.live import changes  # noqa: PLC0415 - only for such jobs

    found = changes(then.own(), now.own())
    return named(found) if found else ""
