"""`nemorun results`: what the jobs returned, beside what they were given."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, NamedTuple

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import results_document
from nemorun_discover.cli.flatten import flatten
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment, keep_going
from nemorun_discover.cli.symbols import state_span
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.errors import UsageError
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.reading import ran_elsewhere
from nemorun_discover.model.state import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Channel, Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.status import ExperimentStatus, JobStatus
    from nemorun_discover.model.task import Json

# What a result that is not an object is called.
_WHOLE = "result"
_FIRST = ("job", "task", "executor", "state")


@nemorun_command("results", short_help="Tabulate what the jobs returned.")
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, with every job.")
@all_projects_option
def results_command(settings: Settings, experiment: str | None, *, as_csv: bool) -> None:
    """Tabulate what the jobs of an experiment returned; nested objects become columns `a.b`.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    """
    if as_csv and settings.json:
        raise UsageError("--csv and --json exclude each other")
    console = open_console(settings)
    home, experiment_id = find_experiment(experiment, settings, console)
    keep_going(home, experiment_id, console)
    status = observe(home, experiment_id)
    if settings.json:
        console.document(results_document(status))
        return
    if as_csv:
        console.out.text(to_csv(status))
        return
    console.out.lines(_table(status, console.out))
    if all(job.result is None for job in status.jobs):
        console.note(f"no job of {experiment_id} has returned a result")
        there = ran_elsewhere(home.read_record(experiment_id), status)
        if any(job.state is State.SUCCEEDED for job in there):
            console.note("a result that was too large to be told comes with `nemorun pull`")


def to_csv(status: ExperimentStatus) -> str:
    """One row a job: `job,task,executor,state`, then its parameters, then what it returned."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [*_given(status.jobs), *_returned(status.jobs)]
    writer.writerow([*_FIRST, *(column.heading for column in columns)])
    for index, job in enumerate(status.jobs):
        values = [_csv_cell(column.values[index]) for column in columns]
        writer.writerow([job.id, job.task, job.executor, str(job.state), *values])
    return text.getvalue()


def _table(status: ExperimentStatus, channel: Channel) -> list[Line]:
    jobs = status.jobs
    states = tuple(state_span(job.state, unicode=channel.unicode) for job in jobs)
    # On a narrow terminal parameters go before results, which the job's id repeats, and the state last.
    given, returned = _given(jobs), _returned(jobs)
    ranks = [*range(len(given), 0, -1), *range(len(given) + len(returned), len(given), -1)]
    return draw_table(
        [
            Column(heading="JOB", cells=tuple((job.id, "") for job in jobs)),
            Column(heading="STATE", cells=states, drop=len(ranks) + 1),
            *(
                Column(
                    heading=one.heading,
                    cells=tuple((_cell(value), "") for value in one.values),
                    drop=rank,
                    narrowest=8,
                )
                for rank, one in zip(ranks, [*given, *returned], strict=True)
            ),
        ],
        channel,
    )


class _Values(NamedTuple):
    heading: str
    values: list[Json]


def _given(jobs: Sequence[JobStatus]) -> list[_Values]:
    return _columns([job.params for job in jobs], taken=_FIRST, prefix="param.")


def _returned(jobs: Sequence[JobStatus]) -> list[_Values]:
    taken = [*_FIRST, *(one.heading for one in _given(jobs))]
    return _columns([_leaves(job) for job in jobs], taken=taken, prefix="result.")


def _columns(rows: list[dict[str, Json]], *, taken: Sequence[str], prefix: str) -> list[_Values]:
    """A column for every name in any row; one whose name is taken gets the prefix."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [
        _Values(f"{prefix}{name}" if name in taken else name, [row.get(name) for row in rows])
        for name in names
    ]


def _leaves(job: JobStatus) -> dict[str, Json]:
    if job.result is None:
        return {}
    return flatten(job.result) if isinstance(job.result, dict) else {_WHOLE: job.result}


def _cell(value: Json) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return _csv_cell(value)


def _csv_cell(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
