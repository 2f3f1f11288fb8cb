"""A job as a plain folder that runs where nemorun is not installed."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.documents import CommandRequest, JobDocument, read_object
from nemorun_discover.errors import NemorunError, StoreError, UsageError
from nemorun_discover.executors.packagers import GitArchivePackager
from nemorun_discover.files import write_json
from nemorun_discover.lifecycle.eject_texts import README, START, Places, run_script
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.packaging.checkout import checkout
from nemorun_discover.packaging.packager import list_package, place_in
from nemorun_discover.packaging.runtime import is_intact
from nemorun_discover.packaging.store import store_package
from nemorun_discover.secrets import masked_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.model.job import Job
    from nemorun_discover.model.record import Record
    from nemorun_discover.store.home import Home

RUNTIME = "runtime.zip"


def eject(home: Home, record: Record, job: Job, folder: Path) -> tuple[str, ...]:
    """Make the folder.

    Args:
        home: Where the experiment is.
        record: The experiment.
        job: Which of its jobs.
        folder: Absolute; not there yet, or empty.

    Returns:
        What the reader of the folder should know, a sentence each.

    Raises:
        UsageError: The folder holds something, an upstream job has left nothing, or nobody can tell which
            files the job ran.
        StoreError: Something the job needs is not in the home any more, or the folder cannot be written.
    """
    if folder.is_symlink() or folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise UsageError(
            f"{folder}: is there already, and not empty", hint="name a folder that is not there"
        )
    layout = home.layout.experiment(record.id)
    request = _command_of(record, job, layout.job(job.slug).request)
    document = read_object(layout.job(job.slug).job, JobDocument)
    if request is None or document is None:
        raise StoreError(
            f"{layout.job(job.slug).root}: what was asked of {job.id} is not there any more"
        )
    with _appearing(folder) as draft:
        root, notes = _write_code(home, record, job, draft)
        _mask_settings(draft / root)
        _copy_runtime(home, record, draft)
        places = Places(
            folder=layout.job(job.slug).root,
            runtime=home.layout.packages / record.runtime,
            root=Path(document["root"]),
            code=root,
        )
        upstream = _copy_upstream(home, record, job, document["upstream"], draft)
        document["upstream"] = {
            task: [f"{folder.name}/{one}" for one in copies] for task, copies in upstream.items()
        }
        _write_job(document, places, draft, folder)
        _copy_script(layout.job(job.slug), draft)
        _write_text(draft / "run.sh", run_script(record, job, request, places))
        _write_text(draft / "start.py", START)
        python = record.interpreter.version if record.interpreter else record.versions.get("python")
        text = README.format(
            job=job.id, experiment=record.id, python=python or "an unknown version"
        )
        _write_text(draft / "README.md", text)
    return notes


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A folder beside its place, which appears there whole or not at all."""
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _command_of(record: Record, job: Job, path: Path) -> dict[str, Any] | None:
    """The request of a job whose scheduler was sent a command of this machine; None when it is not there any more.

    Raises:
        UsageError: It was sent something else: a batch script, a container.
        StoreError: It is damaged.
    """
    request = read_object(path, dict[str, Any])
    if request is None:
        return None
    if "argv" not in request and "cwd" not in request:
        raise UsageError(
            f"{job.id}: {job.executor} was not sent a command that could be run without it",
            hint=f"run it here, and eject that: nemorun rerun {record.id} '{job.id}' -e local",
        )
    return read_object(path, CommandRequest)


def _write_code(home: Home, record: Record, job: Job, draft: Path) -> tuple[str, tuple[str, ...]]:
    """The code as `code/`; where the project's root lies in the folder, and what to know of it."""
    code = record.packages.get(job.executor)
    if code is not None and code.linked:
        raise UsageError(
            f"{job.id} ran the code that lay in {code.linked} on the cluster, and it is not here",
            hint="take symlink_from_remote_dir out of the packager, and rerun with --fresh-code",
        )
    if code is not None:
        checkout(home.layout.packages, code.digest, draft / "code")
        return _joined("code", code.root), ()
    root = Path(record.project.root)
    try:
        listing = list_package(
            GitArchivePackager(size_limit_mb=0),
            root,
            cache_dir=user_cache_dir(),
            leave_out=home.folders(),
        )
        inside, _ = place_in(listing, root)
    except NemorunError as error:
        raise UsageError(
            f"{job.id} ran the project's own files, and which those are cannot be told: {error.message}",
            hint='packager = "git" or "pattern" in its profile keeps them with every experiment',
        ) from error
    store_package(draft / "packages", listing)
    checkout(draft / "packages", listing.digest, draft / "code")
    shutil.rmtree(draft / "packages")
    return _joined("code", inside), (
        f"code/ holds the project's files as git sees them now: {record.id} kept no copy of its own",
    )


def _mask_settings(folder: Path) -> None:
    """The folder is for others: what a configuration says under names that promise a secret stays here."""
    for name in ("nemorun.toml", "pyproject.toml"):
        path = folder / name
        if not path.is_file() or path.is_symlink():
            continue
        text = path.read_text(errors="surrogateescape")
        parts = re.split(r"(?m)^(?=\s*\[)", text)
        ours = [name == "nemorun.toml" or "tool.nemorun" in one[:80] for one in parts]
        hidden = "".join(
            masked_settings(one) if is_ours else one
            for one, is_ours in zip(parts, ours, strict=True)
        )
        if hidden != text:
            mode = path.stat().st_mode
            path.unlink()
            path.write_text(hidden, errors="surrogateescape")
            path.chmod(mode)


def _joined(folder: str, inside: str) -> str:
    return f"{folder}/{inside.strip('/')}" if inside else folder


def _copy_runtime(home: Home, record: Record, draft: Path) -> None:
    runtime = home.layout.packages / record.runtime
    if not is_intact(runtime):
        raise StoreError(
            f"{runtime}: is not there any more, or damaged, and runs the job",
            hint=f"`nemorun rerun {record.id}` makes an experiment that can be ejected",
        )
    shutil.copyfile(runtime, draft / RUNTIME)


def _copy_upstream(
    home: Home, record: Record, job: Job, upstream: dict[str, list[str]], draft: Path
) -> dict[str, list[str]]:
    """What the upstream jobs left, as `upstream/`; by task, where it lies in the folder.

    Args:
        home: Where the experiments are.
        record: The job's experiment.
        job: The job.
        upstream: From its job.json: by task, folders beside its own, or of earlier experiments.
        draft: The folder.
    """
    copied: dict[str, list[str]] = {}
    for task, folders in upstream.items():
        copied[task] = []
        for number, one in enumerate(folders):
            *_, experiment, _, slug = ["", record.id, "jobs", *one.split("/")]
            source = home.layout.experiment(experiment).job(slug)
            if read_object(source.job, JobDocument) is None:
                raise UsageError(
                    f"{job.id} needs what {experiment}/{slug} left, which is not there any more",
                    hint="rerun both, and eject from there",
                )
            place = f"upstream/{task}-{number}"
            _copy_job(source, JobLayout(draft / place))
            copied[task].append(place)
    return copied


def _copy_job(source: JobLayout, target: JobLayout) -> None:
    target.root.mkdir(parents=True)
    for one, other in ((source.job, target.job), (source.result, target.result)):
        if one.exists():
            shutil.copyfile(one, other)
    if source.outputs.is_dir():
        shutil.copytree(source.outputs, target.outputs, symlinks=True)


def _write_job(document: dict[str, Any], places: Places, draft: Path, folder: Path) -> None:
    """job.json with the paths of the folder; `folder` in it lets start.py see that it was moved."""
    document["folder"] = str(folder)
    document["root"] = places.moved(document["root"], str(folder))
    document["sys_path"] = [places.moved(one, str(folder)) for one in document["sys_path"]]
    relocated = document.get("relocated", {})
    document["relocated"] = {
        live: places.moved(one, str(folder)) for live, one in relocated.items()
    }
    document["argv"] = [places.moved(one, str(folder)) for one in document["argv"]]
    write_json(draft / "job.json", document)
    (draft / "outputs").mkdir()


def _copy_script(source: JobLayout, draft: Path) -> None:
    if source.script.is_file():
        shutil.copyfile(source.script, draft / source.script.name)


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(os.fsencode(text))
