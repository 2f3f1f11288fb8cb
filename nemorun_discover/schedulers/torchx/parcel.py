"""All that a job needs which does not see this machine's files, as variables that TorchX hands to it.

The parcel is a tar of the runtime, the job's folder, what the jobs before it returned, and its package. It travels in
the description of the app: no storage, no mount and no access to this machine is asked for.
"""

from __future__ import annotations

import base64
import io
import json
import os
import tarfile
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import ExecutorRefused
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.schedulers.torchx.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Submission

PYTHON = "python3"
VARIABLE = "NEMORUN_PARCEL_"
PARCEL_SHOWN = "(the runtime, the job and its code)"
# Linux takes no longer string among a program's variables (MAX_ARG_STRLEN, 128 KiB).
_PIECE = 100_000
# Kubernetes' etcd keeps no larger object than 1.5 MiB.
_LARGEST = 1_000_000
# Where the job runs: unpack the parcel and begin. It holds no dollar sign, since TorchX and Kubernetes replace
# what follows one.
UNPACK = (
    "import base64,io,os,sys,tarfile\n"
    "e,box=os.environ,sys.argv[1]\n"
    f"n=sorted((k for k in e if k.startswith('{VARIABLE}')),key=lambda k:int(k[{len(VARIABLE)}:]))\n"
    "t=tarfile.open(fileobj=io.BytesIO(base64.b64decode(''.join(e.pop(k) for k in n))))\n"
    # The name can be guessed, and /tmp may be shared: a folder or a link that another user has put there is not used.
    "os.path.lexists(box) or os.mkdir(box,0o700)\n"
    "s=os.lstat(box)\n"
    "s.st_mode&0o170000==0o040000 and s.st_uid==os.getuid() or sys.exit(box+' is not ours')\n"
    "t.extractall(box)\n"
    "r=os.path.join(box,'runtime.zip')\n"
    "os.execv(sys.executable,[sys.executable,r,'--box',*sys.argv[2:]])\n"
)


def boxed(submission: Submission) -> Submission:
    """The attempt as its job sees it: in a folder of its own, where nothing else is."""
    own = f"{submission.experiment_id}/{submission.job.id}/{submission.attempt}"
    box = Path("/tmp", f"nemorun-{sha256(own.encode()).hexdigest()[:16]}")  # noqa: S108 - where the job runs
    folder = box / submission.experiment_id / "jobs" / submission.paths.root.name
    executor = settings_of(submission).clone()
    executor.python = executor.python or PYTHON
    return replace(
        submission, paths=JobLayout(folder), runtime=box / "runtime.zip", executor=executor
    )


def box_of(there: Submission) -> Path:
    """The folder that all of a boxed job's files lie in."""
    return there.runtime.parent


def token_of(submission: Submission) -> str:
    """What lines of the log begin with that are no words of the job; the same for who reads them later."""
    own = f"{submission.paths.root}/{submission.attempt}"
    return f"nemorun:{sha256(own.encode()).hexdigest()[:24]}:"


def variables_of(submission: Submission, start: Mapping[str, Any]) -> dict[str, str]:
    """The parcel, in as many variables as it takes.

    Args:
        submission: The attempt, with its files here.
        start: What its job becomes, as it sees it.

    Raises:
        ExecutorRefused: It is too large to travel so.
    """
    text = base64.b64encode(_packed(submission, start)).decode()
    if len(text) > _LARGEST:
        raise ExecutorRefused(
            f"{submission.job.id}: what it needs is {len(text) / 1e6:.1f} MB, and a job that does not see this "
            f"machine's files is sent no more than {_LARGEST / 1e6:.0f} MB",
            hint="put the code into the image (code_dir), or share the files (mounts, shares_files = true)",
        )
    pieces = [text[begin : begin + _PIECE] for begin in range(0, len(text), _PIECE)]
    return {f"{VARIABLE}{number}": piece for number, piece in enumerate(pieces)}


def _packed(submission: Submission, start: Mapping[str, Any]) -> bytes:
    here, there = submission.paths, boxed(submission).paths
    box = box_of(boxed(submission))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        _add(tar, "runtime.zip", _without_bytecode(submission.runtime))
        inside = there.root.relative_to(box)
        _add(tar, f"{inside}/job.json", here.job.read_bytes())
        if here.script.exists():
            _add(tar, f"{inside}/script", here.script.read_bytes())
        own = there.attempt(submission.attempt).start.relative_to(box)
        _add(tar, str(own), json.dumps(start).encode())
        _add(tar, f"{inside}/outputs/.keep", b"")
        for folder in _upstream(here):
            _add_upstream(tar, box, there, here, folder)
        if submission.checkout is not None:
            tar.add(submission.checkout, f"{inside}/code")
    return buffer.getvalue()


def _upstream(here: JobLayout) -> list[str]:
    """The folders of the jobs before it, relative to the one that holds its own."""
    document = read_object(here.job, JobOrders) or {}
    return [one for folders in document.get("upstream", {}).values() for one in folders]


def _add_upstream(
    tar: tarfile.TarFile, box: Path, there: JobLayout, here: JobLayout, folder: str
) -> None:
    source = JobLayout(here.root.parent / folder)
    target = Path(os.path.normpath(there.root.parent / folder)).relative_to(box)
    for path in (source.job, source.result):
        if path.exists():
            _add(tar, f"{target}/{path.name}", path.read_bytes())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))


def _without_bytecode(runtime: Path) -> bytes:
    """The runtime a third as large: the image has another Python, or compiles once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(runtime) as whole, zipfile.ZipFile(buffer, "w") as lean:
        for name in whole.namelist():
            if not name.endswith(".pyc"):
                lean.writestr(name, whole.read(name))
    return buffer.getvalue()
