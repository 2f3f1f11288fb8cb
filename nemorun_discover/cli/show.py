"""`nemorun show`: the record of an experiment, with every attempt of every job."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_experiment
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import show_document
from nemorun_discover.cli.moments import duration, elapsed_s, local_time
from nemorun_discover.cli.one_job import find_one_job
from nemorun_discover.cli.options import all_projects_option, nemorun_command
from nemorun_discover.cli.reference import find_experiment, keep_going
from nemorun_discover.cli.render_jobs import heading_lines
from nemorun_discover.cli.sanitise import visible
from nemorun_discover.cli.symbols import state_span
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.documents import Request, read_object
from nemorun_discover.errors import StoreError, UsageError
from nemorun_discover.lifecycle.live_code import code_sentences
from nemorun_discover.lifecycle.observe import observe
from nemorun_discover.lifecycle.shell import as_shell
from nemorun_discover.model.sizes import size_words
from nemorun_discover.model.status import AttemptStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from nemorun_discover.cli.console import Channel, Console, Line
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import GitState, PackagedCode, Record
    from nemorun_discover.model.status import ExperimentStatus
    from nemorun_discover.model.task import Json
    from nemorun_discover.store.home import Home

_HASH_SHOWN = 12


@nemorun_command("show", short_help="Show the record of an experiment.")
@click.argument("experiment", metavar="[EXP]", required=False, shell_complete=complete_experiment)
@click.option(
    "--diff", "show_diff", is_flag=True, help="Print what git had not committed, and nothing else."
)
@click.option(
    "--script", "script_of", metavar="JOB", help="Print the request that was sent for this job."
)
@all_projects_option
def show_command(
    settings: Settings, experiment: str | None, *, show_diff: bool, script_of: str | None
) -> None:
    """Show the record of an experiment: what was asked, by whom, of which code, and every attempt.

    EXP is an id, a unique beginning or end of one, or @last; without it, the project's last experiment.
    JOB is a job's id, a task's name, or a glob that means one job.
    """
    if show_diff and script_of is not None:
        raise UsageError("--diff and --script exclude each other")
    console = open_console(settings)
    home, experiment_id = find_experiment(experiment, settings, console)
    keep_going(home, experiment_id, console)
    record = home.read_record(experiment_id)
    if script_of is not None:
        _print_request(home, record, find_one_job(home, record, script_of), console, settings)
        return
    if show_diff and not settings.json:
        console.out.text(record.git.diff if record.git else "")
        return
    status = observe(home, experiment_id)
    if settings.json:
        console.document(show_document(record, status))
        return
    console.out.lines(heading_lines(status, console.out))
    width = max(len(label) for label, _ in _facts(record, status))
    for label, value in _facts(record, status):
        console.out.line((label.ljust(width), "bold"), f"  {value}")
    console.out.lines([(), *_attempts(status, console.out)])
    for note in status.notes:
        console.out.line(f"note: {note}")


def _print_request(
    home: Home, record: Record, job: Job, console: Console, settings: Settings
) -> None:
    """What the scheduler was sent: as a shell would read it, or with --json as it was."""
    path = home.layout.experiment(record.id).job(job.slug).request
    request = read_object(path, Request)
    if request is None:
        raise StoreError(f"{path}: is not there any more")
    if settings.json:
        console.document(request)
    else:
        console.out.text(visible(as_shell(request)))


def _facts(record: Record, status: ExperimentStatus) -> Iterator[tuple[str, str]]:
    yield "title", record.title
    yield "command", shlex.join(record.argv)
    yield "started", f"{local_time(record.created_at)} by {record.user} on {record.host}"
    yield "ended", local_time(status.ended_at)
    yield "directory", record.cwd
    yield "project", f"{record.project.name} in {record.project.root}"
    yield "config", record.project.config or "none"
    changed = code_sentences(status.jobs)
    yield "git", _git_words(record.git) + (" when the jobs were planned" if changed else "")
    if record.live_code:
        files = "1 file" if record.live_code.files == 1 else f"{record.live_code.files} files"
        yield (
            "code",
            f"{record.live_code.digest[:_HASH_SHOWN]}, {files}, where they lie in the project",
        )
    for sentence in changed:
        yield "code changed", sentence
    yield "versions", ", ".join(f"{name} {version}" for name, version in record.versions.items())
    if record.interpreter:
        count = len(record.interpreter.installed)
        yield "installed", f"{count} distributions in {record.interpreter.executable}"
        for name, editable in (record.interpreter.editable or {}).items():
            digest = editable.digest[:_HASH_SHOWN] if editable.digest else "not recorded"
            place = "" if name == editable.path else f" in {editable.path}"
            yield "editable", f"{name}{place}: {digest}"
    if record.rerun_of:
        yield "rerun of", record.rerun_of
    for change in record.changes:
        yield "changed", change
    for name, code in record.packages.items():
        yield f"package {name}", _package_words(code)
    for name, executor in record.executors.items():
        yield f"executor {name}", _executor_words(executor)


def _executor_words(executor: dict[str, Json]) -> str:
    """Its fields, without those that say nothing."""
    said = {
        name: value for name, value in executor.items() if value not in (None, "", [], {}, False)
    }
    return ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in said.items()
    )


def _package_words(code: PackagedCode) -> str:
    if code.linked:
        return f"what lay in {code.linked} on the cluster"
    files = "1 file" if code.files == 1 else f"{code.files} files"
    return f"{code.digest[:_HASH_SHOWN]}, {files}, {size_words(code.size_bytes)}"


def _git_words(git: GitState | None) -> str:
    if git is None:
        return "not a repository"
    commit = git.commit[:_HASH_SHOWN] if git.commit else "no commit yet"
    branch = f" on {git.branch}" if git.branch else ""
    return f"{commit}{branch}, {_dirty_words(git)}"


def _dirty_words(git: GitState) -> str:
    """Untracked files, and all files where there is no commit yet, are known by name: there is no diff of them."""
    if git.diff:
        return "with changes (--diff prints them)"
    if not git.dirty:
        return "clean"
    if not git.untracked:
        return "with changes"
    files = (
        "1 untracked file" if len(git.untracked) == 1 else f"{len(git.untracked)} untracked files"
    )
    return f"with {files}"


def _attempts(status: ExperimentStatus, channel: Channel) -> list[Line]:
    """A row for every attempt; one that says so for a job that has not begun."""
    rows = [
        (job, one)
        for job in status.jobs
        for one in job.attempts or (AttemptStatus(number=0, state=job.state),)
    ]
    states = tuple(state_span(one.state, unicode=channel.unicode) for _, one in rows)

    def column(heading: str, drop: int, text: Callable[[AttemptStatus], str]) -> Column:
        return Column(heading=heading, cells=tuple((text(one), "") for _, one in rows), drop=drop)

    return draw_table(
        [
            Column(heading="JOB", cells=tuple((job.id, "") for job, _ in rows)),
            Column(heading="STATE", cells=states),
            column("ATTEMPT", 4, lambda one: str(one.number or "-")),
            column("EXIT", 5, _exit_words),
            column("STARTED", 2, lambda one: local_time(one.started_at)),
            column("TIME", 3, lambda one: _took(one, status.as_of)),
            column("HOST", 0, lambda one: one.host or "-"),
            column("LOG", 1, lambda one: one.log or "-"),
        ],
        channel,
    )


def _exit_words(attempt: AttemptStatus) -> str:
    code = None if attempt.exit_code is None else str(attempt.exit_code)
    return attempt.signal or code or "-"


def _took(attempt: AttemptStatus, now: datetime) -> str:
    seconds = elapsed_s(attempt.started_at, attempt.ended_at, now)
    return "-" if seconds is None else duration(seconds)
