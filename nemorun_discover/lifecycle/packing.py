"""The code that jobs run: taken out of the project once per packager, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.config.locate import user_cache_dir
from nemorun_discover.errors import ExecutorRefused, NemorunError, UsageError
from nemorun_discover.executors.codec import executor_from_dict
from nemorun_discover.lifecycle.references import private_files
from nemorun_discover.model.check import Check, Verdict
from nemorun_discover.model.record import PackagedCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemorun_discover.executors.base import Executor
    from nemorun_discover.lifecycle.plan import Plan
    from nemorun_discover.model.job import Job
    from nemorun_discover.packaging.listing import Listing

NO_PACKAGER = {"kind": "none"}
_KB, _MB = 1_000, 1_000_000
_SEND_IT = (
    'set packager = "git" to send the project, or packager.symlink_from_remote_dir of a Slurm executor '
    "to where the cluster has it"
)


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


def pack(plan: Plan, leave_out: Sequence[Path]) -> Packing:
    """List the packages of a plan; nothing but the cache of hashes is written.

    Args:
        plan: What is to be launched.
        leave_out: What nemorun itself keeps, which never travels even where it lies in the project.

    Raises:
        ConfigError: A packager cannot package this project.
        UsageError: A package would be too large, or a job's file is not in it.
        ExecutorRefused: Nothing is packaged, and a job's file is not where it would run.
    """
    codes = dict(plan.packages)
    listings: dict[str, Listing] = {}
    notes: list[str] = []
    for name, table in plan.executors.items():
        packager = table.get("packager", NO_PACKAGER)
        if name in codes:
            continue
        if packager.get("symlink_from_remote_dir") is not None:
            codes[name] = _linked(table, Path(plan.project.root))
            notes.append(
                f"{name} runs the code that lies in {codes[name].linked} on its cluster: none is sent"
            )
            continue
        if packager["kind"] == NO_PACKAGER["kind"]:
            _require_no_files(name, plan.jobs, table)
            continue
        key = repr(packager)
        if key not in listings:
            private = private_files(plan.project.config)
            listings[key] = _list(table, Path(plan.project.root), leave_out, private)
            notes += listings[key].notes
        codes[name] = _code_of(listings[key], Path(plan.project.root))
        notes.append(_note(name, codes[name]))
        _require_files(name, plan.jobs, codes[name], listings[key])
    distinct = {one.digest: one for one in listings.values()}
    return Packing(codes=codes, listings=tuple(distinct.values()), notes=tuple(notes))


def _list(
    table: Mapping[str, object], root: Path, leave_out: Sequence[Path], private: Sequence[Path]
) -> Listing:
    # Packaging reads git and hashes files; a run without it does not pay for its import.
    from nemorun_discover.packaging.packager import list_package  # noqa: PLC0415

    packager = executor_from_dict(table).packager
    return list_package(
        packager, root, cache_dir=user_cache_dir(), leave_out=leave_out, private=private
    )


def _linked(table: Mapping[str, object], root: Path) -> PackagedCode:
    from nemorun_discover.packaging.packager import place_of_root  # noqa: PLC0415 - likewise

    packager = executor_from_dict(table).packager
    inside, below = place_of_root(packager, root)
    return PackagedCode(
        digest="", linked=packager.symlink_from_remote_dir or "", root=inside, below=below
    )


def _require_no_files(executor: str, jobs: Sequence[Job], table: Mapping[str, object]) -> None:
    if executor_from_dict(table).without_package != "nothing":
        return
    for job in jobs:
        if job.executor == executor and (file := next(_files_of(job), None)) is not None:
            raise ExecutorRefused(
                f'{job.id}: packager = "none" sends no code, and {file} is not where {executor} runs jobs',
                hint=_SEND_IT,
            )


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
    amount = _amount(code.files, code.size_bytes)
    return f"{executor} runs a copy of the code as it is now: {amount}"


def _amount(count: int, size: int) -> str:
    text = f"{size / _MB:.1f} MB" if size >= _MB // 10 else f"{size / _KB:.1f} kB"
    files = "1 file" if count == 1 else f"{count} files"
    return f"{files}, {text}"


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


def check_code(executor: Executor, root: Path, home_root: Path) -> Check:
    """Whether a run could give an executor's jobs their code, for `nemorun doctor -e`: as `pack` does it."""
    from nemorun_discover.packaging.packager import list_package, place_of_root  # noqa: PLC0415 - likewise

    packager = executor.packager
    try:
        if packager.symlink_from_remote_dir is not None:
            place_of_root(packager, root)
            return _found(f"what lies in {packager.symlink_from_remote_dir} on the cluster")
        if packager.kind != NO_PACKAGER["kind"]:
            listing = list_package(
                packager, root, cache_dir=user_cache_dir(), leave_out=[home_root]
            )
            return _found(_amount(len(listing.entries), listing.size_bytes))
    except NemorunError as error:
        return Check(name="code", verdict=Verdict.FAIL, message=error.message, remedy=error.hint)
    if executor.without_package == "nothing":
        return Check(
            name="code",
            verdict=Verdict.WARN,
            message="none is sent: only tasks that need no file of the project run",
            remedy=_SEND_IT,
        )
    image = executor.without_package == "image"
    return _found("what the image holds" if image else "the project's own files")


def _found(message: str) -> Check:
    return Check(name="code", verdict=Verdict.OK, message=message)


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
