"""What it costs to list a package of 10,000 files, against `git status` of the same tree."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

from rows import Against, Row
from timing import BenchmarkError, Setting

from nemorun_discover.executors.packagers import GitArchivePackager, PatternPackager
from nemorun_discover.packaging.packager import list_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FOLDERS, _FILES_A_FOLDER = 200, 50
_PEER = "`git status --porcelain`"
# A file that was written a moment ago could be written again without a trace, and is not remembered.
_OLD_ENOUGH_S = 2.5


def measure(setting: Setting) -> list[Row]:
    """The listing, digest included, in this process with the git processes it starts; all caches are warm.

    "One file changed": it is written before each run. "Nothing known": the cache of hashes is emptied before
    each, so that every file is read.
    """
    root, cache = setting.workdir / "tree", setting.workdir / "cache"
    other = setting.workdir / "other"
    _write(root)
    _write(other)
    time.sleep(_OLD_ENOUGH_S)
    packagers = {
        "10,000 files of a working tree": GitArchivePackager(),
        "10,000 files of a commit": GitArchivePackager(ref="HEAD"),
        "10,000 files by pattern": PatternPackager(include_pattern="pkg*/**"),
    }
    runs: dict[str, Callable[[], object]] = {
        name: partial(list_package, packager, root, cache_dir=cache)
        for name, packager in packagers.items()
    }
    _expect_equal(runs)
    git = GitArchivePackager()
    changed = other / "pkg00" / "mod000" / "file_00.py"
    took = _medians(
        {
            _PEER: partial(_status, root),
            **runs,
            "one file changed": partial(list_package, git, other, cache_dir=cache),
            "nothing known": partial(
                list_package, git, other, cache_dir=setting.workdir / "first-cache"
            ),
        },
        before={
            "one file changed": lambda: changed.write_text(f"{time.time_ns()}\n"),
            "nothing known": lambda: shutil.rmtree(
                setting.workdir / "first-cache", ignore_errors=True
            ),
        },
        repeat=setting.repeat * 3,
    )
    tree = next(iter(packagers))
    at_most = dict.fromkeys(packagers, 4) | {tree: 3, "nothing known": 30}
    return [
        *(_row(_name(name), took[name], _PEER, took[_PEER], at_most[name]) for name in at_most),
        _row(_name("one file changed"), took["one file changed"], "none changed", took[tree], 1.3),
    ]


def _name(name: str) -> str:
    return f"package {name}" if name.startswith("10,000") else f"package 10,000 files, {name}"


def _row(name: str, ours_s: float, peer: str, peer_s: float, at_most: float) -> Row:
    return Row(
        name=name, ours_s=ours_s, peer=peer, peer_s=peer_s, against=Against.PEER, at_most=at_most
    )


def _medians(
    runs: Mapping[str, Callable[[], object]],
    *,
    before: Mapping[str, Callable[[], object]],
    repeat: int,
) -> dict[str, float]:
    """Median seconds of each; they take turns, and the first two turns are not counted."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeat + 2):
        for name, run in runs.items():
            before.get(name, time.time)()
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values[2:]) for name, values in times.items()}


def _write(root: Path) -> None:
    draw = random.Random(0)
    for folder in range(_FOLDERS):
        place = root / f"pkg{folder // 20:02}" / f"mod{folder:03}"
        place.mkdir(parents=True)
        for file in range(_FILES_A_FOLDER):
            lines = draw.randrange(10, 600)
            (place / f"file_{file:02}.py").write_text(f"# {folder} {file}\n" + "x = 1\n" * lines)
    as_me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*as_me, "commit", "--quiet", "--message=x"),
    ):
        subprocess.run(["git", *arguments], cwd=root, check=True, env=_environment(root))


def _status(root: Path) -> None:
    subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=root,
        check=True,
        stdout=subprocess.PIPE,
        env=_environment(root),
    )


def _environment(root: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(root.parent)}


def _expect_equal(runs: Mapping[str, Callable[[], object]]) -> None:
    """All three are the same files: one digest."""
    digests = {name: getattr(run(), "digest", None) for name, run in runs.items()}
    if len(set(digests.values())) != 1:
        raise BenchmarkError(f"the packages differ: {digests}")
