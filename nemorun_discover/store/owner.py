"""Whose a home is, and who else could write in it: only its owner's commands start, change or delete anything there.

What lies in a home is run: the runtime, packages, the commands of records. So a home that another user owns or can
write to is only read, as ssh refuses keys that others could have written.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from nemorun_discover.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OTHERS_ENTER = 0o011


def require_own(folders: Iterable[Path]) -> None:
    """See that these folders are the caller's alone to write in; those that are not there are passed over.

    Args:
        folders: The home first: where nobody else can enter it, permissions below it do not matter.

    Raises:
        StoreError: They are not.
    """
    is_entered: bool | None = None  # by others: the home, which comes first
    for folder in folders:
        try:
            found = folder.stat()
        except OSError:
            continue
        if found.st_uid != os.geteuid():
            owner, me = _name_of(found.st_uid), _name_of(os.geteuid())
            raise StoreError(
                f"{folder}: belongs to {owner}, and commands of {me} only read there",
                hint=f"run this as {owner}, or set NEMORUN_HOME to a directory of your own",
            )
        if is_entered is not False and _others_write(found):
            raise StoreError(
                f"{folder}: can be written by others (mode {stat.S_IMODE(found.st_mode):o}), and what lies there is "
                "not run",
                hint=f"chmod go-w {folder}, after a look at what others have put there",
            )
        if is_entered is None:
            is_entered = bool(found.st_mode & _OTHERS_ENTER)


def _others_write(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_private_group(found)


def _is_private_group(found: os.stat_result) -> bool:
    """True for the group that many systems give each user, who is alone in it (and whose umask is 002 there)."""
    import grp  # noqa: PLC0415 - few homes need it

    try:
        group = grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    owner = _name_of(found.st_uid)
    return group.gr_name == owner and not set(group.gr_mem) - {owner}


def _name_of(uid: int) -> str:
    import pwd  # noqa: PLC0415 - as above

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
