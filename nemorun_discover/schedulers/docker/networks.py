"""Which network a container joins, and by which names others in it find it. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.schedulers.docker.names import experiment_network, host_name
from nemorun_discover.schedulers.docker.places import settings

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission

THIS_HOST = "127.0.0.1"
# The engine's own networks, in which nobody has a name, and those that are another container's.
_WITHOUT_NAMES = frozenset(("bridge", "default", "none"))
_SHARED = ("container:", "host")


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """A container's network.

    Attributes:
        name: None for the engine's default.
        is_made: It is made when it is not there.
        has_names: Containers in it find each other by their names.
        is_shared: All containers in it have one set of ports, those of the machine or of another container.
    """

    name: str | None
    is_made: bool = False
    has_names: bool = False
    is_shared: bool = False


def network_of(submission: Submission) -> Network:
    """The network of a job's container."""
    wanted = settings(submission).network
    if wanted is None:
        if len(submission.members) < 2:  # noqa: PLR2004 - alone
            return Network(name=None)
        return Network(name=experiment_network(submission), is_made=True, has_names=True)
    if wanted.startswith(_SHARED):
        return Network(name=wanted, is_shared=True)
    if wanted in _WITHOUT_NAMES:
        return Network(name=wanted)
    return Network(name=wanted, is_made=True, has_names=True)


def group_hosts(submission: Submission) -> list[str]:
    """By which name each member of the job's group is found, in the group's order."""
    if network_of(submission).is_shared:
        return [THIS_HOST] * len(submission.members)
    tasks = Counter(host_name(one.task) for one in submission.members)
    names = [(host_name(one.task), host_name(one.slug)) for one in submission.members]
    return [task if tasks[task] == 1 else own for task, own in names]


def own_host(submission: Submission) -> str:
    """The job's host name."""
    ids = [one.id for one in submission.members]
    if submission.job.id not in ids:
        return host_name(submission.job.task)
    return group_hosts(submission)[ids.index(submission.job.id)]
