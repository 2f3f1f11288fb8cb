"""The JSON documents that commands print; their field names are a contract (docs/cli.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nemorun_discover.cli.moments import rfc3339
from nemorun_discover.model.task import MISSING
from nemorun_discover.secrets import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nemorun_discover.config.resolve import ExecutorChoice
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import AttemptStatus, Contact, ExperimentStatus, JobStatus
    from nemorun_discover.model.task import Issue, Json, NotImported, Parameter, Task

Document = dict[str, Any]


def status_document(status: ExperimentStatus) -> Document:
    """`nemorun.status/1`."""
    return {
        "schema": "nemorun.status/1",
        "as_of": rfc3339(status.as_of),
        "experiment": experiment_fields(status),
        "jobs": [_job_fields(job) for job in status.jobs],
        "contacts": {name: _contact_fields(one) for name, one in status.contacts.items()},
        "trouble": status.trouble,
    }


def experiment_fields(status: ExperimentStatus) -> Document:
    """The experiment's own fields, the same in every document."""
    return {
        "id": status.id,
        "title": status.title,
        "state": str(status.state),
        "created_at": rfc3339(status.created_at),
        "ended_at": rfc3339(status.ended_at),
    }


def results_document(status: ExperimentStatus) -> Document:
    """`nemorun.results/1`."""
    return {
        "schema": "nemorun.results/1",
        "as_of": rfc3339(status.as_of),
        "experiment": experiment_fields(status),
        "results": [
            {
                "id": job.id,
                "task": job.task,
                "params": masked(job.params),
                "executor": job.executor,
                "state": str(job.state),
                "result": job.result,
                "outputs": job.outputs,
            }
            for job in status.jobs
        ],
    }


def experiments_document(rows: Iterable[Document]) -> Document:
    """`nemorun.experiments/1`; the rows are those of `experiment_row` and `unreadable_row`."""
    return {"schema": "nemorun.experiments/1", "experiments": list(rows)}


def experiment_row(status: ExperimentStatus) -> Document:
    """An experiment in the list: its fields, and how many jobs are in each state."""
    counts: dict[str, int] = {}
    for job in status.jobs:
        counts[str(job.state)] = counts.get(str(job.state), 0) + 1
    return {**experiment_fields(status), "jobs": counts, "error": None}


def unreadable_row(experiment_id: str, message: str) -> Document:
    """An experiment in the list whose record cannot be read."""
    unknown = dict.fromkeys(("title", "state", "created_at", "ended_at", "jobs"))
    return {"id": experiment_id, **unknown, "error": message}


def show_document(record: Record, status: ExperimentStatus) -> Document:
    """`nemorun.show/1`: what was asked, and every attempt of every job."""
    slug_of = {job.id: job.slug for job in record.jobs}
    return {
        "schema": "nemorun.show/1",
        "as_of": rfc3339(status.as_of),
        "experiment": {
            **experiment_fields(status),
            "argv": list(record.argv),
            "cwd": record.cwd,
            "user": record.user,
            "host": record.host,
            "versions": record.versions,
            "project": asdict(record.project),
            "git": asdict(record.git) if record.git else None,
            "executors": record.executors,
            "max_jobs": record.max_jobs,
            "maxfail": record.maxfail,
            "live_code": asdict(record.live_code) if record.live_code else None,
            "packages": {name: asdict(one) for name, one in record.packages.items()},
            "groups": {name: str(policy) for name, policy in record.groups.items()},
            "plugins": [asdict(one) for one in record.plugins],
            "interpreter": asdict(record.interpreter) if record.interpreter else None,
            "rerun_of": record.rerun_of,
            "changes": list(record.changes),
            "notes": list(status.notes),
        },
        "jobs": [
            {
                **_job_fields(job),
                "slug": slug_of.get(job.id),
                "attempts": [_attempt_fields(one) for one in job.attempts],
            }
            for job in status.jobs
        ],
    }


def tasks_document(
    tasks: Iterable[Task], issues: Iterable[Issue], not_imported: Iterable[NotImported] = ()
) -> Document:
    """`nemorun.tasks/1`."""
    return {
        "schema": "nemorun.tasks/1",
        "tasks": [
            {
                "id": task.id,
                "name": task.name,
                "file": task.file,
                "line": task.line or None,
                "tags": list(task.tags),
                "after": list(task.after),
                "inputs": list(task.inputs),
                "executors": list(task.executors),
                "params": {one.name: _parameter_fields(one, task.values) for one in task.params},
                "doc": task.doc,
            }
            for task in tasks
        ],
        "not_imported": [{**asdict(one), "function": one.function or None} for one in not_imported],
        "errors": _errors(issues),
    }


def executors_document(choices: Iterable[ExecutorChoice], issues: Iterable[Issue]) -> Document:
    """`nemorun.executors/1`."""
    return {
        "schema": "nemorun.executors/1",
        "executors": [
            {
                "name": choice.name,
                "kind": choice.kind or None,
                "source": choice.source,
                "file": choice.file or None,
            }
            for choice in choices
        ],
        "errors": _errors(issues),
    }


def jobs_document(jobs: Iterable[Job], issues: Iterable[Issue]) -> Document:
    """`nemorun.jobs/1`."""
    return {
        "schema": "nemorun.jobs/1",
        "jobs": [
            {
                "id": job.id,
                "task": job.task,
                "params": masked(job.params),
                "executor": job.executor,
                "after": [one for ids in job.after.values() for one in ids],
                "inputs": list(job.inputs),
            }
            for job in jobs
        ],
        "errors": _errors(issues),
    }


def _contact_fields(contact: Contact) -> Document:
    return {
        "as_of": rfc3339(contact.as_of),
        "trouble": contact.trouble,
        "progress": contact.progress,
    }


def _parameter_fields(parameter: Parameter, values: Mapping[str, Json]) -> Document:
    """A default is what the config says, else the signature's; null when only Python knows it."""
    own = None if parameter.default is MISSING else parameter.default
    return {
        "default": masked({parameter.name: values.get(parameter.name, own)})[parameter.name],
        "type": parameter.type.text,
        "required": parameter.is_required and parameter.name not in values,
    }


def _errors(issues: Iterable[Issue]) -> list[Document]:
    return [{"file": one.file, "line": one.line or None, "message": one.message} for one in issues]


def _job_fields(job: JobStatus) -> Document:
    return {
        "id": job.id,
        "task": job.task,
        "params": masked(job.params),
        "executor": job.executor,
        "state": str(job.state),
        "reason": job.reason,
        "message": job.message,
        "raw_state": job.raw_state,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "attempt": job.attempt or None,
        "native_id": job.native_id,
        "handle": job.handle,
        "submitted_at": rfc3339(job.submitted_at),
        "started_at": rfc3339(job.started_at),
        "ended_at": rfc3339(job.ended_at),
        "as_of": rfc3339(job.as_of),
        "waits_for": job.waits_for,
        "expected_start_at": rfc3339(job.expected_start_at),
        "log": job.log,
        "outputs": job.outputs,
        "result": job.result,
    }


def _attempt_fields(attempt: AttemptStatus) -> Document:
    return {
        "number": attempt.number,
        "state": str(attempt.state),
        "reason": attempt.reason,
        "exit_code": attempt.exit_code,
        "signal": attempt.signal,
        "native_id": attempt.native_id,
        "host": attempt.host,
        "submitted_at": rfc3339(attempt.submitted_at),
        "started_at": rfc3339(attempt.started_at),
        "ended_at": rfc3339(attempt.ended_at),
        "log": attempt.log,
        "code": [asdict(one) for one in attempt.code],
    }
