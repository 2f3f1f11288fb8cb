"""The record: what was asked of an experiment, complete before anything is submitted, never changed after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from posixpath import join, normpath, relpath

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
        untracked: Files that git neither tracks nor ignores, but for Python's `__pycache__`.
    """

    commit: str | None
    branch: str | None
    dirty: bool
    diff: str = ""
    diff_is_cut: bool = False
    untracked: tuple[str, ...] = ()


class GroupPolicy(StrEnum):
    """When the other members of a group are stopped.

    ALL: never, each runs to its own end. ANY_FAILED: as soon as one has failed. FIRST_DONE: as soon as one
    has ended; a member stopped because another one succeeded has succeeded too.
    """

    ALL = "all"
    ANY_FAILED = "any_failed"
    FIRST_DONE = "first_done"


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedCode:
    """The code that the jobs of an executor run, taken out of the project when they were launched.

    Attributes:
        digest: Of the package's content (SHA-256, hex); its name in the home's `packages/`. Empty with `linked`.
        linked: The directory on the cluster that stands in for the package (`symlink_from_remote_dir`); empty where
            one was made.
        root: Where the project's root lies in the package, relative, `""` for the package's own root.
        below: Where the package's root lies in the project, when it was taken from a folder of it; `""`
            otherwise.
        size_bytes: Of all its files.
    """

    digest: str
    linked: str = ""
    root: str = ""
    below: str = ""
    files: int = 0
    size_bytes: int = 0

    def path_of(self, file: str) -> str:
        """A file of the project as a path in `root` of the package; begins with `..` when it is outside."""
        return relpath(file, self.below) if self.below else normpath(file)

    def place_of(self, file: str) -> str:
        """The same as a path in the package."""
        return normpath(join(self.root, self.path_of(file)))


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCodeSummary:
    """The project's own files, as they were when the jobs that run them were planned; `code.json` names each.

    Attributes:
        digest: Made as that of a package.
        files: How many.
    """

    digest: str
    files: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PluginReference:
    """A plugin whose hooks the driver calls.

    Attributes:
        file: Where its class is, relative to the project's root, or absolute; empty with `module`.
        module: The module its class is imported from, where it is not a file of the project.
        is_main: `file` is the script that launched the experiment.
        name: The class's name there.
        fields: Its attributes, as JSON.
    """

    name: str
    file: str = ""
    module: str | None = None
    is_main: bool = False
    fields: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class EditableInstall:
    """A distribution that is installed as editable, outside of the project's repository.

    Attributes:
        path: Where its project is, absolute.
        digest: Of its code, made as that of a package; None where that could not be read.
    """

    path: str
    digest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """The Python that nemorun ran under, which is also what runs local jobs unless an executor says otherwise.

    Attributes:
        version: `3.11.7`.
        installed: Version of every installed distribution, by its name in lower case.
        editable: Those whose code is a working tree elsewhere, by name, and directories on `sys.path` by path;
            None in records of an earlier nemorun.
    """

    version: str
    executable: str
    installed: dict[str, str] = field(default_factory=dict)
    editable: dict[str, EditableInstall] | None = None


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
        packages: By executor, the code its jobs run; one that is not there runs the project's own files.
        live_code: What the jobs that run the project's own files were planned with; None where there are none,
            where it could not be read, and in records of an earlier nemorun.
        groups: The policy of every group, by its name.
        plugins: Whose hooks the driver calls.
        without_plugins: Names of installed plugins that are switched off (`-p no:NAME`).
        types: By task (`Job.task_key`), the annotations of its parameters, as discovery/scan_codec.py writes
            them: a rerun reads what is typed as the run did. Empty in records of earlier versions.
        rerun_of: The experiment this one repeats.
        changes: What a rerun was told to do differently, a sentence each.
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
    packages: dict[str, PackagedCode] = field(default_factory=dict)
    live_code: LiveCodeSummary | None = None
    groups: dict[str, GroupPolicy] = field(default_factory=dict)
    plugins: tuple[PluginReference, ...] = ()
    without_plugins: tuple[str, ...] = ()
    interpreter: Interpreter | None = None
    types: dict[str, dict[str, Json]] = field(default_factory=dict)
    rerun_of: str | None = None
    changes: tuple[str, ...] = ()
