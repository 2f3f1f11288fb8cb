"""What reading one file gives, before files know of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.model.task import Factory, Issue, Task

FACTORY_FILE = "executors.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Computed:
    """Something that only importing the file can tell.

    Attributes:
        line: Where it stands.
        what: What it is, to follow "because": `tags= is computed`.
        function: The marked function it is about; "" when it is not known.
    """

    line: int
    what: str
    function: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileScan:
    """All that one file says by itself.

    Attributes:
        tasks: The tasks that are clear; their `after` holds names as they were written: `train`, a node id,
            `::train` for the function of this file, `tasks.prep:prepare` for an imported function.
        rejected: Names of tasks that were found but have an issue.
        computed: When there is any, an import of the file gives the whole truth about its tasks.
    """

    tasks: tuple[Task, ...] = ()
    factories: tuple[Factory, ...] = ()
    issues: tuple[Issue, ...] = ()
    rejected: tuple[str, ...] = ()
    computed: tuple[Computed, ...] = ()


class ProblemError(Exception):
    """A task or a file that cannot be collected; becomes an Issue of the file at hand."""

    def __init__(self, line: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.hint = hint


class ComputedError(Exception):
    """A decorator that only an import can tell."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
