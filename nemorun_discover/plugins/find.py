"""Whether any plugin is installed, without loading what loads plugins: `nemorun --help` asks too.

`importlib.metadata` costs 25 ms to import and 5 ms to ask; looking at the files 0.8 ms (62 distributions).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from nemorun_discover.errors import NemorunError
    from nemorun_discover.plugins.hooks import Plugins

_GROUP = b"nemorun.plugins"
_METADATA = (".dist-info", ".egg-info")


def is_any_installed(path: Iterable[str] | None = None) -> bool:
    """True when a distribution has entries in the group `nemorun.plugins`.

    Args:
        path: Where to look; None for `sys.path`. Zip files on it are not looked into.
    """
    return any(_has_entries(folder) for folder in (sys.path if path is None else path))


def installed_plugins(
    without: Collection[str] = (), *, complain: Callable[[NemorunError], None] | None = None
) -> Plugins | None:
    """The installed plugins, their kinds of executor added to the tables; None when there are none.

    Args:
        without: Names of plugins that are switched off.
        complain: Gets the error of a plugin that cannot be used, which is then left out; None to raise it.

    Raises:
        ConfigError: A plugin cannot be used.
    """
    if not is_any_installed():
        return None
    from nemorun_discover.plugins.load import load_plugins  # noqa: PLC0415 - see above

    return load_plugins(without, complain=complain)


def _has_entries(folder: str) -> bool:
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208 - pathlib costs more than all of this
    except OSError:
        return False
    return any(_names_group(folder, name) for name in names if name.endswith(_METADATA))


def _names_group(folder: str, name: str) -> bool:
    try:
        with open(f"{folder or '.'}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123 - likewise
            return _GROUP in file.read()
    except OSError:
        return False
