"""The project's own code comes before what is installed, editable installations of the same project among it.

`sys.path` alone does not do that: the import hook of an editable installation (PEP 660) may stand before it in
`sys.meta_path` (scikit-build-core, meson-python), map names to directories of the working tree (setuptools,
editables), or have put the working tree itself on `sys.path` by a `.pth` file.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

# setuptools has one for `distutils` alone.
_HARMLESS = ("_frozen_importlib", "_frozen_importlib_external", "zipimport", "_distutils_hack")


def put_first(folders: Sequence[str], relocated: Mapping[str, str]) -> None:
    """Import from these folders first, and from a copy of the project instead of its working tree.

    Args:
        folders: The project's entries of `sys.path`; they are on it already.
        relocated: By directory of the working tree, where the job's copy of it is.
    """
    hooks = [one for one in sys.meta_path if _module_of(one) not in _HARMLESS]
    if any(_is_before_path(one) for one in hooks):
        sys.meta_path.insert(0, _ProjectFinder(folders))
    for live, copy in relocated.items():
        for place in dict.fromkeys((live, os.path.realpath(live))):
            move = _Move(place, copy)
            sys.path[:] = [move.path(one) for one in sys.path]
            for hook in hooks:
                move.mappings_of(hook)


class _ProjectFinder:
    """Finds the packages and modules at the top of some folders."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = list(folders)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What these folders have of that name; nothing for a name in a package, or a folder without code."""
        if path is not None:
            return None
        spec = PathFinder.find_spec(name, self._folders, target)
        return spec if spec is not None and spec.origin is not None else None


class _Move:
    """From a directory of the working tree to its copy, for what the copy has."""

    def __init__(self, live: str, copy: str) -> None:
        self._live = live.rstrip(os.sep)
        self._copy = copy

    def path(self, path: Any) -> Any:  # noqa: ANN401 - sys.path may hold anything
        if not isinstance(path, str) or not (path + os.sep).startswith(self._live + os.sep):
            return path
        moved = self._copy + path[len(self._live) :]
        return moved if os.path.exists(moved) else path  # noqa: PTH110 - text in, text out

    def mappings_of(self, hook: object) -> None:
        """Change the tables of an import hook: names to paths, or to lists of them.

        They are attributes of the hook, of its class (editables), or of its module (setuptools).
        """
        owners = (hook, type(hook), sys.modules.get(_module_of(hook)))
        for owner in owners:
            for table in list(getattr(owner, "__dict__", {}).values()):
                if type(table) is dict:
                    self._change(table)

    def _change(self, table: dict[Any, Any]) -> None:
        for name, place in list(table.items()):
            if type(place) is str:
                table[name] = self.path(place)
            elif type(place) is list:
                table[name] = [self.path(one) for one in place]


def _module_of(hook: object) -> str:
    kind = hook if isinstance(hook, type) else type(hook)
    return kind.__module__


def _is_before_path(hook: object) -> bool:
    if PathFinder not in sys.meta_path:
        return True
    return sys.meta_path.index(hook) < sys.meta_path.index(PathFinder)  # type: ignore[arg-type]
