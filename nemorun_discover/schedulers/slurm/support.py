"""What of a Slurm executor's settings cannot be carried out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.schedulers.checking import packager_refusal

if TYPE_CHECKING:
    from nemorun_discover.executors.slurm import SlurmExecutor


def refusal(executor: SlurmExecutor) -> tuple[str, str] | None:
    """The first setting that cannot be carried out, as a sentence, and how to mend it; None for none."""
    found = packager_refusal(executor.packager)
    if found is not None:
        return found
    linked = executor.packager.symlink_from_remote_dir
    if linked is not None and not (linked.startswith("/") and linked.isprintable()):
        return (
            f"packager.symlink_from_remote_dir = {linked!r} is no absolute path",
            "write where the code lies on the cluster, beginning with /",
        )
    return None
