"""A file that the first who comes writes, and nobody after."""

from __future__ import annotations

import os

from nemorun_discover.files import write_json, write_whole
from nemorun_discover.shortage import is_passing

TYPE_CHECKING = False

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def create_once(path: Path, document: dict[str, Any]) -> bool:
    """Make the JSON file, whole, unless it is there; False when it is.

    Raises:
        OSError: Nothing can be written there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.claim")
    write_json(draft, document)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        if is_passing(error):  # there is no room for the name
            raise
        # A file system without hard links: not whole from the first moment on.
        return _create_without_link(path, draft.read_bytes())
    finally:
        draft.unlink(missing_ok=True)
    return True


def _create_without_link(path: Path, content: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    try:
        write_whole(descriptor, content)
    except OSError:
        path.unlink()  # half of it would be taken for the whole
        raise
    finally:
        os.close(descriptor)
    return True
