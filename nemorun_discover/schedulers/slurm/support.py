"""What of a Slurm executor's settings cannot be carried out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.tunnels import SSHTunnel

if TYPE_CHECKING:
    from nemorun_discover.executors.slurm import SlurmExecutor


def refusal(executor: SlurmExecutor) -> tuple[str, str] | None:
    """The first setting that cannot be carried out, as a sentence, and how to mend it; None for none."""
    packager = executor.packager
    is_far = isinstance(executor.tunnel, SSHTunnel)
    if packager.kind == "none" and is_far and packager.symlink_from_remote_dir is None:
        return (
            'packager = "none" sends no code, and the cluster has none',
            'set packager = "git", or packager.symlink_from_remote_dir to where the code is there',
        )
    return None
