"""What SkyPilot's states mean. Pure."""

from __future__ import annotations

from nemorun_discover.model.state import Reason, State

# sky.JobStatus, of SkyPilot 0.14: the jobs of a cluster.
OF_CLUSTER_JOBS: dict[str, tuple[State, Reason | None]] = {
    "INIT": (State.PENDING, None),
    "PENDING": (State.PENDING, None),
    "SETTING_UP": (State.PENDING, None),
    "RUNNING": (State.RUNNING, None),
    "SUCCEEDED": (State.SUCCEEDED, None),
    "FAILED": (State.FAILED, Reason.EXIT_CODE),
    "FAILED_SETUP": (State.FAILED, Reason.SETUP_FAILED),
    "FAILED_DRIVER": (State.FAILED, Reason.NODE_FAIL),
    "CANCELLED": (State.CANCELLED, None),
}
# sky.ManagedJobStatus.
OF_MANAGED_JOBS: dict[str, tuple[State, Reason | None]] = {
    "PENDING": (State.PENDING, None),
    "SUBMITTED": (State.PENDING, None),
    "STARTING": (State.PENDING, None),
    "RUNNING": (State.RUNNING, None),
    "WINDING_DOWN": (State.RUNNING, None),
    "RECOVERING": (State.PENDING, None),
    "CANCELLING": (State.RUNNING, None),
    "SUCCEEDED": (State.SUCCEEDED, None),
    "CANCELLED": (State.CANCELLED, None),
    "FAILED": (State.FAILED, Reason.EXIT_CODE),
    "FAILED_SETUP": (State.FAILED, Reason.SETUP_FAILED),
    "FAILED_PRECHECKS": (State.FAILED, Reason.START_FAILED),
    "FAILED_NO_RESOURCE": (State.FAILED, Reason.START_FAILED),
    "FAILED_CONTROLLER": (State.FAILED, Reason.LOST),
}


def meaning_of(raw: str) -> tuple[State, Reason | None]:
    """The state and the reason for a word of SkyPilot; one that is new to us tells nothing."""
    return OF_CLUSTER_JOBS.get(raw) or OF_MANAGED_JOBS.get(raw) or (State.UNKNOWN, None)
