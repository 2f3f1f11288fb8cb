"""What of a job's folder must be ready before its container starts, and who may read and write in it.

All of it lies below the experiment's folder, which is the caller's alone (0700). So a permission for everybody
in here is one for the container's user, and for nobody else.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.launchers.nsys import profiles_folder
from nemorun_discover.schedulers.checkouts import lay_out_code
from nemorun_discover.schedulers.docker.commands import Way, secrets_text
from nemorun_discover.schedulers.docker.places import JOB_DIR, SECRETS, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nemorun_discover.schedulers.docker.volumes import Volume
    from nemorun_discover.schedulers.protocol import Submission

_ALL_WRITE, _ALL_READ = 0o777, 0o644
_LOG = 0o666
_SECRET = 0o600


def prepare_folders(submission: Submission, volumes: Iterable[Volume], *, is_shared: bool) -> None:
    """Lay out the code, make the folders and the log.

    Args:
        submission: The attempt.
        volumes: The executor's; those of the job's folder are made, all others must be there.
        is_shared: Another user than root works in there.

    Raises:
        ExecutorRefused: Something cannot be made, or is not there.
    """
    paths, attempt = submission.paths, submission.paths.attempt(submission.attempt)
    try:
        lay_out_code(submission)
        for folder in (attempt.root, paths.outputs, paths.root / "code", *_profiles(submission)):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_volumes(volumes)
        os.close(os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        if is_shared:
            _share(submission)
    except OSError as error:
        raise ExecutorRefused(f"{error.filename or paths.root}: {error.strerror}") from error


def write_secrets(submission: Submission, way: Way, *, is_shared: bool) -> None:
    """Put the job's secrets where it takes them from; nothing when it has none.

    Raises:
        ExecutorRefused: They cannot be written, or the image has nothing that could read them.
    """
    if not submission.environment:
        return
    if way is Way.BARE:
        raise ExecutorRefused(
            f"{submission.job.id}: its image has neither Python nor a shell to take secrets with",
            hint="take secrets out of the profile, or use an image with a shell",
        )
    values = dict(submission.environment)
    text = json.dumps(values) if way is Way.WORKER else secrets_text(values)
    path = _secrets_of(submission)
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET), "w") as file:
            file.write(text)
        if is_shared:
            path.chmod(_ALL_READ)
    except OSError as error:
        raise ExecutorRefused(f"{path}: {error.strerror}") from error


def remove_secrets(submission: Submission) -> None:
    """The job takes them away itself; this is for one that never came to it."""
    with contextlib.suppress(OSError):
        _secrets_of(submission).unlink(missing_ok=True)


def _secrets_of(submission: Submission) -> Path:
    return submission.paths.attempt(submission.attempt).root / SECRETS


def _profiles(submission: Submission) -> list[Path]:
    launcher = launcher_of(submission.executor)
    if launcher is None or not launcher.nsys_profile:
        return []
    inside = profiles_folder(launcher, place_of(submission))
    return [submission.paths.root / os.path.relpath(inside, JOB_DIR)]


def _make_volumes(volumes: Iterable[Volume]) -> None:
    for one in volumes:
        if one.is_ours:
            os.makedirs(one.source, mode=0o700, exist_ok=True)  # noqa: PTH103 - text in the API's form
        elif not one.is_named and not os.path.lexists(one.source):
            raise ExecutorRefused(
                f"volumes: {one.source} is not there",
                hint="make it, or mend the path in the profile",
            )


def _share(submission: Submission) -> None:
    """Let another user than the caller work in the folder, and read what the job needs."""
    paths, attempt = submission.paths, submission.paths.attempt(submission.attempt)
    for folder in (paths.root, attempt.root, paths.outputs, *_profiles(submission)):
        folder.chmod(_ALL_WRITE)
    attempt.log.chmod(_LOG)
    submission.runtime.chmod(_ALL_READ)
    for file in (paths.job, paths.script):
        if file.exists():
            file.chmod(_ALL_READ)
    if submission.checkout is not None:  # it is the job's own, who may write there
        _let_read(submission.checkout, write=True)
    for upstream in submission.upstream:
        _let_read(paths.root.parent / upstream)


def _let_read(folder: Path, *, write: bool = False) -> None:
    """What the caller may read, and write, all may; what is not the caller's to change stays as it is."""
    bits = stat.S_IRUSR | stat.S_IXUSR | (stat.S_IWUSR if write else 0)
    for path, _, files in os.walk(folder):
        for one in (path, *(os.path.join(path, name) for name in files)):  # noqa: PTH118 - thousands of them
            with contextlib.suppress(OSError):
                mode = stat.S_IMODE(os.lstat(one).st_mode)
                own = mode & bits
                wanted = mode | own >> 3 | own >> 6
                if wanted != mode and not os.path.islink(one):  # noqa: PTH114 - likewise
                    os.chmod(one, wanted)  # noqa: PTH101 - likewise
