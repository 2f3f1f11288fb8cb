"""The report of an error of our own, in a file that can be sent with a bug report."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError
from nemorun_discover.model.event import utc_now
from nemorun_discover.secrets import Known, masked_argv
from nemorun_discover.store.home import open_home
from nemorun_discover.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def write_crash_log(
    error: BaseException, argv: Sequence[str], env: Mapping[str, str]
) -> Path | None:
    """Write what is needed to understand an internal error.

    Returns:
        The file: below NEMORUN_HOME, else in the directory for temporary files; None when neither takes it.
    """
    name = f"{utc_now():%Y%m%d-%H%M%S}-{os.getpid()}.log"
    text = Known.in_environment(env).masked(_describe(error, argv))
    with suppress(OSError, StoreError):
        home = open_home(env)
        home.require_own()
        folder = home.layout.crashes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _write(folder / name, text)
    with suppress(OSError):
        # Others write into the same directory: a name that can be guessed may be a link of theirs by then.
        return _write(Path(tempfile.mkdtemp(prefix="nemorun-crash-")) / name, text)
    return None


def _write(path: Path, text: str) -> Path:
    # O_EXCL follows no link at the end of the path.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path.absolute()


def _describe(error: BaseException, argv: Sequence[str]) -> str:
    lines = [
        f"time:     {utc_now().isoformat()}",
        f"nemorun:  {__version__}",
        f"python:   {platform.python_version()} ({sys.executable})",
        f"platform: {platform.platform()}",
        f"argv:     {list(masked_argv(argv))!r}",
        "",
        *traceback.format_exception(error),
    ]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"
