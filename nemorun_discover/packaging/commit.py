"""The files of a git repository as a commit has them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.errors import ConfigError
from nemorun_discover.packaging.gathered import Gathered, InGit
from nemorun_discover.packaging.git import Blobs, GitFailed, ask, blob_missing
from nemorun_discover.packaging.ignoring import IGNORE_FILE, IgnoreRules
from nemorun_discover.packaging.listing import Origin, shown
from nemorun_discover.packaging.worktree import submodule_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemorun_discover.packaging.listing import Mode

_MODES: dict[str, Mode] = {"100755": "exec", "120000": "link"}
_SUBMODULE = "commit"
_NO_OBJECT = "BAD"  # in the place of the size
_ATTRIBUTES = ".gitattributes"
_LFS = b"filter=lfs"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tree:
    """A commit with the submodules in it, by path from the outermost repository's root."""

    top: str
    include_submodules: bool
    files: dict[str, InGit] = field(default_factory=dict)


def gather_commit(top: str, subpath: str, ref: str, *, include_submodules: bool) -> Gathered:
    """The files of a directory in a commit, as git stores them: no filter is applied.

    Args:
        top: The repository's root, absolute and without links.
        subpath: The directory, relative to it; `""` for the root itself.
        ref: A commit, branch or tag.
        include_submodules: Take the commits of submodules that it names, from where they are checked out.

    Raises:
        ConfigError: There is no such commit, or no such directory in it.
        UsageError: A submodule is not checked out, or does not have its commit.
    """
    tree = _Tree(top=top, include_submodules=include_submodules)
    _add(tree, "", _commit(top, ref))
    inside = f"{subpath}/" if subpath else ""
    files = {path: one for path, one in tree.files.items() if path.startswith(inside)}
    if subpath and not files:
        raise ConfigError(
            f"subpath = {subpath!r}: there is no such directory in {ref} of {shown(top)}"
        )
    rules = _rules(tree)
    return Gathered(
        files={
            path.removeprefix(inside): one for path, one in files.items() if not rules.ignore(path)
        },
        origins=(Origin(source=Path(top, subpath)),),
        notes=_notes(files, ref),
    )


def _commit(top: str, ref: str) -> str:
    """The id of the commit that a word means.

    Raises:
        ConfigError: There is none.
    """
    try:
        return ask(top, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").decode().strip()
    except GitFailed as error:
        names = _names(top)
        if not names:
            raise ConfigError(
                f"ref = {ref!r}: {shown(top)} has no commit yet",
                hint="commit first; without a ref the working tree is packaged",
            ) from error
        raise ConfigError(
            f"ref = {ref!r}: {shown(top)} has no such commit, branch or tag{did_you_mean(ref, names)}",
            hint="`git fetch` brings those of the remote",
        ) from error


def _names(top: str) -> list[str]:
    refs = ("refs/heads", "refs/tags", "refs/remotes")
    listed = ask(top, "for-each-ref", "--format=%(refname:short)", *refs)
    return os.fsdecode(listed).splitlines()


def _add(tree: _Tree, path: str, commit: str) -> None:
    """Add the files of a commit of the repository at a path, and of its submodules."""
    repository = f"{tree.top}/{path}" if path else tree.top
    prefix = f"{path}/" if path else ""
    for kind, mode, thing, size, name in _listed(repository, commit):
        if kind != _SUBMODULE:
            tree.files[prefix + name] = InGit(
                repository, thing, _MODES.get(mode, "file"), int(size)
            )
        elif tree.include_submodules:
            _add_submodule(tree, prefix + name, thing)


def _add_submodule(tree: _Tree, path: str, commit: str) -> None:
    if not os.path.lexists(f"{tree.top}/{path}/.git"):
        raise submodule_missing(tree.top, path)
    try:
        _add(tree, path, commit)
    except GitFailed as error:
        raise GitFailed(
            f"{shown(path)}: this submodule of {shown(tree.top)} does not have commit {commit[:12]}",
            hint=f"git submodule update --init {shown(path)}",
        ) from error


def _listed(repository: str, commit: str) -> Iterator[tuple[str, str, str, str, str]]:
    """Kind, mode, id, size and path of all that a commit holds, deepest level included."""
    listed = ask(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", commit)
    for line in os.fsdecode(listed).split("\0")[:-1]:
        head, _, name = line.partition("\t")
        mode, kind, thing, size = head.split()
        if size == _NO_OBJECT:
            raise blob_missing(repository, thing)
        yield kind, mode, thing, size, name


def _rules(tree: _Tree) -> IgnoreRules:
    """The ignore rules as they were committed."""
    folders = {
        path.rpartition("/")[0]: one
        for path, one in tree.files.items()
        if path.rpartition("/")[2] == IGNORE_FILE
    }
    return IgnoreRules(lambda folder: _text(folders[folder]) if folder in folders else None)


def _text(blob: InGit) -> str:
    with Blobs(blob.repository) as blobs:
        return os.fsdecode(b"".join(blobs.read(blob.blob)))


def _notes(files: dict[str, InGit], ref: str) -> tuple[str, ...]:
    attributes = [one for path, one in files.items() if path.rpartition("/")[2] == _ATTRIBUTES]
    if not any(_LFS in os.fsencode(_text(one)) for one in attributes):
        return ()
    return (
        f"what Git LFS keeps travels as pointers with ref = {ref!r}; without a ref its content travels",
    )
