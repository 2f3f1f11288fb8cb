"""From what a user typed to an experiment and jobs of it."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from functools import cache, partial
from typing import TYPE_CHECKING

from nemorun_discover.config.nearest import hint_for
from nemorun_discover.discovery.cell import is_word_of, label_of
from nemorun_discover.errors import NothingSelected, StoreError, UsageError
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.store.home import LAST, open_home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemorun_discover.cli.console import Console
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home
    from nemorun_discover.store.scope import Scope


def scope_here(home: Home, settings: Settings) -> Callable[[], Scope]:
    """Whose experiments a command means that names none: those of this project, with `-a` all of the home.

    What is returned raises ConfigError where the configuration that was named does not exist.
    """
    return cache(
        lambda: home.scope(
            settings.directory,
            os.environ,
            file=settings.config_file,
            all_projects=settings.all_projects,
        )
    )


def find_experiment(
    reference: str | None, settings: Settings, console: Console
) -> tuple[Home, str]:
    """The home, and the id of the experiment that is meant.

    Raises:
        UsageError: None, or more than one, is meant.
    """
    home = open_home(os.environ)
    return home, home.find(reference, scope_here(home, settings), _noting(console))


def find_experiment_and_jobs(
    words: Sequence[str], settings: Settings, console: Console
) -> tuple[Home, str, tuple[str, ...]]:
    """The home, the experiment and the names of jobs that `[EXP] [JOB]...` mean.

    A first word that names a job of the last experiment is taken as that, unless it means an experiment of
    this project, or is another one's whole id: a job's name is never the end of a stranger's id.

    Raises:
        UsageError: The first word is neither.
    """
    home = open_home(os.environ)
    scope, tell = scope_here(home, settings), _noting(console)
    if not words:
        return home, home.find(None, scope, tell), ()
    first, rest = words[0], tuple(words[1:])
    try:
        found = home.find(first, scope, tell)
    except UsageError as error:
        if first == LAST:
            raise
        last = next(home.newest_of(scope()), None)
        if last is None or not _matches(observe(home, last), first):
            raise UsageError(
                f"{error.message}, and no job of the last experiment is called that",
                hint=error.hint,
            ) from error
        return home, home.find(None, scope, tell), tuple(words)
    if first not in (LAST, found) and not home.is_of(found, scope()):
        last = next(home.newest_of(scope()), None)
        if last is not None and _matches(observe(home, last), first):
            return home, last, tuple(words)
    return home, found, rest


def _noting(console: Console) -> Callable[[str], None]:
    return lambda sentence: console.note(f"note: {sentence}")


def keep_going(home: Home, experiment_id: str, console: Console) -> None:
    """Give the experiment a driver where its own died, before it is looked at.

    A home that cannot be written is no reason not to look: that is said, and nothing else happens.
    """
    try:
        carry_on(home, experiment_id)
    except StoreError as error:
        console.note(f"note: {experiment_id} cannot be carried on: {error.message}")


def pick_jobs(
    status: ExperimentStatus, names: Sequence[str], keyword: str | None = None
) -> tuple[str, ...]:
    """The ids of the jobs that names and `-k` select, in the experiment's order; all without either.

    Args:
        status: The experiment.
        names: Job ids, ids without their executor, task names, groups, or globs of these.
        keyword: An expression over task names and parameters.

    Raises:
        UsageError: A name means no job.
        NothingSelected: The expression selects none.
    """
    chosen = {job.id for job in status.jobs}
    if names:
        chosen = {job_id for name in names for job_id in _existing(status, name)}
    if keyword is not None:
        chosen &= _selected(status, keyword)
    return tuple(job.id for job in status.jobs if job.id in chosen)


def _selected(status: ExperimentStatus, keyword: str) -> set[str]:
    # Reading expressions is not needed to show a status.
    from nemorun_discover.discovery.keyword import compile_expression  # noqa: PLC0415

    expression = compile_expression(keyword)
    found = {
        job.id
        for job in status.jobs
        if expression.matches(
            partial(is_word_of, name=job.task, label=label_of(job.id), params=job.params)
        )
    }
    if not found:
        raise NothingSelected(
            f"no job of {status.id} matches -k {keyword!r}",
            hint=f"`nemorun status {status.id}` lists its jobs",
        )
    return found


def _existing(status: ExperimentStatus, name: str) -> list[str]:
    found = _matches(status, name)
    if found:
        return found
    known = [job.id for job in status.jobs] + [job.task for job in status.jobs]
    raise UsageError(
        f"{status.id} has no job {name!r}", hint=hint_for(name, known, what="its jobs are")
    )


def _matches(status: ExperimentStatus, name: str) -> list[str]:
    exact = [job.id for job in status.jobs if job.id == name]
    if exact:
        return exact
    named = [
        job.id
        for job in status.jobs
        if name in (job.task, label_of(job.id), job.slug) or _is_member(job.id, name)
    ]
    if named or not any(char in name for char in "*?"):
        return named
    # Brackets are part of a job's id, not a set of characters.
    pattern = name.replace("[", "[[]")
    return [job.id for job in status.jobs if fnmatchcase(job.id, pattern)]


def _is_member(job_id: str, name: str) -> bool:
    """Whether a name is that of the job's group: `g` or `g@local` of `g/serve@local`."""
    group, _, executor = name.partition("@")
    is_in_a_file = "::" in job_id
    return (
        not is_in_a_file
        and job_id.startswith(f"{group}/")
        and job_id.endswith(f"@{executor}" if executor else "")
    )
