"""What is handed over to a cluster, and what becomes of it: data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nemorun_discover.schedulers.slurm.payload import Member


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is to be handed over.

    Attributes:
        base: The tunnel's job_dir, as it was given: `~/…` and relative paths begin at the user's home there.
        packages: `HomeLayout.packages`, where the runtime and the packages are.
        runtime: Name of the runtime's file.
        batch: Name of the batch library, and its text.
        digests: The packages that the jobs run.
        linked: Directories there that jobs run instead of a package.
        prepare: Makes the scripts, when it is known what the cluster takes.
    """

    experiment_id: str
    base: str
    packages: Path
    runtime: str
    batch: tuple[str, str]
    digests: tuple[str, ...]
    linked: tuple[str, ...]
    prepare: Callable[[ClusterFacts], Prepared]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusterFacts:
    """What a cluster told of itself.

    Attributes:
        base: The job_dir, absolute.
        max_array: `MaxArraySize`: indices of an array are below it.
    """

    base: str
    user: str
    host: str
    max_array: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A batch script to be submitted.

    Attributes:
        unit: Its name, by which it lies on the cluster.
        key: The submit key in its comment.
        is_unwanted: It is looked for, and not submitted: all its jobs were cancelled meanwhile.
        depends: `afterok:{other}_3`, where `{other}` stands for the id of another unit; empty for nothing.
    """

    unit: str
    key: str
    depends: str = ""
    is_unwanted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """The scripts in the order in which they are submitted, and the files of the experiment."""

    sheets: tuple[Sheet, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a script.

    Attributes:
        word: `id`: it was taken. `refused`: sbatch's words about it. `absent`: it was looked for only, and is not
            there. `away`: Slurm did not answer, and no script was handed over. `unsure`: it did not answer, and may
            have this one. `facts`: no script, but what the cluster told of itself.
        text: sbatch's id, or its words.
        unit: Which script; empty where Slurm did not answer before the first.
    """

    word: Literal["id", "refused", "absent", "away", "unsure", "facts"]
    unit: str = ""
    text: str = ""
    facts: ClusterFacts | None = None
