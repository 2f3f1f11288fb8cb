"""`nemorun list`: the tasks, the executors, and the jobs that a run would make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nemorun_discover.cli.complete import complete_executor, complete_task, complete_word
from nemorun_discover.cli.console import open_console
from nemorun_discover.cli.documents import executors_document, jobs_document, tasks_document
from nemorun_discover.cli.list_request import ListRequest
from nemorun_discover.cli.options import nemorun_command
from nemorun_discover.cli.project import open_project
from nemorun_discover.cli.table import Column, draw_table
from nemorun_discover.errors import ExitCode, UsageError
from nemorun_discover.lifecycle.collecting import describe_issue
from nemorun_discover.lifecycle.references import as_written, mark_jobs
from nemorun_discover.model.task import MISSING
from nemorun_discover.secrets import MASK, promises_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Channel, Console, Line
    from nemorun_discover.cli.project import OpenProject
    from nemorun_discover.cli.settings import Settings
    from nemorun_discover.config.resolve import ExecutorChoice
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import NotImported, Parameter, Task

_KINDS = ("tasks", "executors", "jobs")


@nemorun_command("list", short_help="List tasks, executors or jobs.")
@click.argument(
    "words",
    metavar="[tasks|executors|jobs] [PATH|FILE::TASK|KEY=VALUE]...",
    nargs=-1,
    shell_complete=complete_word,
)
@click.option(
    "-k",
    "keyword",
    metavar="EXPR",
    shell_complete=complete_task,
    help="Whose name or parameters match.",
)
@click.option("-m", "tags", metavar="EXPR", help="Whose tags match.")
@click.option(
    "-e",
    "executors",
    metavar="NAME|GLOB|EXPR",
    multiple=True,
    shell_complete=complete_executor,
    help="On these executors.",
)
@click.option(
    "--set", "settings_", metavar="TASK.KEY=VALUE", multiple=True, help="A parameter of one task."
)
def list_command(
    settings: Settings,
    *,
    words: tuple[str, ...],
    keyword: str | None,
    tags: str | None,
    executors: tuple[str, ...],
    settings_: tuple[str, ...],
) -> ExitCode:
    """List what is there: the tasks, the executors, or the jobs that `run` would make of them.

    Files are read; one whose tasks that does not tell is imported, unless --no-import. With -q only the ids are printed, one a line, as `run @FILE` takes them.
    """
    kind, words = (words[0], words[1:]) if words[:1] and words[0] in _KINDS else ("tasks", words)
    console = open_console(settings)
    project = open_project(settings)
    request = ListRequest(
        words=words, keyword=keyword, tags=tags, executors=executors, settings=settings_
    )
    if kind == "executors":
        _list_executors(project, request, console, as_json=settings.json)
    elif kind == "jobs":
        _list_jobs(project, request, console, settings)
    else:
        _list_tasks(project, request, console, settings)
    return _tell_issues(project, console)


def _list_tasks(
    project: OpenProject, request: ListRequest, console: Console, settings: Settings
) -> None:
    tasks = as_written(_tasks(project, request, settings), project.config)
    if settings.json:
        missed = project.collection.not_imported
        console.document(tasks_document(tasks, project.collection.issues, missed))
    elif console.verbosity < 0:
        console.out.lines([((task.id, ""),) for task in tasks])
    else:
        missed = project.collection.not_imported if request == ListRequest() else ()
        console.out.lines(_task_table(tasks, missed, console.out))
        if not tasks and not missed:
            console.note(
                "no task was found: mark a function with @nemorun.task, or run `nemorun init`"
            )


def _tasks(project: OpenProject, request: ListRequest, settings: Settings) -> Sequence[Task]:
    if request == ListRequest():
        return project.collection.tasks
    from nemorun_discover.cli.listing import tasks_of  # noqa: PLC0415 - a bare list selects nothing

    return tasks_of(project, request, cwd=settings.directory)


def _list_jobs(
    project: OpenProject, request: ListRequest, console: Console, settings: Settings
) -> None:
    from nemorun_discover.cli.listing import jobs_of  # noqa: PLC0415 - a bare list expands nothing

    jobs = mark_jobs(jobs_of(project, request, cwd=settings.directory), project.config)
    if settings.json:
        console.document(jobs_document(jobs, project.collection.issues))
    elif console.verbosity < 0:
        console.out.lines([((job.id, ""),) for job in jobs])
    else:
        console.out.lines(_job_table(jobs, console.out))
        console.note("1 job" if len(jobs) == 1 else f"{len(jobs)} jobs")


def _list_executors(
    project: OpenProject, request: ListRequest, console: Console, *, as_json: bool
) -> None:
    if request.words or request.keyword or request.tags or request.settings:
        raise UsageError(
            "`list executors` takes -e only", hint="tasks are listed by `nemorun list`"
        )
    choices = project.executors
    if request.executors:
        from nemorun_discover.discovery.executor_names import match_executors  # noqa: PLC0415 - likewise

        chosen = match_executors([one.name for one in choices], request.executors)
        choices = [one for one in choices if one.name in chosen]
    if as_json:
        console.document(executors_document(choices, project.collection.issues))
    elif console.verbosity < 0:
        console.out.lines([((one.name, ""),) for one in choices])
    else:
        console.out.lines(_executor_table(choices, console.out))


def _task_table(
    tasks: Sequence[Task], missed: Sequence[NotImported], channel: Channel
) -> list[Line]:
    names = [*(task.id for task in tasks), *map(_name_of, missed)]
    tags = [" ".join(task.tags) for task in tasks]
    docs = [*(task.doc.partition("\n")[0] for task in tasks)]
    docs += [f"not imported: {one.reason}" for one in missed]
    signatures = [_signature(task) for task in tasks]
    unknown = ["?"] * len(missed)
    return draw_table(
        [
            _column("TASK", names),
            _column("PARAMETERS", [*signatures, *unknown], drop=2, narrowest=10),
            _column("TAGS", [*tags, *unknown], drop=1),
            _column("WHAT IT DOES", docs, drop=0, narrowest=10),
        ],
        channel,
    )


def _column(
    heading: str, texts: Sequence[str], drop: int | None = None, narrowest: int | None = None
) -> Column:
    cells = tuple((text, "") for text in texts)
    return Column(heading=heading, cells=cells, drop=drop, narrowest=narrowest)


def _name_of(missed: NotImported) -> str:
    return f"{missed.file}::{missed.function or '?'}"


def _signature(task: Task) -> str:
    return " ".join(_with_default(one, task) for one in task.params)


def _with_default(parameter: Parameter, task: Task) -> str:
    default = parameter.default_text if parameter.default is MISSING else parameter.default
    if promises_secret(parameter.name, task.values.get(parameter.name, default)):
        return f"{parameter.name}={MASK}"
    if parameter.name in task.values:
        return f"{parameter.name}={task.values[parameter.name]}"
    if parameter.default_text is None:
        return f"{parameter.name}=?"
    return f"{parameter.name}={parameter.default_text}"


def _job_table(jobs: Sequence[Job], channel: Channel) -> list[Line]:
    after = tuple((" ".join(one for ids in job.after.values() for one in ids), "") for job in jobs)
    return draw_table(
        [
            Column(heading="JOB", cells=tuple((job.id, "") for job in jobs)),
            Column(heading="AFTER", cells=after, drop=0, narrowest=10),
        ],
        channel,
    )


def _executor_table(choices: Sequence[ExecutorChoice], channel: Channel) -> list[Line]:
    return draw_table(
        [
            Column(heading="EXECUTOR", cells=tuple((one.name, "") for one in choices)),
            Column(heading="KIND", cells=tuple((one.kind or "?", "") for one in choices), drop=2),
            Column(heading="SOURCE", cells=tuple((one.source, "") for one in choices), drop=1),
            Column(heading="FILE", cells=tuple((one.file, "") for one in choices), drop=0),
        ],
        channel,
    )


def _tell_issues(project: OpenProject, console: Console) -> ExitCode:
    """Say on stderr what could not be collected; the rest has been listed."""
    for issue in project.collection.issues:
        console.err.line(("error", "bad"), f": {describe_issue(issue)}")
        if issue.hint:
            console.note(("hint", "bold"), f": {issue.hint}")
    return ExitCode.USAGE if project.collection.issues else ExitCode.OK
