"""The settings of the kind `scratch`: a local executor's, and one more."""

from dataclasses import dataclass
from typing import ClassVar

import nemorun


@dataclass(kw_only=True, slots=True)
class ScratchExecutor(nemorun.LocalExecutor):
    """Jobs run on this machine, each with a directory of its own in scratch."""

    kind: ClassVar[str] = "scratch"

    scratch: str = "/scratch"
