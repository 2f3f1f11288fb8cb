"""The mounts of a container: our own folders, and the executor's `volumes`. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import ConfigError
from nemorun_discover.schedulers.docker.places import CODE, JOB_DIR, seen_inside, upstream_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Submission

IN_JOB_DIR = "/$nemo_run"
_PROPAGATIONS = frozenset(("shared", "slave", "private", "rshared", "rslave", "rprivate"))
_RELABEL = frozenset(("z", "Z"))  # SELinux; only the older form of a mount has them
_WITHOUT_MEANING = frozenset(("rw", "cached", "delegated", "consistent"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Volume:
    """One of the executor's `volumes`.

    Attributes:
        source: An absolute path of this machine; the volume's name where it `is_named`.
        is_ours: It lies in the job's folder, and is made when it is not there.
    """

    source: str
    target: str
    is_named: bool = False
    is_ours: bool = False
    is_read_only: bool = False
    propagation: str | None = None
    relabel: str | None = None


def parse_volume(text: str, *, root: Path, job_dir: Path, env: Mapping[str, str]) -> Volume:
    """Read "source:target" or "source:target:ro,…".

    Args:
        text: As in the profile.
        root: The project, which relative paths begin at.
        job_dir: The job's folder, for sources that begin with `/$nemo_run`.
        env: Says what `~` is.

    Raises:
        ConfigError: It is no mount.
    """
    source, options = text, ""
    source, _, target = text.partition(":")
    target, _, options = target.partition(":")
    if not source or not target.startswith("/"):
        raise ConfigError(
            f"volumes: {text!r} is no mount",
            hint='write "source:target" or "source:target:ro"; a target is an absolute path',
        )
    words = [one for one in options.split(",") if one]
    unknown = [
        one for one in words if one not in _PROPAGATIONS | _RELABEL | _WITHOUT_MEANING | {"ro"}
    ]
    if unknown:
        raise ConfigError(f"volumes: {text!r}: unknown option {unknown[0]!r}", hint="ro, rw, z, Z")
    is_named = "/" not in source and not source.startswith((".", "~"))
    is_ours = source == IN_JOB_DIR or source.startswith(f"{IN_JOB_DIR}/")
    if is_ours:
        source = f"{job_dir}{source.removeprefix(IN_JOB_DIR)}"
    elif not is_named:
        source = os.path.normpath(os.path.join(root, _expanded(source, env)))  # noqa: PTH118 - text in, text out
    return Volume(
        source=source,
        target=target,
        is_named=is_named,
        is_ours=is_ours,
        is_read_only="ro" in words,
        propagation=next((one for one in words if one in _PROPAGATIONS), None),
        relabel=next((one for one in words if one in _RELABEL), None),
    )


def _expanded(source: str, env: Mapping[str, str]) -> str:
    home = env.get("HOME")
    if home and (source == "~" or source.startswith("~/")):
        return home + source[1:]
    return os.path.expanduser(source)  # noqa: PTH111 - text in, text out


def as_mount(volume: Volume) -> dict[str, Any] | None:
    """The mount as the engine's API has it; None for one that only `as_bind` can say."""
    if volume.relabel:
        return None
    mount: dict[str, Any] = {
        "Type": "volume" if volume.is_named else "bind",
        "Source": volume.source,
        "Target": volume.target,
        "ReadOnly": volume.is_read_only,
    }
    if volume.propagation:
        mount["BindOptions"] = {"Propagation": volume.propagation}
    return mount


def as_bind(volume: Volume) -> str:
    """The mount in its older form, which alone knows z and Z."""
    words = [volume.relabel, "ro" if volume.is_read_only else None, volume.propagation]
    return ":".join((volume.source, volume.target, ",".join(filter(None, words))))


def own_mounts(submission: Submission) -> list[dict[str, Any]]:
    """The job's folder with its checkout or the project, the runtime, and the folders of the jobs it waited for."""
    project = [] if submission.checkout else [_bind(submission.project.root, CODE)]
    jobs = submission.paths.root.parent
    return [
        _bind(submission.paths.root, JOB_DIR),
        *project,
        _bind(submission.runtime, seen_inside(submission).runtime, is_read_only=True),
        *(
            _bind(jobs / one, upstream_dir(one), is_read_only=True)
            for one in dict.fromkeys(submission.upstream)
        ),
    ]


def _bind(source: Path | str, target: str, *, is_read_only: bool = False) -> dict[str, Any]:
    # Resolved: an experiment may lie behind a link, which the engine would follow in its own way.
    return {
        "Type": "bind",
        "Source": os.path.realpath(source),
        "Target": target,
        "ReadOnly": is_read_only,
    }
