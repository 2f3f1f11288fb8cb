"""What earlier scans read, by the content of the files: never required, never trusted blindly.

One file per project. It is read whole and replaced whole (a temporary name, then a rename), so two
scans at once leave the one or the other; a line that cannot be read is a file that is read again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.filescan import FACTORY_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable


class ScanCache:
    """The lines of one project's cache; `get` and `put` by `content_key`."""

    def __init__(self, directory: Path | None, root: Path) -> None:
        """Read the cache of the project at `root`; without `directory` there is none."""
        name = blake2b(os.fsencode(root), digest_size=8).hexdigest()
        self._path = None if directory is None else directory / f"scan-{name}.jsonl"
        self._lines: dict[bytes, bytes] = {}
        self._new: dict[bytes, bytes] = {}
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._lines = _parse(self._path.read_bytes())

    @property
    def is_on(self) -> bool:
        """True when what is put will be saved."""
        return self._path is not None

    def get(self, key: bytes) -> Any | None:  # noqa: ANN401 - JSON
        """Return what was put for a key; None when nothing readable is there."""
        line = self._lines.get(key)
        if line is None:
            return None
        try:
            return json.loads(line)
        except ValueError:
            return None

    def put(self, key: bytes, data: Any) -> None:  # noqa: ANN401 - JSON
        """Keep JSON data for a key until `save`."""
        self._new[key] = json.dumps(data, separators=(",", ":")).encode()

    def save(self, used: Iterable[bytes]) -> None:
        """Write the cache when something is new; a home that cannot be written is left alone.

        Args:
            used: The keys of this scan. Of the others at most as many are kept again.
        """
        if self._path is None or not self._new:
            return
        lines = {**self._lines, **self._new}
        kept = {key: None for key in used if key in lines}
        others = [key for key in lines if key not in kept][-len(kept) :]
        body = b"".join(b"%s %s\n" % (key, lines[key]) for key in (*others, *kept))
        with contextlib.suppress(OSError):
            _replace(self._path, _header() + body)


def content_key(file: str, data: bytes) -> bytes:
    """Return a key that changes with the bytes of a file, and with what they are read as."""
    kind = b"factories" if file.rpartition("/")[2] == FACTORY_FILE else b""
    return blake2b(data, digest_size=16, person=kind).hexdigest().encode()


def _header() -> bytes:
    """Return a line that changes with Python's grammar and with the code that reads."""
    newest = max(entry.stat().st_mtime_ns for entry in os.scandir(Path(__file__).parent))
    return f"nemorun.scan/1 {sys.hexversion:x} {newest}\n".encode()


def _parse(content: bytes) -> dict[bytes, bytes]:
    header = _header()
    if not content.startswith(header):
        return {}
    pairs = (line.partition(b" ") for line in content[len(header) :].split(b"\n"))
    return {key: rest for key, _, rest in pairs if rest}


def _replace(path: Path, content: bytes) -> None:
    for directory in (path.parent.parent, path.parent):
        directory.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
