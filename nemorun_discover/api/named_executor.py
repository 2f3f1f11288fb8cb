"""`run.import_executor`: an executor by its name in a file of the user's own."""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.config.nearest import hint_for
from nemorun_discover.errors import UsageError
from nemorun_discover.model.layout import home_root

if TYPE_CHECKING:
    from nemorun_discover.executors.base import Executor

_FILE = "executors.py"
_MODULE = "nemorun_executors"


def import_executor(
    name: str,
    file_path: str | os.PathLike[str] | None = None,
    call: bool = True,  # noqa: FBT001, FBT002 - NeMo-Run's order of arguments
    **kwargs: object,
) -> Executor | Any:  # noqa: ANN401 - without a call, whatever the name means
    """An executor that a file defines: what its function of that name returns.

    Args:
        name: The function, or an executor itself.
        file_path: The file; None for `executors.py` in NEMORUN_HOME.
        call: Call it, when it can be called.
        **kwargs: Arguments for it.

    Raises:
        UsageError: There is no such file, or no such name in it.
        Exception: Whatever the file, or the function, raises.
    """
    file = home_root(os.environ) / _FILE if file_path is None else Path(file_path).expanduser()
    if not file.is_file():
        raise UsageError(
            f"{file} is not there, and import_executor({name!r}) looks in it",
            hint="write a function of that name there that returns an executor",
        )
    names = runpy.run_path(str(file), run_name=_MODULE)
    if name not in names:
        public = [one for one in names if not one.startswith("_")]
        raise UsageError(
            f"{file} defines no {name!r}", hint=hint_for(name, public, what="it defines")
        )
    found = names[name]
    if call and callable(found):
        return found(**kwargs)
    if kwargs:
        raise UsageError(f"{name} in {file} is not called, and takes no arguments")
    return found
