"""The code of jobs that find it on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused, NemorunError

if TYPE_CHECKING:
    from nemorun_discover.schedulers.protocol import Submission


def lay_out_code(submission: Submission) -> None:
    """Lay out the job's package as a folder, unless it has none or is there already.

    Raises:
        ExecutorRefused: It cannot be written, or the package is damaged.
    """
    if submission.package is None or submission.checkout is None:
        return
    # Most jobs run the project's own files, and do not pay for this.
    from nemorun_discover.packaging.checkout import checkout  # noqa: PLC0415

    try:
        checkout(submission.runtime.parent, submission.package, submission.checkout)
    except NemorunError as error:
        raise ExecutorRefused(f"{submission.job.id}: {error.message}", hint=error.hint) from error
