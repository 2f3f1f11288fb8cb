"""What outputs.sh says there is: read, and sorted by job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost
from nemorun_discover.schedulers.landing import Entry, is_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.transport.conversation import Conversation

RESULT = "result.json"
_OUTPUTS = "outputs/"
_NANO_DIGITS = 9
_NANOS = 1_000_000_000
_FIELDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Something that a job left.

    Attributes:
        remote: As the cluster calls it, below `<base>/experiments`.
        job: The job's folder there.
        entry: What it is; its path is below the job's outputs (empty for these themselves), or is its result.
        is_result: It is the job's result.
        is_closed: It is a folder that cannot be looked into.
    """

    remote: str
    job: str
    entry: Entry
    is_result: bool
    is_closed: bool = False


def folder_of(submission: Submission) -> str:
    """A job's folder below `<base>/experiments`."""
    return f"{submission.experiment_id}/jobs/{submission.paths.root.name}"


def read_listing(talk: Conversation, name: str) -> Iterator[Found]:
    """What the script lists, until its end mark. What is no part of a job's outputs is passed over.

    Args:
        talk: The conversation with outputs.sh.
        name: The cluster's, for messages.

    Raises:
        ConnectionLost: The list ended before its mark.
    """
    while (line := talk.read_line()) is not None:
        if line == b".":
            return
        is_closed = line.startswith(b"u ")
        found = parse_entry(b"d" + line[1:] if is_closed else line, talk.read_line() or b"")
        if found is not None:
            yield replace(found, is_closed=is_closed)
    raise ConnectionLost(f"{name}: the list of outputs was cut off")


def parse_entry(line: bytes, target: bytes) -> Found | None:
    """An entry of the list; None for what is no part of a job's outputs. See `entry_of`. Pure."""
    found = entry_of(line, target)
    if found is None:
        return None
    experiment, jobs, slug, rest = [*found.path.split("/", 3), "", "", ""][:4]
    is_result = rest == RESULT and found.kind == "f"
    is_whole = f"{rest}/" == _OUTPUTS and found.kind == "d"
    path = rest if is_result else "" if is_whole else rest.removeprefix(_OUTPUTS)
    if not (is_result or is_whole) and (not rest.startswith(_OUTPUTS) or not is_safe(path)):
        return None
    entry = replace(found, path=path)
    return Found(
        remote=found.path, job=f"{experiment}/{jobs}/{slug}", entry=entry, is_result=is_result
    )


def entry_of(line: bytes, target: bytes) -> Entry | None:
    """An entry of a list that `find -printf` made; None for what is no file, folder or link. Pure.

    Args:
        line: `TYPE MODE SIZE TIME PATH`; in it a line break stands as NUL.
        target: Of a link.
    """
    words = _text(line).split(" ", _FIELDS - 1)
    if len(words) < _FIELDS or words[0] not in ("f", "d", "l"):
        return None
    kind, mode, size, time, path = words
    return Entry(
        path=path,
        kind=kind,  # type: ignore[arg-type]  # one of three, see above
        mode=int(mode, 8),
        size=int(size),
        mtime_ns=_nanoseconds(time),
        target=_text(target),
    )


def _nanoseconds(time: str) -> int:
    """`1764089999.1234567890` as nanoseconds; find prints a digit more than there are."""
    seconds, _, fraction = time.partition(".")
    return int(seconds) * _NANOS + int(fraction[:_NANO_DIGITS].ljust(_NANO_DIGITS, "0"))


def _text(line: bytes) -> str:
    """A line of the list; in it a line break stands as NUL."""
    return line.decode("utf-8", "surrogateescape").replace("\0", "\n")
