"""`nemorun cancel`: end jobs of an experiment."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment_or_job
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import status_document
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.progress import follow
from nemorun_discover.cli.reference import find_experiment_and_jobs, pick_jobs
from nemorun_discover.cli.render_jobs import count_words, heading_lines, job_table
from nemorun_discover.errors import ExecutorRefused, WaitTimeout
from nemorun_discover.lifecycle.cancel import cancel
from nemorun_discover.lifecycle.carry_on import carry_on
from nemorun_discover.lifecycle.freshness import look_for_lost
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.watch import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.store.home import Home

_PATIENCE_S = 10.0
_DEFAULT_GRACE_S = 10.0


@nemorun_command("cancel", short_help="Cancel jobs of an experiment.")
@click.argument(
    "words", metavar="[EXP] [JOB]...", nargs=-1, shell_complete=complete_experiment_or_job
)
@click.option("-k", "keyword", metavar="EXPR", help="Jobs whose name and parameters match.")
@all_projects_option
def cancel_command(settings: Settings, words: tuple[str, ...], *, keyword: str | None) -> None:
    """Cancel jobs of an experiment, and wait until they have ended.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    JOB is a job's id, with or without its executor, a task's name, or a glob; without it, all jobs.
    """
    console = open_console(settings)
    home, experiment_id, names = find_experiment_and_jobs(words, settings, console)
    carry_on(home, experiment_id)
    status = look_for_lost(home, experiment_id, os.environ)
    jobs = pick_jobs(status, names, keyword)
    alive = [job.id for job in status.jobs if job.id in jobs and not job.is_settled]
    if alive:
        # Said before it happens: who has typed this in the wrong place can still read what ended.
        console.note(_announcement(home, status, alive))
        cancel(home, experiment_id, alive)
        status = follow(console, _until_final(home, experiment_id, alive))
    else:
        over = "it is already over" if len(jobs) == len(status.jobs) else "they are already over"
        console.note(f"{experiment_id}: {over}; nothing was cancelled")
    if settings.json:
        console.document(status_document(status))
        return
    console.out.lines([*heading_lines(status, console.out), *job_table(status, console)])
    console.out.line(count_words(status))


def _announcement(home: Home, status: ExperimentStatus, alive: list[str]) -> str:
    """What is cancelled: the experiment, its project, and how far the jobs are."""
    project = home.read_record(status.id).project
    chosen = replace(status, jobs=tuple(job for job in status.jobs if job.id in alive))
    return (
        f"cancels {status.id} of {project.name} ({project.root}): {count_words(chosen)}"
        f" of {len(status.jobs)} jobs"
    )


def _until_final(home: Home, experiment_id: str, jobs: list[str]) -> Iterator[ExperimentStatus]:
    """The status, until these jobs are final.

    Raises:
        ExecutorRefused: They were not within the executors' time of grace and ten seconds.
    """
    patience_s = _grace_s(home, experiment_id) + _PATIENCE_S
    try:
        yield from watch(home, experiment_id, job_ids=jobs, timeout_s=patience_s)
    except WaitTimeout as error:
        trouble = observe(home, experiment_id).trouble
        raise ExecutorRefused(
            f"{', '.join(jobs)} did not end within {patience_s:g} s{f': {trouble}' if trouble else ''}",
            hint=f"the request stands; `nemorun status {experiment_id}` shows when it is done",
        ) from error


def _grace_s(home: Home, experiment_id: str) -> float:
    """The longest time any of the experiment's executors gives a job between TERM and KILL."""
    executors = home.read_record(experiment_id).executors.values()
    return max((float(one.get("grace_s") or _DEFAULT_GRACE_S) for one in executors), default=0.0)
