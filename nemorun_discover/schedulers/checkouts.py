"""The checkouts of jobs that find their code on this machine: one for each job, which may write to it.

Making one costs a file for each file of the package: 0.25 s of processor time for 2,000 on ext4, of which sharing blocks
would save little. So the checkout of a job that has ended goes to one that starts later, by a rename, and what the
first one wrote stays in its place: see `Checkouts`.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.documents import JobOrders, read_object
from nemorun_discover.errors import DamagedFile, ExecutorRefused, NemorunError

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission

_Look = dict[str, tuple[int, ...]]
_BYTECODE = "__pycache__"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Made:
    """A checkout that was made here: its package, and its files as they were then."""

    package: str
    files: _Look


def lay_out_code(submission: Submission) -> bool:
    """Lay out the job's package as a folder, unless it has none; False when that was there already.

    Raises:
        DamagedFile: The job's job.json is damaged.
        ExecutorRefused: It cannot be written, or the package is damaged.
    """
    place = submission.checkout
    if submission.package is None or place is None:
        return False
    # Most jobs run the project's own files, and do not pay for this.
    from nemorun_discover.packaging.checkout import checkout  # noqa: PLC0415

    try:
        for one in _shared_place(submission):
            checkout(submission.runtime.parent, submission.package, one)
        if place.exists():
            return False
        checkout(submission.runtime.parent, submission.package, place)
    except DamagedFile:
        raise  # of this job: it ends as that
    except NemorunError as error:
        raise ExecutorRefused(f"{submission.job.id}: {error.message}", hint=error.hint) from error
    return True


def _shared_place(submission: Submission) -> list[Path]:
    """The checkout that job.json names, where an earlier nemorun began the experiment: one for all of its jobs."""
    job = read_object(submission.paths.job, JobOrders)
    code = submission.paths.root.parents[1] / "code"
    root = Path(job["root"]) if job is not None else Path()
    return [code / root.relative_to(code).parts[0]] if code in root.parents else []


class Checkouts:
    """The checkouts of an experiment's jobs, each of which one job at a time can write to."""

    def __init__(self) -> None:
        self._made: dict[Path, _Made] = {}
        self._free: list[Path] = []

    def lay_out(self, submission: Submission) -> None:
        """Give the job its checkout: the one of an earlier attempt, one that an ended job has left, or a new one.

        Raises:
            DamagedFile: The job's job.json is damaged.
            ExecutorRefused: It cannot be written, or the package is damaged.
        """
        place, package = submission.checkout, submission.package
        if place is None or package is None:
            return
        if place in self._free:
            self._free.remove(place)
        if not place.exists() and self._move(place, package):
            return
        if lay_out_code(submission):
            self._made[place] = _Made(package=package, files=_look(place))

    def give_back(self, submission: Submission, *, is_over: bool) -> None:
        """The attempt has ended: another job may have its checkout, without what was written there.

        Args:
            submission: The attempt.
            is_over: There will be no other attempt, which would have to find what this one has written.
        """
        place = submission.checkout
        made = self._made.get(place) if place else None
        if place is None or made is None or place in self._free:
            return
        now = _look(place)
        if now == made.files:
            self._free.append(place)
        elif is_over:
            # Whatever goes wrong here: the job has ended, what it wrote stays, and the next one gets a new checkout.
            with suppress(OSError, NemorunError):
                self._part(submission, place, now)

    def _part(self, submission: Submission, place: Path, now: _Look) -> None:
        """Leave what the job wrote in its place, and free the rest for another job."""
        from nemorun_discover.packaging.checkout import lay_out_again  # noqa: PLC0415 - as above

        made = self._made.pop(place)
        rest = place.with_name(f".code.{secrets.token_hex(4)}")
        place.rename(rest)
        place.mkdir(mode=0o700)
        changed = [path for path, was in made.files.items() if was and now.get(path) != was]
        new = [path for path in now if path not in made.files and _is_top(path, made.files)]
        for path in (*new, *(one for one in changed if one in now)):
            (place / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.rename(rest / path, place / path)  # noqa: PTH104 - thousands of them
        lay_out_again(submission.runtime.parent, made.package, rest, changed)
        if {path: bool(one) for path, one in _look(rest).items()} != {
            path: bool(one) for path, one in made.files.items()
        }:
            return  # a folder has gone, ...
        self._made[rest] = _Made(package=made.package, files=_look(rest))
        self._free.append(rest)

    def _move(self, place: Path, package: str) -> bool:
        for one in [one for one in self._free if self._made[one].package == package]:
            self._free.remove(one)
            made = self._made.pop(one)
            try:
                one.rename(place)
            except OSError:
                continue
            self._made[place] = made
            return True
        return False


def _is_top(path: str, files: _Look) -> bool:
    """True when the folder of something new is not new itself: it moves with all that is in it."""
    folder = path.rpartition("/")[0]
    return not folder or folder in files or folder.rpartition("/")[2] == _BYTECODE


def _look(folder: Path) -> _Look:
    """What tells that a file was written, by path: its inode, size and times; folders by their names."""
    found: _Look = {}
    below = [""]
    while below:
        prefix = below.pop()
        try:
            with os.scandir(f"{folder}/{prefix}") as entries:
                for entry in entries:
                    path = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        below.append(f"{path}/")
                        if entry.name != _BYTECODE:
                            found[path] = ()
                    elif not (prefix.endswith(f"{_BYTECODE}/") and entry.name.endswith(".pyc")):
                        now = entry.stat(follow_symlinks=False)
                        found[path] = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        except OSError:  # it cannot be looked into: it is not as it was
            found[prefix] = (-1,)
    return found
