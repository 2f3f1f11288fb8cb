"""The last look at a cluster, shared by all processes of this home: one of them asks, for the jobs of all."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.documents import SlurmLook, check_object, discard, read_object, read_value
from nemorun_discover.errors import DamagedFile, UnreadableFile
from nemorun_discover.files import write_json
from nemorun_discover.schedulers.slurm.looking import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SHORTEST_S = 2.0
LONGEST_S = 60.0
# The longer nothing has changed, the less often a cluster is asked: every quarter of that time.
_PART_OF_QUIET = 4
# A driver says that it is still there at every look; one that has not for so long is gone.
_STALE_S = 4 * LONGEST_S
_CLOCKS_S = 60.0  # by which the clocks of machines that share a home may differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """An answer, and when it was given (seconds since the epoch).

    Attributes:
        as_of: When the cluster was asked.
        changed_at: When an answer last said something new.
        answer: Without its evidence, which lies in the experiments' folders.
    """

    as_of: float
    changed_at: float
    answer: Answer


def pause_s(quiet_s: float) -> float:
    """How long to wait between two looks, when nothing has changed for so long. Pure."""
    return min(LONGEST_S, max(SHORTEST_S, quiet_s / _PART_OF_QUIET))


class SharedLook:
    """The folder of a cluster in this home.

    Args:
        folder: `HomeLayout.clusters / <cluster>`; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted = folder / "wanted"
        self._wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look = folder / "look.json"
        self._asked = folder / "asked"

    def want(self, experiment: str, ids: tuple[str, ...]) -> None:
        """Say that this experiment's jobs are to be asked about, and which have left no evidence yet."""
        with suppress(OSError):
            write_json(self._wanted / experiment, list(ids))

    def want_no_more(self, experiment: str) -> None:
        """Take that back."""
        (self._wanted / experiment).unlink(missing_ok=True)

    def wanted(self) -> Mapping[str, tuple[str, ...]]:
        """By experiment, the ids that somebody wants to know about."""
        found = {}
        for path in sorted(self._wanted.iterdir()):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime < _STALE_S:
                    found[path.name] = _ids_in(path)
        return found

    def ask(self) -> float:
        """Ask whoever looks to look now; returns the time a fresh answer is newer than."""
        now = time.time()
        with suppress(OSError):
            self._asked.touch()
            os.utime(self._asked, (now, now))
        return now

    def asked_at(self) -> float:
        """When somebody last asked for a fresh look; 0 for never."""
        try:
            return self._asked.stat().st_mtime
        except OSError:
            return 0.0

    def read(self) -> Look | None:
        """The last look; None when there was none."""
        try:
            document = read_object(self._look, SlurmLook)
        except DamagedFile:
            with suppress(OSError):
                discard(self._look)  # the next look writes it again
            return None
        except UnreadableFile:
            return None
        # One of the future would keep everybody from asking: damage, or a clock that is wrong.
        if document is None or document["as_of"] > time.time() + _CLOCKS_S:
            return None
        return Look(
            as_of=document["as_of"],
            changed_at=min(document["changed_at"], document["as_of"]),
            answer=Answer(
                queue=document["queue"],
                accounts=document["accounts"],
                cancelled=frozenset(document["cancelled"]),
                trouble=document["trouble"],
                has_accounting=document["has_accounting"],
            ),
        )

    def write(self, answer: Answer, *, as_of: float, has_news: bool) -> Look:
        """Keep an answer for the others.

        Args:
            answer: What the cluster said.
            as_of: When it was asked.
            has_news: Evidence came with it.
        """
        before = self.read()
        is_new = has_news or before is None or before.answer.queue != answer.queue
        changed_at = as_of if is_new or before is None else before.changed_at
        document = {
            "as_of": as_of,
            "changed_at": changed_at,
            "queue": answer.queue,
            "accounts": answer.accounts,
            "cancelled": sorted(answer.cancelled),
            "trouble": answer.trouble,
            "has_accounting": answer.has_accounting,
        }
        with suppress(OSError):
            write_json(self._look, document)
        return Look(as_of=as_of, changed_at=changed_at, answer=answer)

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """True inside when it is this process's turn to ask; False while another one does."""
        descriptor = take_turn(self._folder / "lock")
        try:
            yield descriptor is not None
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _ids_in(path: Path) -> tuple[str, ...]:
    try:
        ids = read_value(path)
    except (DamagedFile, UnreadableFile):
        return ()
    return tuple(ids) if check_object(ids, list[str]) is None else ()


def take_turn(path: Path) -> int | None:
    """The lock of the file, as an open descriptor; None while another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        pass  # a file system without locks: two may ask at once, which costs the cluster a question
    return descriptor
