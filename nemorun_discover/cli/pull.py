"""`nemorun pull`: bring what jobs left in their outputs here."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment_or_job
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment_and_jobs, keep_going, pick_jobs
from nemorun_discover.cli.transfer_line import transfer_line
from nemorun_discover.errors import ExitCode, NothingSelected
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.pull import pull
from nemorun_discover.model.sizes import size_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.cli.console import Console
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.schedulers.fetching import Fetched


@nemorun_command("pull", short_help="Bring the outputs of jobs that ran elsewhere.")
@click.argument(
    "words", metavar="[EXP] [JOB]...", nargs=-1, shell_complete=complete_experiment_or_job
)
@click.option("-k", "keyword", metavar="EXPR", help="Jobs whose name and parameters match.")
@click.option(
    "--glob",
    metavar="PATTERN",
    help="Only files whose name matches; with a slash in it, whose path below the outputs.",
)
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Into DIR/<job> instead of the record's own folder.",
)
@all_projects_option
def pull_command(
    settings: Settings,
    words: tuple[str, ...],
    *,
    keyword: str | None,
    glob: str | None,
    into: str | None,
) -> ExitCode:
    """Bring what jobs that ran elsewhere left in their outputs; what is here already is not sent again.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    JOB is a job's id, with or without its executor, a task's name, or a glob; without it, all jobs.
    """
    console = open_console(settings)
    home, experiment_id, names = find_experiment_and_jobs(words, settings, console)
    keep_going(home, experiment_id, console)
    status = observe(home, experiment_id)
    chosen = pick_jobs(status, names, keyword)
    status = replace(status, jobs=tuple(job for job in status.jobs if job.id in chosen))
    folder = None if into is None else settings.directory / Path(into).expanduser()
    with transfer_line(console) as tell:
        fetched = pull(
            home,
            home.read_record(experiment_id),
            status,
            os.environ,
            tell=tell,
            glob=glob,
            into=folder,
        )
    places = {job.id: _place(job.outputs, folder) for job in status.jobs}
    if settings.json:
        console.document(_document(experiment_id, fetched, places))
    else:
        _show(fetched, places, console)
    return _verdict(status, fetched, glob, console)


def _place(outputs: str | None, into: Path | None) -> str | None:
    """Where a job's outputs are; None for a job that has no folder."""
    if into is None or outputs is None:
        return outputs
    return str(into / Path(outputs).parent.name)


def _document(
    experiment_id: str, fetched: Mapping[str, Fetched], places: Mapping[str, str | None]
) -> dict[str, object]:
    return {
        "schema": "nemorun.pull/1",
        "experiment": experiment_id,
        "jobs": [
            {
                "id": job,
                "folder": places[job],
                "files": one.files,
                "bytes": one.size_bytes,
                "same": one.same,
                "trouble": one.trouble,
            }
            for job, one in fetched.items()
        ],
    }


def _show(
    fetched: Mapping[str, Fetched], places: Mapping[str, str | None], console: Console
) -> None:
    for job, one in fetched.items():
        if one.files:
            words = f"{_count(one.files, 'file')}, {size_words(one.size_bytes)}"
            console.out.line((job, "bold"), f"  {words}  {places[job]}")


def _verdict(
    status: ExperimentStatus, fetched: Mapping[str, Fetched], glob: str | None, console: Console
) -> ExitCode:
    """Say what is missing, or that there was nothing; the exit code."""
    troubles = dict.fromkeys(one.trouble for one in fetched.values() if one.trouble)
    for trouble in troubles:
        console.err.line(("error: ", "bad"), trouble)
    if troubles:
        console.note("what has come is kept: the same command goes on where it was")
        return ExitCode.REFUSED
    same = sum(one.same for one in fetched.values())
    if any(one.files for one in fetched.values()):
        return ExitCode.OK
    if same:
        console.note(f"{status.id}: all is here already ({_count(same, 'file')})")
    elif glob is not None and fetched:
        raise NothingSelected(f"no output of {status.id} matches --glob {glob!r}")
    else:
        console.note(f"{status.id}: {_why_nothing(status, fetched)}")
    return ExitCode.OK


def _why_nothing(status: ExperimentStatus, fetched: Mapping[str, Fetched]) -> str:
    if fetched:
        return f"{_count(len(fetched), 'job')} left no outputs elsewhere"
    if not any(job.attempt for job in status.jobs):
        return "no job has begun yet"
    return "the outputs of its jobs are on this machine already"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
