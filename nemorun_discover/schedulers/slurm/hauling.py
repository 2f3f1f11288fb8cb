"""Receive the files that a cluster sends: those that broke off go on, the others come as a tar."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, cast

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemorun_discover.schedulers.landing import Entry, Landing
    from nemorun_discover.schedulers.slurm.listing import Found
    from nemorun_discover.transport.conversation import Conversation

_PIECE = 1 << 18
_RECORD = 10240  # what tar writes at once


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A file that is to come.

    Attributes:
        job: The job's id.
        landing: Where it comes to.
        begun: How many of its bytes are here.
    """

    job: str
    found: Found
    landing: Landing
    begun: int


def request_of(wanted: Sequence[Wanted]) -> bytes:
    """What outputs.sh reads: first the files of which the beginning is here. Pure."""
    begun = "".join(
        f"{one.begun}\0{one.found.entry.size}\0{one.found.remote}\0" for one in wanted if one.begun
    ).encode("utf-8", "surrogateescape")
    whole = "".join(f"{one.found.remote}\0" for one in wanted if not one.begun)
    return b"%d\n" % len(begun) + begun + whole.encode("utf-8", "surrogateescape")


class Haul:
    """Takes what the cluster sends.

    Args:
        talk: The conversation with outputs.sh.
        wanted: What was requested.
        moved: Called for each piece of a file, with its size.
        arrived: Called for each file that is in its place.
    """

    def __init__(
        self,
        talk: Conversation,
        wanted: Sequence[Wanted],
        moved: Callable[[Wanted, int], None],
        arrived: Callable[[Wanted], None],
    ) -> None:
        self._talk = talk
        self._wanted = wanted
        self._moved = moved
        self._arrived = arrived

    def take(self) -> None:
        """Take all of it.

        Raises:
            ConnectionLost: It broke; what came is kept.
        """
        for one in self._wanted:
            if one.begun:
                self._go_on(one)
        rest = {one.found.remote: one for one in self._wanted if not one.begun}
        if rest:
            self._take_tar(rest)

    def _go_on(self, one: Wanted) -> None:
        left = int(self._talk.read_line() or b"0")
        if not left:  # it has changed: it comes whole the next time
            one.landing.part(one.found.entry).unlink(missing_ok=True)
            return
        with one.landing.gather(one.found.entry) as file:
            while left:
                piece = self._talk.read_exactly(min(left, _PIECE))
                file.write(piece)
                left -= len(piece)
                self._moved(one, len(piece))
        self._place(one, one.found.entry)

    def _take_tar(self, rest: dict[str, Wanted]) -> None:
        stream = cast("IO[bytes]", _Stream(self._talk))
        try:
            with tarfile.open(
                fileobj=stream,
                mode="r|",
                bufsize=_RECORD,
                encoding="utf-8",
                errors="surrogateescape",
            ) as tar:
                for member in tar:
                    one, content = rest.get(member.name), tar.extractfile(member)
                    if one is not None and content is not None:
                        self._take_member(one, content, member.size)
        except tarfile.TarError as error:
            raise ExecutorRefused(f"tar on the cluster sends what is no tar: {error}") from error

    def _take_member(self, one: Wanted, content: IO[bytes], size: int) -> None:
        # A file that grows just now is what it was when it was read.
        entry = replace(one.found.entry, size=size)
        with one.landing.gather(entry, anew=True) as file:
            while piece := content.read(_PIECE):
                file.write(piece)
                self._moved(one, len(piece))
        self._place(one, entry)

    def _place(self, one: Wanted, entry: Entry) -> None:
        one.landing.put(entry)
        self._arrived(one)


class _Stream:
    """The script's answer as a file for tarfile, which reads whole records."""

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk

    def read(self, size: int) -> bytes:
        return self._talk.read_exactly(size)
