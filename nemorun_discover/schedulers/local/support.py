"""What of a local executor's settings this version cannot carry out. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nemorun_discover.executors.codec import launcher_of
from nemorun_discover.executors.launchers import Launcher

if TYPE_CHECKING:
    from nemorun_discover.executors.local import LocalExecutor


def unsupported_setting(executor: LocalExecutor) -> str | None:
    """The first setting, as it is written, that would need more than one plain process a job; None for none."""
    launcher = launcher_of(executor)
    if launcher is not None and launcher.kind != Launcher.kind:
        return f'launcher = "{launcher.kind}"'
    if launcher is not None and launcher.nsys_profile:
        return "launcher.nsys_profile"
    packager = executor.packager
    if packager.kind != "none":
        return f'packager = "{packager.kind}"'
    if packager.symlink_from_remote_dir is not None:
        return "packager.symlink_from_remote_dir"
    for name in ("nodes", "ntasks_per_node"):
        if getattr(executor, name) > 1:
            return f"{name} = {getattr(executor, name)}"
    return None
