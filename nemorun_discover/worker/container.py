"""Inside a container: the log, the secrets, the task's user, and whose the files are in the end.

The worker is root there, whoever runs the task, so that in the end it can give all files to the owner of the
job's folder. That number is the caller's as this container sees it, also where the engine has numbers of its
own (rootless Docker, podman).
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import time

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from nemorun_discover.model.layout import AttemptLayout, JobLayout

SECRETS = ".secrets"
_STDOUT, _STDERR = 1, 2
_NO_USER = 126


def enter(paths: JobLayout, attempt: AttemptLayout, user: str) -> dict[str, Callable[[], None]]:
    """Begin to write into the log, take the secrets, and say what a supervisor does here beside its own work."""
    _write_into_the_log(attempt)
    _take_secrets(attempt)
    began = time.time()
    return {
        "become": lambda: become_user(user),
        "hand_over": lambda: hand_over(paths.root, since=began),
    }


def _write_into_the_log(attempt: AttemptLayout) -> None:
    # What the engine keeps of it (`docker logs`) is for what goes wrong before this line.
    log = os.open(attempt.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (_STDOUT, _STDERR):
        os.dup2(log, stream)
    os.close(log)


def _take_secrets(attempt: AttemptLayout) -> None:
    """Put the secrets into the environment, and delete the file they came in."""
    path = attempt.root / SECRETS
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return
    path.unlink()
    os.environ.update(values)


def become_user(user: str) -> None:
    """Be this user from now on, as `docker run --user` understands it; nothing for an empty word.

    Raises:
        SystemExit: There is no such user here, or the engine does not allow it.
    """
    if not user:
        return
    name, _, group = user.partition(":")
    try:
        uid, gid, groups, home = _who(name, group)
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
    except (KeyError, OSError) as error:
        print(f"nemorun: the task cannot run as user {user}: {error}", flush=True)
        raise SystemExit(_NO_USER) from error
    # The engine has set root's.
    if os.environ.get("HOME", "/root") == "/root":
        os.environ["HOME"] = home


def _who(name: str, group: str) -> tuple[int, int, list[int], str]:
    entry = _user(name)
    uid = entry.pw_uid if entry else int(name)
    gid = entry.pw_gid if entry else 0
    if group:
        return uid, _group(group), [_group(group)], entry.pw_dir if entry else "/"
    groups = os.getgrouplist(entry.pw_name, gid) if entry else [gid]
    return uid, gid, groups, entry.pw_dir if entry else "/"


def _user(name: str) -> pwd.struct_passwd | None:
    if not name.isdigit():
        return pwd.getpwnam(name)
    try:
        return pwd.getpwuid(int(name))
    except KeyError:  # a number need not have a name
        return None


def _group(name: str) -> int:
    return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid


def hand_over(folder: Path, since: float) -> None:
    """Give what is new in the folder to the folder's owner; what cannot be given stays as it is.

    Args:
        folder: What is mounted in it, save the project's code, is not the job's to give.
        since: What has not changed since then was there before; seconds since 1970.
    """
    if os.geteuid() != 0:
        return
    top = folder.stat()
    for path in _below(str(folder), _mounts() - {f"{folder}/code"}):
        with contextlib.suppress(OSError):
            own = os.lstat(path)
            if own.st_uid != top.st_uid and own.st_ctime >= since:
                os.lchown(path, top.st_uid, top.st_gid)


def _below(folder: str, leave_out: set[str]) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if f"{path}/{one}" not in leave_out]
        for name in (*folders, *files):
            yield f"{path}/{name}"


def _mounts() -> set[str]:
    """Where something is mounted; proc(5): the fifth word, with spaces and the like in octal."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:  # noqa: PTH123
        return {_unescaped(line.split()[4]) for line in lines}


def _unescaped(word: str) -> str:
    for octal in ("040", "011", "012", "134"):
        word = word.replace("\\" + octal, chr(int(octal, 8)))
    return word
