"""The name by which the stock `torchx` command knows a job of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission

SESSION = "nemorun"


def handle_of(backend: str, submission: Submission) -> str:
    """A TorchX handle, `nemorun_local://nemorun/EXPERIMENT:JOB`.

    Args:
        backend: A name of the entry points `torchx.schedulers`, made in torchx_command/kinds.py.
        submission: An attempt; all attempts of a job have one handle.
    """
    return f"{backend}://{SESSION}/{submission.experiment_id}:{submission.paths.root.name}"
