"""Writing a file so that a crash leaves the old one or the new one, never half of it.

Standard library, Python 3.9: the worker writes its evidence with it inside jobs.
"""

from __future__ import annotations

import json
import os

from nemorun_discover.shortage import is_passing

TYPE_CHECKING = False  # typing's own constant costs the worker an import

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def write_atomic(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Put content at path with mode 0600, replacing what was there in one step.

    Args:
        path: The file; its directory exists.
        content: All of it.
        durable: Wait until the disk has it, so that a power cut cannot lose it.

    Raises:
        OSError: The file could not be written; what was there before is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(descriptor: int, content: bytes) -> None:
    """Write all of it: a disk that fills up, or a pipe, may take a part only.

    Raises:
        OSError: What is left of it could not be written.
    """
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:  # noqa: ANN401 - JSON
    """Put a JSON document at path, indented for a person to read; see `write_atomic`."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        content = text.encode()
    except UnicodeEncodeError:  # a path that is not UTF-8: its bytes travel as lone surrogates
        content = json.dumps(value, indent=2, allow_nan=False).encode()
    write_atomic(path, content + b"\n", durable=durable)


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON
    """The JSON document at path; None when there is none, or it is not whole.

    For the worker, which has to check what it gets. Everybody else reads through `documents.py`, where absent,
    damaged and unreadable are three answers.

    Raises:
        OSError: This process has no descriptor or no memory left for it: whether it is there is not known.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    except OSError as error:
        if is_passing(error):
            raise
        return None
