"""Packagers: what of the project's code travels with a job. Settings only; packaging/ acts on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from nemorun_discover.executors.settings import FAMILY, MANY, at_least


@dataclass(kw_only=True, slots=True)
class Packager:
    """The pass-through: nothing is copied, jobs run from the project's directory.

    Attributes:
        debug: Run every job with the switches that make GPU errors synchronous (CUDA_LAUNCH_BLOCKING=1
            and the like).
        symlink_from_remote_dir: A directory on the cluster of a Slurm executor that holds what this packager would
            send, and is run instead; an absolute path. None sends what this packager makes.
        size_limit_mb: Refuse to package more than this, all files together, in units of 10^6 bytes; 0 for
            no limit. Of packagers within others the outermost one's counts.
    """

    kind: ClassVar[str] = "none"

    debug: bool = False
    symlink_from_remote_dir: str | None = None
    size_limit_mb: float = at_least(0, 100.0)


@dataclass(kw_only=True, slots=True)
class GitArchivePackager(Packager):
    """The project as git sees it: modified and untracked files included, ignored ones left out.

    Attributes:
        basepath: Root of the repository; empty for the one the project lies in.
        subpath: Only this directory of the repository, which becomes the job's working directory;
            empty for all of it.
        ref: Package this commit, branch or tag as it was committed; None packages the working tree.
        include_submodules: Take the files of submodules too.
        include_pattern: More files by glob, ignored ones too; one pattern or a list.
        include_pattern_relative_path: The directory a pattern's files are placed relative to; one for
            all patterns, or one each. Empty for the root of the repository.
        check_uncommitted_changes: Refuse to package while tracked files differ from the commit.
        check_untracked_files: Refuse to package while there are untracked files.
    """

    kind: ClassVar[str] = "git"

    basepath: str = ""
    subpath: str = ""
    ref: str | None = None
    include_submodules: bool = True
    include_pattern: str | list[str] = ""
    include_pattern_relative_path: str | list[str] = ""
    check_uncommitted_changes: bool = False
    check_untracked_files: bool = False


@dataclass(kw_only=True, slots=True)
class PatternPackager(Packager):
    """The files that match a pattern, for code that is not under version control.

    Attributes:
        include_pattern: Glob of the files to take (`src/**`), absolute or from the project's root; one
            pattern or a list. A directory that matches is taken with all that is in it.
        relative_path: The directory that a pattern's files are placed relative to, absolute or from the
            project's root; one for all patterns, or one each. Empty for the project's root.
    """

    kind: ClassVar[str] = "pattern"

    include_pattern: str | list[str]
    relative_path: str | list[str] = ""


@dataclass(kw_only=True, slots=True)
class HybridPackager(Packager):
    """Several packagers together.

    Attributes:
        sub_packagers: The packagers, by the name of the folder that each one's files are placed in.
        extract_at_root: Place all files at the root instead, each packager over those before it.
    """

    kind: ClassVar[str] = "hybrid"

    sub_packagers: dict[str, Packager] = field(metadata={FAMILY: "packager", MANY: True})
    extract_at_root: bool = False
