"""What squeue and sacct print, as rows. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Id, state, start, end, nodes, comment, reason. Free text stands last; nobody can write `|` into the others, but a
# user can into his comment, so the reason, which is ours to read, is found from the right.
SQUEUE_FORMAT = "%i|%T|%S|%e|%N|%k|%r"
SACCT_FORMAT = "JobID,State,ExitCode,DerivedExitCode,Start,End,NodeList"
_QUEUE_FIELDS = 7
_ACCOUNT_FIELDS = 7
_NO_TIME = ("", "N/A", "Unknown", "None", "NONE")
_OUT_OF_MEMORY = 125  # the signal that Slurm writes for it: 0:125


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """One job, or one task of an array, as squeue shows it.

    Attributes:
        native_id: `41`, `66_3` for a task of an array, `72+1` for a component of a heterogeneous job.
        state: Slurm's word.
        reason: Slurm's word, and what follows it.
        starts_at: When it started, or when Slurm means to start it; None when Slurm does not say.
    """

    native_id: str
    state: str
    reason: str
    comment: str = ""
    nodes: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_of(self, key: str) -> bool:
        """True for a job that has this submit key."""
        return self.comment.endswith(f"nemorun={key}")


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountRow:
    """One job as sacct shows it.

    Attributes:
        state: Slurm's words, `CANCELLED by 1001` too.
        exit_code: Without its bit 7: sacct shows 137 as 9 (Slurm 22.05).
        signal: Name of the signal that ended it; None for none.
        is_oom: One of its steps ran out of memory.
    """

    native_id: str
    state: str
    exit_code: int | None = None
    signal: str | None = None
    is_oom: bool = False
    nodes: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


def parse_squeue(table: str) -> list[QueueRow]:
    """Read `squeue --noheader --array --format=SQUEUE_FORMAT`, run with TZ=UTC0; other lines are passed over."""
    rows = []
    for line in table.splitlines():
        fields = line.split("|")
        if len(fields) < _QUEUE_FIELDS:
            continue
        native_id, state, start, end, nodes = fields[:5]
        rows.append(
            QueueRow(
                native_id=native_id.strip(),
                state=state.strip(),
                reason=fields[-1].strip(),
                comment="|".join(fields[5:-1]),
                nodes=nodes.strip(),
                starts_at=parse_time(start),
                ends_at=parse_time(end),
            )
        )
    return rows


def parse_sacct(table: str) -> dict[str, AccountRow]:
    """Read `sacct --parsable2 --noheader --format=SACCT_FORMAT`, run with TZ=UTC0.

    Steps (`41.batch`, `41.0`) are taken into their job's row: one that ran out of memory is all that is told of
    it when the script went on.

    Returns:
        By id, the last row that sacct has: that of the last time a requeued job ran.
    """
    found: dict[str, AccountRow] = {}
    oom: set[str] = set()
    for line in table.splitlines():
        fields = line.split("|")
        if len(fields) != _ACCOUNT_FIELDS:
            continue
        job, _, step = fields[0].partition(".")
        if "OUT_OF_ME" in fields[1] or _code(fields[3])[1] == _OUT_OF_MEMORY:
            oom.add(job)
        if not step:
            found[job] = _account_row(job, fields)
    return {job: row if job not in oom else _with_oom(row) for job, row in found.items()}


def _account_row(job: str, fields: list[str]) -> AccountRow:
    code, number = _code(fields[2])
    return AccountRow(
        native_id=job,
        state=fields[1].strip(),
        exit_code=code,
        signal=signal_name(number) if number else None,
        nodes=fields[6].strip(),
        started_at=parse_time(fields[4]),
        ended_at=parse_time(fields[5]),
    )


def _with_oom(row: AccountRow) -> AccountRow:
    return AccountRow(
        native_id=row.native_id,
        state=row.state,
        exit_code=row.exit_code,
        signal=row.signal,
        is_oom=True,
        nodes=row.nodes,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _code(text: str) -> tuple[int | None, int]:
    """`3:0` as exit code and signal."""
    code, _, number = text.partition(":")
    return (int(code) if code.isdigit() else None, int(number) if number.isdigit() else 0)


def signal_name(number: int) -> str | None:
    """`SIGKILL` for 9; None for what is no signal."""
    return signal.Signals(number).name if number in set(signal.Signals) else None


def parse_time(text: str) -> datetime | None:
    """A time of Slurm's (`2026-11-22T07:12:03`), printed in UTC; None for none."""
    if text.strip() in _NO_TIME:
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        return None


def first_host(nodes: str) -> str | None:
    """The first host of a node list: `a1` of `a[1-2,5]`; None for none.

    >>> first_host("a[01-12]"), first_host("x1,y2"), first_host("(null)")
    ('a01', 'x1', None)
    """
    if not nodes or nodes.startswith("("):
        return None
    head, bracket, rest = nodes.partition("[")
    if not bracket or "," in head:
        return nodes.partition(",")[0].partition("[")[0] if "," in head else nodes
    number = rest.partition("]")[0].partition(",")[0].partition("-")[0]
    return f"{head}{number}"


def by_root(native_ids: Iterable[str]) -> dict[str, list[str]]:
    """Ids by the one that sbatch printed: `66_3` and `66_4` are of `66`, `72+1` of `72`."""
    roots: dict[str, list[str]] = {}
    for one in native_ids:
        root = one.partition("_")[0].partition("+")[0]
        roots.setdefault(root, []).append(one)
    return roots
