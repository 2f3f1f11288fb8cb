"""Experiments of the record, by title, and as drafts to launch again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.api.draft import Draft
from nemorun_discover.api.following import console_of
from nemorun_discover.api.project import current_project
from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.model.ids import slug_of

if TYPE_CHECKING:
    from nemorun_discover.model.record import Record
    from nemorun_discover.store.home import Home
    from nemorun_discover.store.scope import Scope

_END = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,60}[A-Za-z0-9])?")


def ids_called(home: Home, title: str) -> list[str]:
    """The ids of the experiments of a title, or of all, oldest first; damaged ones have no title."""
    newest = list(home.newest_first())
    return [one for one in reversed(newest) if not title or _title_of(home, one, title) == title]


def find(home: Home, reference: str, *, all_projects: bool) -> str:
    """The id of the experiment that a reference means, as the commands read it.

    Raises:
        UsageError: None, or more than one, is meant.
    """

    def tell(sentence: str) -> None:
        console_of().note(f"note: {sentence}")

    return home.find(reference, lambda: _scope(home, all_projects=all_projects), tell)


def newest_called(home: Home, title: str, *, all_projects: bool) -> str:
    """The id of the newest experiment of a title.

    Raises:
        UsageError: There is none.
    """
    scope = _scope(home, all_projects=all_projects)
    for one in home.newest_first():
        if _title_of(home, one, title) == title and scope.holds(home.project_of(one)):
            return one
    ids = home.newest_of(scope)
    titles = dict.fromkeys(filter(None, (_title_of(home, one, "") for one in ids)))
    project = "" if scope.root is None else f" of {scope.root}"
    raise UsageError(
        f"there is no experiment {title!r}{project} in {home.layout.experiments}",
        hint=hint_for(title, titles, what="there are"),
    )


def draft_of(record: Record) -> Draft:
    """The jobs of a record, to be launched again: secrets come from the environment then."""
    return Draft(
        project=record.project,
        jobs=list(record.jobs),
        executors=dict(record.executors),
        groups=dict(record.groups),
        plugins=list(record.plugins),
        types=dict(record.types),
    )


def again(home: Home, experiment_id: str | None, draft: Draft, *, fresh_code: bool) -> Draft:
    """A draft to launch once more, with the code of the first launch if there was one.

    Args:
        home: Where the record is.
        experiment_id: The first launch; None when there was none.
        draft: What was launched.
        fresh_code: Package the project as it is now.
    """
    fresh = draft.copy()
    fresh.rerun_of = experiment_id
    if experiment_id is not None and not fresh_code:
        fresh.packages = dict(home.read_record(experiment_id).packages)
    return fresh


def free_end(home: Home, end: str) -> str:
    """The end of an id that is still to be given.

    Raises:
        UsageError: An experiment's id ends so already, or no id can.
    """
    if not _END.fullmatch(end):
        raise UsageError(
            f"id={end!r} cannot be part of an experiment's id",
            hint="letters and digits can, with - . _ between them",
        )
    taken = next((one for one in home.ids() if one.endswith(end)), None)
    if taken is not None:
        raise UsageError(
            f"id={end!r}: there is {taken} already",
            hint="take another, or run.Experiment.from_id(…).reset()",
        )
    return end


def _scope(home: Home, *, all_projects: bool) -> Scope:
    """Whose experiments this process means: those of its script's project."""
    root = Path(current_project().root)
    return home.scope(root, os.environ, all_projects=all_projects)


def _title_of(home: Home, experiment_id: str, wanted: str) -> str | None:
    """Its title; not looked up where its id tells already that it is not the one wanted."""
    if wanted and slug_of(wanted) not in experiment_id:
        return None
    try:
        return home.read_record(experiment_id).title
    except StoreError:
        return None
