"""A job in a box: it sees no file of its launcher's, so what it leaves goes home with its log.

    python <runtime>.zip --box <folder> <attempt> <token>

The folder has been unpacked where the job runs. When the job has ended, its last files follow in lines that begin
with the token, which only the launcher knows; whoever reads the log takes them out of it.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from nemorun_discover.files import read_json
from nemorun_discover.model.layout import JobLayout
from nemorun_discover.worker.start import environment_of, is_whole, refuse_damaged

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any, NoReturn

    from nemorun_discover.model.layout import AttemptLayout

_LINE = 4000  # container runtimes cut lines at 16 KiB
_SIGNALLED = 128  # a shell's exit code for a process that a signal ended is this and its number


def run_in_box(folder: str, number: str, token: str) -> NoReturn:
    """Run the attempt, send its last files home, and end as it did."""
    paths = JobLayout(Path(folder))
    attempt = paths.attempt(int(number))
    ready = read_json(attempt.start)
    attempt.start.unlink()
    if not is_whole(ready):
        refuse_damaged(attempt)
        _send_home(paths, attempt, token)
        sys.stdout.flush()
        os._exit(1)
    code = paths.root / "code"
    if not code.exists():
        code.symlink_to(ready["code_dir"] or Path.cwd())
    job = subprocess.Popen(  # noqa: S603 - argv is ours
        ready["argv"], cwd=paths.root / ready["cwd"], env=environment_of(ready)
    )
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda number, _: job.send_signal(number))
    job.wait()
    ended = read_json(attempt.exit)
    _send_home(paths, attempt, token)
    sys.stdout.flush()
    os._exit(_code_of(ended))


def _send_home(paths: JobLayout, attempt: AttemptLayout, token: str) -> None:
    files = {"exit": attempt.exit, "error": attempt.error, "result": paths.result}
    documents = {name: read_json(path) for name, path in files.items() if path.exists()}
    text = base64.b64encode(json.dumps(documents).encode()).decode()
    lines = [text[begin : begin + _LINE] for begin in range(0, len(text), _LINE)]
    # The job's own last line may have no end.
    print("", *(f"{token}+{one}" for one in lines), f"{token}.", sep="\n", flush=True)


def _code_of(ended: dict[str, Any] | None) -> int:
    """The exit code of the box, which is all that some backends tell."""
    if ended is None:
        return 1
    if ended["exit_code"] is not None:
        return int(ended["exit_code"]) or int(bool(ended["reason"]))
    name = str(ended["signal"])
    return _SIGNALLED + (signal.Signals[name].value if name in signal.Signals.__members__ else 0)
