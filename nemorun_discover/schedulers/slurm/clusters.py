"""Which cluster an executor means, and what of it lies in this home. Pure, but for reading what was kept."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, cast

from nemorun_discover.executors.tunnels import SSHTunnel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nemorun_discover.executors.slurm import SlurmExecutor
    from nemorun_discover.executors.tunnels import Tunnel
    from nemorun_discover.schedulers.protocol import Submission

DEFAULT_BASE = "~/.run"
_DIGITS = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")


def tunnel_of(submission: Submission) -> Tunnel:
    """How the executor's login node is reached."""
    return cast("SlurmExecutor", submission.executor).tunnel


def home_of(submission: Submission) -> Path:
    """NEMORUN_HOME."""
    return submission.runtime.parents[1]


def by_cluster(submissions: Sequence[Submission]) -> list[list[Submission]]:
    """The submissions, those of one cluster together."""
    found: dict[str, list[Submission]] = {}
    for one in submissions:
        found.setdefault(name_of(tunnel_of(one)), []).append(one)
    return [*found.values()]


def base_of(tunnel: Tunnel, home: Path) -> str:
    """The directory that jobs are staged in, as it is given: it may begin at the user's home there."""
    if tunnel.job_dir is not None:
        return tunnel.job_dir
    return DEFAULT_BASE if isinstance(tunnel, SSHTunnel) else str(home)


def is_home(tunnel: Tunnel, home: Path) -> bool:
    """True where the cluster works in this very home."""
    return tunnel.kind == "local" and base_of(tunnel, home) == str(home)


def place_of(tunnel: Tunnel, home: Path) -> str:
    """Where its jobs' folders lie, by what is told of it: the login, and the directory that jobs are staged in."""
    login = (tunnel.host, tunnel.user, tunnel.port) if isinstance(tunnel, SSHTunnel) else ("here",)
    return json.dumps([*login, base_of(tunnel, home)])


def name_of(tunnel: Tunnel) -> str:
    """A name that two tunnels share only if they lead to the same place in the same way.

    Two that differ in their port or their job_dir are two.
    """
    settings = {"kind": tunnel.kind, **asdict(tunnel)}
    digest = sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()
    host = tunnel.host if isinstance(tunnel, SSHTunnel) else "here"
    return f"{_UNSAFE.sub('-', host)}-{digest[:_DIGITS]}"
