import functools
import sys
from enum import Enum
from pathlib import Path

import nemorun
from settings import UPSTREAM, tags
from side import side_task

print("noise on stdout")
print("noise on stderr", file=sys.stderr)


class Mode(Enum):
    FAST = 1
    SLOW = 2


gpu = functools.partial(nemorun.task, tags=["gpu"])


@nemorun.task(tags=tags())
def by_call(lr: float = 0.1):
    """Computed tags."""


@nemorun.task
def plain(): ...


@gpu(timeout="2m")
@nemorun.parametrize("mode", list(Mode))
@nemorun.parametrize("path", [Path("a") / "b"])
def by_partial(mode: Mode, path: Path): ...


if sys.version_info > (3,):

    @nemorun.task(after=UPSTREAM)
    def conditional(): ...


for number in range(2):

    def looped(n: int = number): ...

    globals()[f"looped_{number}"] = nemorun.task(name=f"looped-{number}", after=[plain, side_task])(looped)
    del looped
