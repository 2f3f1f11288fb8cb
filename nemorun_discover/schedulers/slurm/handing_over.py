"""Hand an experiment's jobs over to a cluster: one conversation with submit.sh, for any number of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost, ExecutorRefused
from nemorun_discover.schedulers.slurm.looking import script_text
from nemorun_discover.schedulers.slurm.order import ClusterFacts, Order, Outcome, Prepared
from nemorun_discover.schedulers.slurm.payload import (
    Member,
    delta_of,
    members_of,
    tar_of,
    text_members,
)
from nemorun_discover.schedulers.slurm.words import SILENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nemorun_discover.schedulers.slurm.payload import Delta
    from nemorun_discover.transport.conversation import Conversation
    from nemorun_discover.transport.tunnel import Tunnel

PATIENCE_S = 600.0  # for one answer: a slow disk unpacks a large package
_BLOCK = 1 << 17
_SHOW_AFTER_S = 1.0
_MB = 1e6


def hand_over(
    tunnel: Tunnel, order: Order, token: str, tell: Callable[[str | None], None]
) -> Iterator[Outcome]:
    """Send what is missing and submit every script, unless that was done before.

    Args:
        tunnel: To the cluster.
        order: What.
        token: Marks the beginning of the answer.
        tell: Gets a sentence on what is being sent while that takes longer than a second, and None when it is over.

    Raises:
        ConnectionLost: Before or while it was done; it is to be done again.
        ExecutorRefused: The cluster cannot take it: the disk is full, there is no sbatch, ...
    """
    talk = tunnel.converse(_script(order), token, timeout_s=PATIENCE_S)
    try:
        told, on_cluster, missing = _hear(talk, tunnel.name)
        if "away" in told:
            yield Outcome(word="away", text=_clean(told["away"]))
            return
        facts = ClusterFacts(
            base=told["base"],
            user=told["user"],
            host=told["host"],
            max_array=int(told["max_array"]) if told.get("max_array", "").isdigit() else None,
        )
        yield Outcome(word="facts", facts=facts)
        prepared = order.prepare(facts)
        deltas = [delta_of(order.packages, digest, on_cluster) for digest in missing]
        heads = "".join(f"from {one.name} {one.base or ''}\n" for one in deltas)
        talk.send(f"{heads}files\n".encode())
        _send(talk, _members(order, prepared, deltas, told), tell)
        yield from _outcomes(talk, tunnel.name)
    finally:
        talk.close()


def _script(order: Order) -> str:
    return script_text(
        "submit.sh",
        base=order.base,
        exp=order.experiment_id,
        runtime=order.runtime,
        batch=order.batch[0],
        digests=" ".join(order.digests),
        linked="\n".join(order.linked),
        max_array="",
        closed_words="\n".join(one for one, is_open in SILENCES.items() if not is_open),
        open_words="\n".join(one for one, is_open in SILENCES.items() if is_open),
    )


def _hear(talk: Conversation, name: str) -> tuple[dict[str, str], list[str], list[str]]:
    """What the cluster says first: facts by name, the packages it has, and those of ours that it lacks."""
    told: dict[str, str] = {}
    on_cluster: list[str] = []
    missing: list[str] = []
    for line in _lines(talk, name):
        word, _, rest = line.partition(" ")
        if word in ("go", "away"):
            told[word] = rest
            return told, on_cluster, missing
        if word == "trees":
            on_cluster = rest.split()
        elif word == "tree":
            digest, _, is_there = rest.partition(" ")
            missing += [digest] if is_there == "no" else []
        else:
            told[word] = rest
    raise ConnectionLost(f"{name}: the connection ended before anything was sent")


def _lines(talk: Conversation, name: str) -> Iterator[str]:
    """The lines of the answer until it ends.

    Raises:
        ExecutorRefused: One of them says that it cannot be done.
    """
    while (line := talk.read_line()) is not None:
        text = line.decode("utf-8", "replace").rstrip("\n")
        if text.startswith("fail "):
            raise refused(name, text.removeprefix("fail "))
        yield text


_HINTS = {
    "No space left": "free some space there, or set another job_dir in the tunnel",
    "Read-only file system": "set a job_dir in the tunnel that can be written",
    "Permission denied": "set a job_dir in the tunnel that you may write to",
    "Disk quota exceeded": "delete old files there, or set another job_dir in the tunnel",
    "symlink_from_remote_dir": "make it there, or set it to where the code lies",
    "there is no sbatch": 'load it with pre_command = "module load slurm" and shell = "bash -l" in the tunnel',
}


def refused(name: str, text: str) -> ExecutorRefused:
    """The error for what a cluster could not do, with a hint where the reason is a common one."""
    hint = next((hint for words, hint in _HINTS.items() if words in text), None)
    return ExecutorRefused(f"{name}: {text}", hint=hint)


def _send(talk: Conversation, members: list[Member], tell: Callable[[str | None], None]) -> None:
    progress = _Progress(sum(member.size for member in members), tell)
    for block in _blocks(tar_of(members)):
        talk.send(block)
        progress.add(len(block))
    talk.end_input()
    tell(None)


def _members(
    order: Order, prepared: Prepared, deltas: list[Delta], told: dict[str, str]
) -> list[Member]:
    members: list[Member] = []
    if told.get("runtime") == "no":
        runtime = order.packages / order.runtime
        size = runtime.stat().st_size
        members.append(Member(name=f"file/{order.runtime}", source=runtime, size=size))
    name, text = order.batch
    if told.get("batch") == "no":
        members += text_members({f"file/{name}": text})
    for delta in deltas:
        members += members_of(order.packages, delta)
    sheets = "".join(
        f"{one.unit}\t{one.key}\t{'find' if one.is_unwanted else 'submit'}\t{one.depends}\n"
        for one in prepared.sheets
    )
    return [*members, *prepared.members, *text_members({"submit": sheets})]


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in few pieces: each costs a packet."""
    block = bytearray()
    for piece in pieces:
        block += piece
        if len(block) >= _BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)


class _Progress:
    """Says what is being sent, once it takes longer than a second."""

    def __init__(self, total: int, tell: Callable[[str | None], None]) -> None:
        self._total = total
        self._tell = tell
        self._began = self._told = time.monotonic()
        self._sent = 0

    def add(self, count: int) -> None:
        self._sent += count
        now = time.monotonic()
        took = now - self._began
        if took > _SHOW_AFTER_S and now - self._told > _SHOW_AFTER_S / 4:
            self._told = now
            total = max(self._total, self._sent)
            self._tell(
                f"sending {self._sent / _MB:.1f} of {total / _MB:.1f} MB of code and job files, "
                f"{self._sent / _MB / took:.1f} MB/s"
            )


def _outcomes(talk: Conversation, name: str) -> Iterator[Outcome]:
    for line in _lines(talk, name):
        word, _, rest = line.partition(" ")
        unit, _, text = rest.partition(" ")
        if word == "done":
            return
        if word == "id":
            yield Outcome(word="id", unit=unit, text=text)
        elif word in ("refused", "absent", "away", "unsure"):
            yield Outcome(word=word, unit=unit, text=_clean(text))  # type: ignore[arg-type]  # one of four
    raise ConnectionLost(f"{name}: the connection ended while jobs were submitted")


def _clean(text: str) -> str:
    """All that sbatch said, without its own name."""
    return "; ".join(part.strip() for part in text.split("sbatch: error: ") if part.strip())
