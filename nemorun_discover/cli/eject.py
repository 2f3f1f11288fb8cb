"""`nemorun eject`: a job as a plain folder that runs without nemorun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment_or_job
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.one_job import find_one_job
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment_and_jobs
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.eject import eject

if TYPE_CHECKING:
    from nemorun_discover.cli.settings import Settings


@nemorun_command("eject", short_help="Write a job as a folder that runs without nemorun.")
@click.argument(
    "words", metavar="[EXP] JOB DIR", nargs=-1, shell_complete=complete_experiment_or_job
)
@all_projects_option
def eject_command(settings: Settings, words: tuple[str, ...]) -> None:
    """Write a job as a plain folder: code, job.json, run.sh and a README; `sh DIR/run.sh` runs it.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    JOB is a job's id, a task's name, or a glob that means one job. DIR must not be there, or be empty.
    """
    console = open_console(settings)
    if len(words) not in (2, 3):
        raise UsageError(
            "eject takes a job and a directory, and maybe an experiment before them",
            hint="nemorun eject [EXP] JOB DIR",
        )
    *named, target = words
    home, experiment_id, names = find_experiment_and_jobs(named, settings, console)
    if len(names) != 1:
        raise UsageError(
            f"{' '.join(named)}: name one job of one experiment", hint="nemorun eject [EXP] JOB DIR"
        )
    record = home.read_record(experiment_id)
    job = find_one_job(home, record, names[0])
    folder = settings.directory / Path(target).expanduser()
    for note in eject(home, record, job, folder):
        console.note(f"note: {note}")
    if settings.json:
        console.document(
            {
                "schema": "nemorun.eject/1",
                "experiment": record.id,
                "job": job.id,
                "folder": str(folder),
            }
        )
        return
    console.out.line(str(folder))
    console.note("  sh run.sh  # in it runs the job; README.md explains")
