"""The code that jobs run: taken out of the project once per packager, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import UsageError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.model.record import PackagedCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.packaging.listing import Listing

NO_PACKAGER = {"kind": "none"}
_KB, _MB = 1_000, 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """What the jobs of a plan run.

    Attributes:
        codes: By executor; one that is not there runs the project's own files.
        listings: The packages that are not known to be in the home yet.
        notes: Sentences for the user.
    """

    codes: Mapping[str, PackagedCode]
    listings: tuple[Listing, ...] = ()
    notes: tuple[str, ...] = ()


def pack(plan: Plan, home_root: Path) -> Packing:
    """List the packages of a plan; nothing but the cache of hashes is written.

    Args:
        plan: What is to be launched.
        home_root: NEMORUN_HOME, which never travels even where it lies in the project.

    Raises:
        ConfigError: A packager cannot package this project.
        UsageError: A package would be too large, or a job's file is not in it.
    """
    codes = dict(plan.packages)
    listings: dict[str, Listing] = {}
    notes: list[str] = []
    for name, table in plan.executors.items():
        packager = table.get("packager", NO_PACKAGER)
        if name in codes or packager["kind"] == NO_PACKAGER["kind"]:
            continue
        key = repr(packager)
        if key not in listings:
            listings[key] = _list(table, Path(plan.project.root), home_root)
            notes += listings[key].notes
        codes[name] = _code_of(listings[key], Path(plan.project.root))
        notes.append(_note(name, codes[name]))
        _require_files(name, plan.jobs, codes[name], listings[key])
    distinct = {one.digest: one for one in listings.values()}
    return Packing(codes=codes, listings=tuple(distinct.values()), notes=tuple(notes))


def _list(table: Mapping[str, object], root: Path, home_root: Path) -> Listing:
    # Packaging reads git and hashes files; a run without it does not pay for its import.
    from nemorun_discover.packaging.packager import list_package  # noqa: PLC0415

    packager = executor_from_dict(table).packager
    return list_package(packager, root, cache_dir=user_cache_dir(), leave_out=[home_root])


def _code_of(listing: Listing, root: Path) -> PackagedCode:
    from nemorun_discover.packaging.packager import place_in  # noqa: PLC0415 - likewise

    inside, below = place_in(listing, root)
    return PackagedCode(
        digest=listing.digest,
        root=inside,
        below=below,
        files=len(listing.entries),
        size_bytes=listing.size_bytes,
    )


def _note(executor: str, code: PackagedCode) -> str:
    size = code.size_bytes
    text = f"{size / _MB:.1f} MB" if size >= _MB // 10 else f"{size / _KB:.1f} kB"
    files = "1 file" if code.files == 1 else f"{code.files} files"
    return f"{executor} runs a copy of the code as it is now: {files}, {text}"


def _require_files(
    executor: str, jobs: Sequence[Job], code: PackagedCode, listing: Listing
) -> None:
    paths = {entry.path for entry in listing.entries}
    for job in jobs:
        if job.executor != executor:
            continue
        for file in _files_of(job):
            if code.place_of(file) not in paths:
                raise UsageError(
                    f"{job.id}: {file} is not in the package of {executor}",
                    hint="its packager, .gitignore or .nemorunignore leaves it out",
                )


def _files_of(job: Job) -> Iterator[str]:
    """The files of the project that a job cannot do without."""
    if job.function is not None and job.file:
        yield job.file
    script = job.script
    if script and script.path and not script.is_module and not Path(script.path).is_absolute():
        yield script.path


def store(packages: Path, packing: Packing) -> None:
    """Put what was listed into the home's packages.

    Raises:
        StoreError: It cannot be written, or a file has changed since it was listed.
    """
    if not packing.listings:
        return
    from nemorun_discover.packaging.store import store_package  # noqa: PLC0415 - likewise

    for listing in packing.listings:
        store_package(packages, listing)
