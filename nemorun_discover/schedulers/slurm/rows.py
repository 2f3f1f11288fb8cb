"""What squeue and sacct print, as rows. Pure."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Id, state, start, end, nodes, then what anybody may have written (batch script, name, working directory, comment,
# with a unit separator between them), reason. A `|` may stand in free text only, so the reason is found from the right.
# A driver of an earlier version reads the free text as one comment, which ends with the submit key as before.
SQUEUE_FORMAT = "%i|%T|%S|%e|%N|%o\x1f%j\x1f%Z\x1f%k|%r"
_UNIT_SEPARATOR = "\x1f"
_FREE_FIELDS = 4
SACCT_FORMAT = "JobID,State,ExitCode,DerivedExitCode,Start,End,NodeList"
_QUEUE_FIELDS = 7
_ACCOUNT_FIELDS = 7
_NO_TIME = ("", "N/A", "Unknown", "None", "NONE")
_OUT_OF_MEMORY = 125  # the signal that Slurm writes for it: 0:125


# The marks of a job that nemorun submitted: the end of its comment, and of its batch script's path.
_OTHER_KEY = re.compile(r"nemorun=[^/\s]+/[^/\s]+$")
_OTHER_SCRIPT = re.compile(r"/experiments/[^/]+/slurm/[^/]+\.sh$")
_CLOCKS_DIFFER = timedelta(minutes=2)  # between a node and the controller


def script_place(key: str) -> str:
    """The end of the path of a unit's batch script on any cluster."""
    experiment, _, unit = key.partition("/")
    return f"/experiments/{experiment}/slurm/{unit}.sh"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRow:
    """One job, or one task of an array, as squeue shows it.

    Attributes:
        native_id: `41`, `66_3` for a task of an array, `72+1` for a component of a heterogeneous job.
        state: Slurm's word.
        reason: Slurm's word, and what follows it.
        script: Path of its batch script; empty where Slurm has none, None where it was not asked for.
        name: The job's name.
        work_dir: Its working directory.
        starts_at: When it started, or when Slurm means to start it; None when Slurm does not say.
    """

    native_id: str
    state: str
    reason: str
    comment: str = ""
    script: str | None = None
    name: str = ""
    work_dir: str = ""
    nodes: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_of(self, key: str, begun_at: datetime | None = None) -> bool:
        """Whether the row of a native id that we were given is our job's, and not one that has got the same id since.

        Sites and users rewrite comments and names (job_submit.lua, `scontrol update`); nothing but sbatch sets the
        path of the batch script. So any of these marks is enough, and what has none of them is another job: a
        controller that lost its state counts its ids anew.

        Args:
            key: The submit key, `<experiment>/<unit>`.
            begun_at: When a job with this native id began our attempt, as it says itself; None for never.
        """
        experiment = key.partition("/")[0]
        if self.comment.endswith(f"nemorun={key}"):
            return True
        if self.script is not None and self.script.endswith(script_place(key)):
            return True
        if _OTHER_KEY.search(self.comment) or _OTHER_SCRIPT.search(self.script or ""):
            return False
        if self.script is None:  # told by a driver of an earlier version, which did not ask
            return True
        if begun_at is not None:
            return self.starts_at is None or self.starts_at <= begun_at + _CLOCKS_DIFFER
        suffix = experiment.rpartition("-")[2]
        in_its_folder = f"/experiments/{experiment}/" in f"{self.work_dir}/"
        return in_its_folder or self.name.endswith(f".{suffix}")


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
        free = "|".join(fields[5:-1]).split(_UNIT_SEPARATOR, _FREE_FIELDS - 1)
        script, name, work_dir = (
            map(_told, free[:3]) if len(free) == _FREE_FIELDS else (None, "", "")
        )
        rows.append(
            QueueRow(
                native_id=native_id.strip(),
                state=state.strip(),
                reason=fields[-1].strip(),
                comment=free[-1],
                script=script,
                name=name or "",
                work_dir=work_dir or "",
                nodes=nodes.strip(),
                starts_at=parse_time(start),
                ends_at=parse_time(end),
            )
        )
    return rows


def _told(text: str) -> str:
    return "" if text == "(null)" else text


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
