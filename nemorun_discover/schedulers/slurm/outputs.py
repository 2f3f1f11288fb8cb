"""Outputs of a cluster's jobs on this machine: each byte travels once, however often the connection breaks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConnectionLost, NemorunError, StoreError
from nemorun_discover.schedulers.fetching import Fetched, Transfer
from nemorun_discover.schedulers.landing import Landing
from nemorun_discover.schedulers.slurm.clusters import base_of, home_of, is_home, name_of, tunnel_of
from nemorun_discover.schedulers.slurm.hauling import Haul, Wanted, request_of
from nemorun_discover.schedulers.slurm.listing import RESULT, folder_of, read_listing
from nemorun_discover.schedulers.slurm.looking import script_text
from nemorun_discover.transport.script import new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemorun_discover.schedulers.fetching import Fetch
    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.slurm.listing import Found
    from nemorun_discover.transport.tunnel import Tunnel

PATIENCE_S = 300.0  # a slow disk lists a large folder
# Between two tries of which the first brought nothing.
_PAUSES_S = (1.0, 2.0, 4.0, 8.0)


def fetch_outputs(
    tunnel: Tunnel, base: str, fetches: Sequence[Fetch], tell: Callable[[Transfer], None]
) -> dict[str, Fetched]:
    """Bring what is new of the outputs of jobs of one cluster; by job, what has come.

    Args:
        tunnel: To the cluster; one conversation, and one more whenever it breaks.
        base: The tunnel's job_dir.
        fetches: Which.
        tell: Gets how far it has come.
    """
    errand = _Errand(tunnel, base, fetches, tell)
    pauses = iter(_PAUSES_S)
    while True:
        before = errand.size_bytes
        try:
            errand.go()
            return errand.fetched()
        except ConnectionLost as error:
            if errand.size_bytes > before:
                pauses = iter(_PAUSES_S)
            pause = next(pauses, None)
            if pause is None:
                return errand.fetched(error)
            time.sleep(pause)
        except NemorunError as error:
            return errand.fetched(error)
        except OSError as error:
            return errand.fetched(
                StoreError(f"{error.filename}: cannot be written ({error.strerror})")
            )


def fetch_from_all(
    fetches: Sequence[Fetch],
    tell: Callable[[Transfer], None],
    tunnel_to: Callable[[Submission], Tunnel],
) -> dict[str, Fetched]:
    """The same for jobs of any number of clusters; nothing is asked for what lies in this very home."""
    by_cluster: dict[str, list[Fetch]] = {}
    for one in fetches:
        if not is_here(one):
            by_cluster.setdefault(name_of(tunnel_of(one.submission)), []).append(one)
    fetched = {one.submission.job.id: Fetched() for one in fetches}
    for alike in by_cluster.values():
        first = alike[0].submission
        base = base_of(tunnel_of(first), home_of(first))
        fetched |= fetch_outputs(tunnel_to(first), base, alike, tell)
    return fetched


def is_here(fetch: Fetch) -> bool:
    """True where the cluster works in this very home, and the outputs are asked for where they lie."""
    submission = fetch.submission
    works_here = is_home(tunnel_of(submission), home_of(submission))
    return works_here and fetch.into == submission.paths.outputs


@dataclass(kw_only=True, slots=True)
class _Load:
    """What has come of one job."""

    fetch: Fetch
    outputs: Landing
    own: Landing
    files: int = 0
    size_bytes: int = 0
    same: int = 0
    missing: int = 0
    first_missing: str = ""
    is_there: bool = False


class _Errand:
    def __init__(
        self, tunnel: Tunnel, base: str, fetches: Sequence[Fetch], tell: Callable[[Transfer], None]
    ) -> None:
        self._tunnel = tunnel
        self._base = base
        self._tell = tell
        self._loads = {folder_of(one.submission): _load_of(one) for one in fetches}
        self._came: set[str] = set()
        self._total_bytes = 0
        self.size_bytes = 0

    def go(self) -> None:
        """List, compare, and take what is new."""
        places = [f"{one}/{name}" for one in self._loads for name in ("outputs", RESULT)]
        script = script_text("outputs.sh", base=self._base, places="\n".join(places))
        with self._tunnel.converse(script, new_token(), PATIENCE_S) as talk:
            wanted = self._compare(list(read_listing(talk, self._tunnel.name)))
            if wanted:
                left = sum(one.found.entry.size - one.begun for one in wanted)
                self._total_bytes = self.size_bytes + left
                talk.feed(request_of(wanted))
                Haul(talk, wanted, self._moved, self._arrived).take()
        for one in wanted:
            if one.found.remote not in self._came:
                self._loads[one.found.job].missing += 1
                self._loads[one.found.job].first_missing = one.found.entry.path
        for load in self._loads.values():
            load.outputs.finish()
            load.own.finish()

    def fetched(self, error: NemorunError | None = None) -> dict[str, Fetched]:
        """What has come, by job."""
        return {
            load.fetch.submission.job.id: Fetched(
                files=load.files,
                size_bytes=load.size_bytes,
                same=load.same,
                trouble=self._trouble(load, error),
                error=error,
                is_gone=error is None and not load.is_there,
            )
            for load in self._loads.values()
        }

    def _compare(self, listing: Sequence[Found]) -> list[Wanted]:
        """The files that are to be sent; what needs no bytes is put in its place."""
        wanted = []
        for load in self._loads.values():
            load.same = load.missing = 0
        for found in listing:
            if found.job not in self._loads or found.remote in self._came:
                continue
            load = self._loads[found.job]
            load.is_there = load.is_there or not found.entry.path
            if found.is_closed:
                load.missing += 1
                load.first_missing = found.entry.path
            if found.is_closed or not found.entry.path:
                continue
            if not _is_meant(found, load):
                continue
            landing = load.own if found.is_result else load.outputs
            if _is_here(found, load, landing):
                load.same += found.entry.kind != "d" and not found.is_result
                continue
            begun = landing.begun(found.entry)
            one = Wanted(
                job=load.fetch.submission.job.id, found=found, landing=landing, begun=begun
            )
            if found.entry.kind == "f" and begun < found.entry.size:
                wanted.append(one)
                continue
            self._put(one)
        return wanted

    def _put(self, one: Wanted) -> None:
        if one.found.entry.kind == "f":
            one.landing.gather(one.found.entry).close()
        one.landing.put(one.found.entry)
        if one.found.entry.kind != "d":
            self._arrived(one)

    def _arrived(self, one: Wanted) -> None:
        self._came.add(one.found.remote)
        self._loads[one.found.job].files += 1

    def _moved(self, one: Wanted, size: int) -> None:
        self.size_bytes += size
        self._loads[one.found.job].size_bytes += size
        self._tell(
            Transfer(
                job=one.job,
                path=one.found.entry.path,
                done_bytes=self.size_bytes,
                total_bytes=max(self._total_bytes, self.size_bytes),
            )
        )

    def _trouble(self, load: _Load, error: NemorunError | None) -> str | None:
        if error is not None:
            return error.message
        if not load.missing:
            return None
        more = f" and {load.missing - 1} more" if load.missing > 1 else ""
        return f"{self._tunnel.name}: {load.first_missing!r}{more} could not be read there, or changed meanwhile"


def _load_of(fetch: Fetch) -> _Load:
    paths = fetch.submission.paths
    own = Landing(paths.root, parts=paths.root / "outputs.part")
    return _Load(fetch=fetch, outputs=Landing(fetch.into), own=own)


def _is_meant(found: Found, load: _Load) -> bool:
    return found.is_result or load.fetch.wants(found.entry.path)


def _is_here(found: Found, load: _Load, landing: Landing) -> bool:
    if not found.is_result:
        return landing.has(found.entry)
    try:  # it has come with a look, whose time it has
        return load.fetch.submission.paths.result.stat().st_size == found.entry.size
    except OSError:
        return False
