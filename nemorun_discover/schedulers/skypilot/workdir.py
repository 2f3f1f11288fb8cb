"""The folder that SkyPilot sends: all that the jobs of one executor need, laid out as they find it there.

    .skyignore                           empty: without it, what git ignores would stay behind
    <runtime>.zip
    <experiment>/code/<digest>/          the package, of which each job makes a checkout beside its job.json
    <experiment>/jobs/<slug>/            job.json, script
    <experiment>/jobs/<upstream>/        job.json, result.json, outputs/ of a job that was waited for

Each job adds to it, and takes nothing away: SkyPilot's rsync leaves alone what other jobs of the cluster use.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import ExecutorRefused, NemorunError
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.packaging.checkout import checkout
from nemorun_discover.schedulers.skypilot.script import job_place, package_place

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission


def fill_workdir(submission: Submission, workdir: Path) -> None:
    """Put in place what an attempt needs.

    Raises:
        ExecutorRefused: It cannot be written, or something is missing.
    """
    try:
        workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (workdir / ".skyignore").touch()
        _link(submission.runtime, workdir / submission.runtime.name)
        _lay_out_code(submission, workdir)
        place = JobLayout(workdir / job_place(submission))
        place.root.mkdir(parents=True, exist_ok=True)
        _link(submission.paths.job, place.job)
        if submission.paths.script.exists():
            _link(submission.paths.script, place.script)
        _add_upstream(submission, place)
    except OSError as error:
        raise ExecutorRefused(
            f"{submission.job.id} cannot be laid out in {workdir} to be sent ({error.strerror or error})",
            hint="free some space, or set NEMORUN_HOME to a directory you can write",
        ) from error
    except NemorunError as error:
        raise ExecutorRefused(f"{submission.job.id}: {error.message}", hint=error.hint) from error


def _lay_out_code(submission: Submission, workdir: Path) -> None:
    if submission.package is not None:
        place = workdir / package_place(submission.experiment_id, submission.package)
        checkout(submission.runtime.parent, submission.package, place)


def _add_upstream(submission: Submission, place: JobLayout) -> None:
    """What the job finds of those it waited for, by the same relative paths as here."""
    job = read_object(submission.paths.job, JobOrders) or {}
    folders = [one for ids in job.get("upstream", {}).values() for one in ids]
    for folder in folders:
        here = JobLayout(Path(os.path.normpath(submission.paths.root.parent / folder)))
        there = JobLayout(Path(os.path.normpath(place.root.parent / folder)))
        there.root.mkdir(parents=True, exist_ok=True)
        for source, target in ((here.job, there.job), (here.result, there.result)):
            if source.exists():
                _link(source, target)
        is_wanted = folder not in job.get("results_only", ())
        if is_wanted and here.outputs.is_dir() and not there.outputs.exists():
            # In one step: what a driver that was killed here has left is no outputs.
            half = there.root / f"outputs.{os.getpid()}"
            shutil.copytree(here.outputs, half, symlinks=True, copy_function=_link)
            half.rename(there.outputs)


def _link(source: str | Path, target: str | Path) -> None:
    """The same file under another name, or a copy where the file system does not have that; nobody writes to it."""
    temporary = Path(f"{target}.{os.getpid()}")
    if Path(target).exists() and Path(target).samefile(source):
        return
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copy2(source, temporary)
    temporary.replace(target)
