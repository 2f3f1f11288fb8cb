"""The exact request for an attempt, made by TorchX's own dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.schedulers.torchx.app import app_of, start_of, wish_of
from nemorun_discover.schedulers.torchx.settings import files_of_torchx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.torchx.sdk import Sdk


def request_of(submission: Submission, sdk: Sdk, *, is_shown: bool = False) -> Any:  # noqa: ANN401 - TorchX's
    """What TorchX would send, as it holds it.

    Args:
        submission: The attempt.
        sdk: TorchX.
        is_shown: It is only looked at: a word stands for the parcel of a job that is sent one.

    Raises:
        ExecutorRefused: TorchX cannot make it.
    """
    wish = wish_of(submission, is_shown=is_shown)
    what = f"{submission.job.executor}: {wish.scheduler}"
    request = sdk.dry_run(what, wish.scheduler, lambda: app_of(wish), wish.cfg)
    if wish.scheduler == "slurm" and not wish.cfg.get("job_dir"):
        # Else its three logs lie in the directory nemorun was called in; with job_dir TorchX keeps a list there.
        request.request.cmd.append(f"--chdir={files_of_torchx(submission)}")
    return request


def preview(submission: Submission, sdk: Sdk) -> Mapping[str, object]:
    """The request as JSON, with what the job finds in its `start.json`."""
    wish, start = wish_of(submission, is_shown=True), start_of(submission)
    return {
        "scheduler": wish.scheduler,
        "cfg": dict(wish.cfg),
        "request": str(request_of(submission, sdk, is_shown=True)),
        "argv": start["argv"],
        "cwd": start["cwd"],
        "env": {**start["unless_set"], **start["env"]},
    }
