"""Private keys: from files, with their passphrases, and those that the agent holds."""

from __future__ import annotations

import base64
import binascii
import socket
import struct
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramiko import PKey, SSHException
from paramiko.agent import AgentSSH

from nemorun_discover.errors import ExecutorRefused, LoginNeeded
from nemorun_discover.transport.ssh_config import default_identities

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nemorun_discover.transport.ssh_config import Hop
    from nemorun_discover.transport.tunnel import Ask

_AGENT_TIMEOUT_S = 10.0
_MAGIC = b"openssh-key-v1\0"


class _Agent(AgentSSH):  # type: ignore[misc] # paramiko has no types
    """The agent at a socket; paramiko's own looks for it in this process's environment only."""

    def __init__(self, path: str) -> None:
        super().__init__()
        with ExitStack() as unless_it_answers:
            connection = unless_it_answers.enter_context(socket.socket(socket.AF_UNIX))
            connection.settimeout(_AGENT_TIMEOUT_S)
            connection.connect(path)
            self._connect(connection)
            unless_it_answers.pop_all()

    def close(self) -> None:
        """Let go of the socket."""
        self._close()


@dataclass(slots=True)
class Keyring:
    """The keys of one tunnel. One that was unlocked once is kept for the next login."""

    env: Mapping[str, str]
    ask: Ask | None
    unlocked: dict[Path, PKey] = field(default_factory=dict)
    agents: list[_Agent] = field(default_factory=list)

    def candidates(self, hop: Hop) -> Iterator[tuple[str, PKey]]:
        """What may open this host, each with its name: first whatever needs no passphrase.

        Raises:
            LoginNeeded: All others are tried; this one wants a passphrase, and nobody is there.
            ExecutorRefused: A key file that was asked for cannot be used.
        """
        files = hop.identities if hop.identities is not None else default_identities(self.env)
        is_asked_for = hop.only_identities and len(files) == 1
        held = self._held_by_agent(hop)
        locked = []
        wanted = {half: path for path in files if (half := public_half(path)) is not None}
        for blob in [one for one in held if one in wanted]:
            yield f"{wanted[blob]} (agent)", held.pop(blob)
        if not hop.only_identities:
            yield from ((f"{key.comment or key.get_name()} (agent)", key) for key in held.values())
        for path in [one for one in files if public_half(one) not in held]:
            if not is_asked_for and not path.exists():
                continue
            key = self._open(path)
            if key is None:
                locked.append(path)
            else:
                yield str(path), key
        yield from ((str(path), self._unlock(path, hop)) for path in locked)

    def close(self) -> None:
        """Let go of the agents; keys that were unlocked stay."""
        while self.agents:
            self.agents.pop().close()

    def _held_by_agent(self, hop: Hop) -> dict[bytes, PKey]:
        """By its public half, every key of the agent; none when it does not answer."""
        if hop.agent is None:
            return {}
        try:
            agent = _Agent(hop.agent)
        except (OSError, SSHException):
            return {}
        self.agents.append(agent)
        return {key.blob: key for key in agent.get_keys()}

    def _open(self, path: Path) -> PKey | None:
        """The key in a file; None when it wants a passphrase.

        Raises:
            ExecutorRefused: It cannot be read.
        """
        if path in self.unlocked:
            return self.unlocked[path]
        key = load_key(path)
        if key is not None:
            self.unlocked[path] = key
        return key

    def _unlock(self, path: Path, hop: Hop) -> PKey:
        if self.ask is None:
            raise LoginNeeded(
                f"{hop.name}: the key {path} wants its passphrase, and nobody is there to ask",
                hint=f"ssh-add {path}, or run the command in a terminal",
            )
        answers = self.ask(hop.name, [(f"Passphrase of {path}: ", False)])
        if not answers:
            raise LoginNeeded(f"{hop.name}: the key {path} wants its passphrase")
        key = load_key(path, answers[0])
        if key is None:
            raise ExecutorRefused(f"{hop.name}: this is not the passphrase of {path}")
        self.unlocked[path] = key
        return key


def load_key(path: Path, passphrase: str | None = None) -> PKey | None:
    """The private key in a file, with the certificate beside it; None when the passphrase is missing or wrong.

    Raises:
        ExecutorRefused: There is no such file, or no key in it that can be used.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ExecutorRefused(
            f"the key {path} cannot be read: {error.strerror}", hint="see identity of the tunnel"
        ) from error
    is_locked = _is_locked(text)
    if is_locked and not passphrase:
        return None
    try:
        return PKey.from_path(path, passphrase.encode() if is_locked and passphrase else None)
    except (SSHException, ValueError, TypeError, OSError) as error:
        if is_locked:
            return None
        raise ExecutorRefused(
            f"{path} is no private key that can be used here: {error}",
            hint="identity names the private key, not the .pub beside it",
        ) from error


def public_half(path: Path) -> bytes | None:
    """The public key of a private key file, from the `.pub` beside it or from the file itself; no passphrase needed."""
    for file in (path, path.with_name(f"{path.name}.pub")):
        try:
            text = file.read_bytes()
        except OSError:
            continue
        words = text.split()
        if text.startswith((b"ssh-", b"ecdsa-", b"sk-")) and len(words) > 1:
            return _decoded(words[1])
        if (parts := _parts(text)) is not None:
            return parts[1]
    return None


def _is_locked(text: bytes) -> bool:
    parts = _parts(text)
    if parts is not None:
        return parts[0] != b"none"
    return b"ENCRYPTED" in text


def _parts(text: bytes) -> tuple[bytes, bytes] | None:
    """Cipher and public key of OpenSSH's format (PROTOCOL.key); None for any other."""
    body = b"".join(line for line in text.splitlines() if not line.startswith(b"-----"))
    raw = _decoded(body) if b"BEGIN OPENSSH PRIVATE KEY" in text else None
    if raw is None or not raw.startswith(_MAGIC):
        return None
    found = []
    at = len(_MAGIC)
    for skip in (0, 0, 4, 0):  # cipher, key derivation, its options and a count, the public key
        if len(raw) < at + 4:
            return None
        (size,) = struct.unpack_from(">I", raw, at)
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size + skip
    return found[0], found[3]


def _decoded(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None
