"""`run --dry-run`: the plan in full, nothing written and nothing sent."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from nemorun_discover.lifecycle.experiment import requests_of
from nemorun_discover.lifecycle.plan import document_of
from nemorun_discover.secrets import masked
from nemorun_discover.store.home import open_home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nemorun_discover.cli.console import Console, Line
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.model.task import Json


def print_plan(plan: Plan, console: Console, *, as_json: bool) -> None:
    """Print every job, its executor and the exact request to its scheduler."""
    requests = requests_of(
        open_home(os.environ), plan, os.environ, tell=lambda note: console.note(f"note: {note}")
    )
    if as_json:
        console.document(document_of(plan, requests))
        return
    for name, table in plan.executors.items():
        console.out.lines([((f"executor {name}", "bold"),), *_fields(table)])
    printed: dict[str, str] = {}
    for job in plan.jobs:
        console.out.lines([(), *_job_lines(job, requests[job.id], printed)])
    count = len(plan.jobs)
    console.note(f"{count} {'job' if count == 1 else 'jobs'} planned; nothing was launched")


def _fields(table: Mapping[str, Json]) -> list[Line]:
    set_ = {key: value for key, value in table.items() if value not in (None, {}, [])}
    return [
        ((f"  {key} = {json.dumps(value, ensure_ascii=False)}", ""),) for key, value in set_.items()
    ]


def _job_lines(job: Job, request: Mapping[str, Any], printed: dict[str, str]) -> Iterator[Line]:
    """The job and its request; a text of many lines is printed once, for the first job that has it (`printed`)."""
    yield ((f"job {job.id}", "bold"),)
    for task, ids in job.after.items():
        yield ((f"  after {task}: {', '.join(ids)}", ""),)
    for task in job.inputs:
        yield ((f"  gets the outputs of {task}", ""),)
    for name, value in masked(job.params).items():
        yield ((f"  {name} = {json.dumps(value, ensure_ascii=False)}", ""),)
    for key, value in request.items():
        if key == "env":
            pairs = [f"{name}={shlex.quote(str(one))}" for name, one in sorted(value.items())]
            yield from (((f"  env {pair}", ""),) for pair in pairs)
            continue
        text = shlex.join(value) if isinstance(value, list) else str(value)
        first = printed.setdefault(text, job.id) if "\n" in text else job.id
        if first != job.id:
            yield ((f"  {key} as of {first}", ""),)
        elif "\n" in text:
            yield ((f"  {key}", ""),)
            yield from (((f"    {line}".rstrip(), ""),) for line in text.splitlines())
        else:
            yield ((f"  {key} {text}", ""),)
