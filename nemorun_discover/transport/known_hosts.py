"""The hosts whose keys are known: reading OpenSSH's `known_hosts` files, and adding to them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

SSH_PORT = 22


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of a known_hosts file.

    Attributes:
        place: `file:line`.
        marker: `@revoked`, `@cert-authority`, or empty.
        hosts: Names and patterns, or one hashed name.
        kind: `ssh-ed25519` and the like.
        key: The public key itself.
    """

    place: str
    marker: str
    hosts: str
    kind: str
    key: bytes


def read_known_hosts(files: Iterable[Path]) -> list[Entry]:
    """The entries of these files; a file or a line that cannot be read is left out, as ssh does."""
    found = []
    for file in files:
        try:
            text = file.read_text(errors="surrogateescape")
        except OSError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            entry = parse_line(line, f"{file}:{number}")
            if entry is not None:
                found.append(entry)
    return found


def parse_line(line: str, place: str) -> Entry | None:
    """One line; None for a comment, and for what is not understood."""
    words = line.split()
    marker = words.pop(0) if words and words[0].startswith("@") else ""
    if len(words) < 3 or words[0].startswith("#"):  # noqa: PLR2004 - hosts, kind, key
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(place=place, marker=marker, hosts=words[0], kind=words[1], key=key)


def host_name(host: str, port: int) -> str:
    """The name of a host in known_hosts."""
    host = host.lower()
    return host if port == SSH_PORT else f"[{host}]:{port}"


def entries_of(entries: Sequence[Entry], host: str, port: int) -> list[Entry]:
    """The entries of a host: those of its port, else those that name no port (as ssh does)."""
    found = [entry for entry in entries if names(entry, host_name(host, port))]
    return found or [entry for entry in entries if names(entry, host.lower())]


def names(entry: Entry, name: str) -> bool:
    """Whether an entry is about this name."""
    if entry.hosts.startswith("|1|"):
        return hmac.compare_digest(hashed(name, entry.hosts), entry.hosts)
    is_named = False
    for pattern in entry.hosts.lower().split(","):
        # fnmatch would take "[host]:22" for a set of characters.
        plain = pattern.removeprefix("!").replace("[", "[[]")
        if fnmatchcase(name, plain):
            if pattern.startswith("!"):
                return False
            is_named = True
    return is_named


def hashed(name: str, like: str | None = None) -> str:
    """The name as `HashKnownHosts` writes it: `|1|salt|hash`, with the salt of another such word or a new one."""
    try:
        salt = base64.b64decode(like.split("|")[2]) if like else os.urandom(20)
    except (binascii.Error, ValueError, IndexError):
        return ""
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def fingerprint(key: bytes) -> str:
    """A public key as ssh shows it."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def add_entry(file: Path, name: str, kind: str, key: bytes) -> None:
    """Append a key, in one write: others may append at the same time.

    Raises:
        OSError: The file cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = f"{name} {kind} {base64.b64encode(key).decode()}\n"
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if is_cut else "") + line).encode())
    finally:
        os.close(descriptor)
