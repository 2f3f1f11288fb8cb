"""A project in a real git repository, or in none, and what a packager makes of it."""

from __future__ import annotations

import subprocess

import pytest

from nemorun_discover.executors.packagers import GitArchivePackager
from nemorun_discover.packaging.checkout import checkout
from nemorun_discover.packaging.packager import list_package
from nemorun_discover.packaging.store import store_package

_AS_ME = (
    "-c",
    "user.name=me",
    "-c",
    "user.email=me@example.org",
    "-c",
    "protocol.file.allow=always",
)


def git(folder, *arguments, check=True):
    """Call git as nobody's user in particular, and return what it prints."""
    done = subprocess.run(
        ["git", *_AS_ME, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


class Project:
    """Files in a directory whose name has a space in it."""

    def __init__(self, root):
        self.root = root
        root.mkdir(parents=True)

    def write(self, name, text="", mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text or f"{name}\n")
        path.chmod(mode)
        return path

    def link(self, name, target):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def git(self, *arguments, check=True):
        return git(self.root, *arguments, check=check)

    def commit(self, message="x"):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def listing(self, packager=None, **options):
        return list_package(
            packager or GitArchivePackager(), self.root, **{"cache_dir": None, **options}
        )

    def paths(self, packager=None, **options):
        return [entry.path for entry in self.listing(packager, **options).entries]

    def state(self):
        """Name, kind, time and bytes of all that lies in the project, `.git` included."""
        return {
            str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns, _content(path))
            for path in self.root.rglob("*")
        }


def _content(path):
    if path.is_symlink():
        return path.readlink()
    return path.read_bytes() if path.is_file() else None


@pytest.fixture
def project(tmp_path):
    """A directory under no version control."""
    return Project(tmp_path / "a project")


@pytest.fixture
def repository(project):
    """A directory that is the root of a git repository without a commit."""
    project.git("init", "--quiet", "--initial-branch=main")
    return project


@pytest.fixture
def packages(home):
    """Where packages are stored."""
    return home / ".run" / "packages"


@pytest.fixture
def laid_out(packages, tmp_path):
    """Store a listing, and lay it out as a folder."""

    def lay_out(listing):
        destination = tmp_path / "out" / listing.digest[:16]
        store_package(packages, listing)
        checkout(packages, listing.digest, destination)
        return destination

    return lay_out
