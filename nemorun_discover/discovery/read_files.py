"""Many files to what each of them says: from the cache, or by reading them."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from nemorun_discover.discovery.filescan import FACTORY_FILE, FileScan
from nemorun_discover.discovery.scan_cache import ScanCache, content_key
from nemorun_discover.discovery.scan_codec import decode_scan, encode_scan
from nemorun_discover.model.task import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Below this, reading every file is faster than a person notices.
_SMALLEST_CACHED = 16


def read_files(root: Path, files: Sequence[str], cache_dir: Path | None) -> dict[str, FileScan]:
    """Read the files that may hold tasks or factories; the others are not in the answer.

    Args:
        root: Absolute.
        files: Relative to `root`.
        cache_dir: Where earlier scans are kept; None reads every file anew.
    """
    sources, scans = _sources(root, files)
    cache = ScanCache(cache_dir if len(sources) >= _SMALLEST_CACHED else None, root)
    keys = {file: content_key(file, data) for file, data in sources.items()}
    for file, key in keys.items():
        scan = _cached(cache, file, key)
        if scan is not None:
            scans[file] = scan
    missing = {file: data for file, data in sources.items() if file not in scans}
    for file, scan in _read(missing).items():
        scans[file] = scan
        if cache.is_on:
            cache.put(keys[file], encode_scan(scan))
    cache.save(keys.values())
    return scans


def _sources(root: Path, files: Sequence[str]) -> tuple[dict[str, bytes], dict[str, FileScan]]:
    """Return the bytes of each file worth parsing, and an issue for each that cannot be read."""
    sources: dict[str, bytes] = {}
    unreadable: dict[str, FileScan] = {}
    for file in files:
        try:
            with open(os.path.join(root, file), "rb") as stream:  # noqa: PTH118, PTH123 - 3 x Path's speed
                data = stream.read()
        except OSError as error:
            message = f"the file cannot be read: {error.strerror}"
            unreadable[file] = FileScan(issues=(Issue(file=file, line=0, message=message),))
            continue
        if b"nemorun" in data or file.rpartition("/")[2] == FACTORY_FILE:
            sources[file] = data
    return sources, unreadable


def _cached(cache: ScanCache, file: str, key: bytes) -> FileScan | None:
    data = cache.get(key)
    try:
        return None if data is None else decode_scan(file, data)
    except (ValueError, TypeError, LookupError):
        return None


def _read(sources: Mapping[str, bytes]) -> dict[str, FileScan]:
    if not sources:
        return {}
    # Imported when a file is not in the cache: ast and re take 5 ms.
    from nemorun_discover.discovery.read import read_file  # noqa: PLC0415

    with warnings.catch_warnings():
        # A "\d" in a user's file is told when the file runs, not whenever it is listed.
        warnings.simplefilter("ignore")
        return {file: read_file(file, data) for file, data in sources.items()}
