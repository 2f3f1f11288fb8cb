"""Imports what is not installed: discovery must not care."""

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Optional

import a_library_that_is_not_installed as missing
import nemorun as run
import typing as t

TAGS = ["gpu", "slow"]
LR = 3e-4
Size = Literal["s", "m"]


class Mode(str, enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Optimizer:
    kind: ClassVar[str] = "optimizer"
    name: str
    lr: float = LR
    betas: tuple[float, float] = (0.9, 0.99)
    groups: list[str] = field(default_factory=list)
    steps: int = field(init=False, default=0)


@dataclass
class Adam(Optimizer):
    eps: float = 1e-8


@run.task(
    tags=TAGS + ["train"],
    timeout="1h30m",
    retries=2,
    executors=["slurm_a", "local"],
)
@run.parametrize("lr", [0.1, 0.01], ids=["big", "small"])
@run.parametrize("seed,size", [(1, "s"), (2, "m")])
def train(
    lr: float,
    seed: int = 1 + 1,
    size: Size = "s",
    mode: Mode = Mode.FAST,
    optimizer: Adam = Adam("x"),
    out: Path | None = None,
    names: t.List[str] = ["a", "b"],
    table: dict[str, int] = {"a": 1},
    pair: "tuple[int, str]" = (1, "x"),
    many: tuple[int, ...] = (),
    anything=None,
    noted: Annotated[int, "steps"] = -3,
    maybe: Optional[bool] = None,
    whatever: Any = ...,
    model: missing.Model = missing.DEFAULT,
    *args,
    key: str,
    **kwargs,
) -> dict:
    """Train a model.

    On whatever there is.
    """
    return missing.train(lr)


def helper():
    return 1
