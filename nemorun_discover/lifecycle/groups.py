"""When the policy of a group ends its other members, and as what. Pure.

Nothing is remembered: it follows from how the members stand, so that the next driver finds the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from nemorun_discover.model.record import GroupPolicy
from nemorun_discover.model.state import Reason, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.model.record import Record
    from nemorun_discover.model.status import JobStatus

# Members that ended because their group did; the policy looks at those that ended by themselves.
_BY_POLICY = frozenset({Reason.GROUP_FAILED, Reason.GROUP_DONE})
_ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """How a member that its group's policy ends is written down."""

    state: State
    reason: Reason


_FAILED = Stop(state=State.CANCELLED, reason=Reason.GROUP_FAILED)
_DONE = Stop(state=State.SUCCEEDED, reason=Reason.GROUP_DONE)


def members_to_stop(record: Record, jobs: Mapping[str, JobStatus]) -> dict[str, Stop]:
    """By id, the jobs that are not to go on, since another one of their group has ended.

    Args:
        record: The experiment; a group without a policy in it lets every member run to its own end.
        jobs: By id, where each job stands.
    """
    if not record.groups:
        return {}
    groups: dict[str, list[JobStatus]] = {}
    for job in record.jobs:
        if job.group is not None and job.group in record.groups:
            groups.setdefault(job.group, []).append(jobs[job.id])
    stops: dict[str, Stop] = {}
    for name, members in groups.items():
        stop = _stop(record.groups[name], members)
        if stop is not None:
            stops.update({one.id: stop for one in members if not one.state.is_final})
    return stops


def _stop(policy: GroupPolicy, members: list[JobStatus]) -> Stop | None:
    ended = [one for one in members if one.state in _ENDED and one.reason not in _BY_POLICY]
    if policy is GroupPolicy.ANY_FAILED:
        return _FAILED if any(one.state is not State.SUCCEEDED for one in ended) else None
    if policy is GroupPolicy.ALL or not ended:
        return None
    # The first in the journal, which is what an earlier driver acted on.
    first = min(ended, key=lambda one: one.as_of.timestamp() if one.as_of else inf)
    return _DONE if first.state is State.SUCCEEDED else _FAILED
