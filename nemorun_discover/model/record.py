"""The record: what was asked of an experiment, complete before anything is submitted, never changed after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from nemorun_discover.model.job import Job
from nemorun_discover.model.task import Json

# The number grows when an older nemorun would misread the file.
RECORD_SCHEMA = "nemorun.record/1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The project an experiment was started from.

    Attributes:
        root: Absolute; the working directory of local jobs.
        config: The configuration file, absolute; None when there was none.
        pythonpath: Directories put on `sys.path` after the root, relative to it.
    """

    root: str
    name: str
    config: str | None = None
    pythonpath: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GitState:
    """The project's code as git sees it.

    Attributes:
        commit: Full hash; None before the first commit.
        branch: None when HEAD is detached.
        diff: `git diff HEAD`, cut at 1 MiB (then `diff_is_cut`).
        untracked: Files that git neither tracks nor ignores.
    """

    commit: str | None
    branch: str | None
    dirty: bool
    diff: str = ""
    diff_is_cut: bool = False
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What was asked.

    Attributes:
        argv: The command line as typed, secrets masked.
        versions: Of nemorun, Python and the platform.
        executors: The resolved executors by name; a secret's value is replaced by a reference to its name.
        max_jobs: Jobs that may run at once, over all executors (`-j`); None for no limit.
        maxfail: Failed jobs after which no other is started; None for no limit.
        runtime: The file in `packages/` that runs the jobs, whichever nemorun carries them on.
        rerun_of: The experiment this one repeats.
    """

    id: str
    title: str
    created_at: datetime
    argv: tuple[str, ...]
    cwd: str
    user: str
    host: str
    versions: dict[str, str]
    project: Project
    git: GitState | None = None
    executors: dict[str, dict[str, Json]] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    max_jobs: int | None = None
    maxfail: int | None = None
    runtime: str = ""
    rerun_of: str | None = None
