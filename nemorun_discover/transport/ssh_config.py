"""Where an SSH tunnel really leads: its settings, and `~/.ssh/config` for everything they leave open."""

from __future__ import annotations

import os
import pwd
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nemorun_discover.errors import ConfigError
from nemorun_discover.transport.known_hosts import SSH_PORT
from nemorun_discover.transport.ssh_config_files import DEEPEST, SYSTEM, SSHConfigFiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nemorun_discover.executors.tunnels import SSHTunnel

_DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One host to log in to.

    Attributes:
        alias: What it was called where it was asked for.
        identities: Private key files, in their order; None for the default ones.
        only_identities: Offer no other key that the agent holds.
        agent: The agent's socket.
        known_hosts: Files that are read; a new key is added to the first.
        known_as: Its name in them; None for its host name and port.
        accepts_new: Add the key of a host that they do not list.
        hashes: Add it under a hashed name.
        shares: The ssh configuration names a ControlPath.
        jumps: The hosts on the way to it, nearest first.
    """

    alias: str
    host: str
    port: int
    user: str
    identities: tuple[Path, ...] | None
    only_identities: bool
    agent: str | None
    known_hosts: tuple[Path, ...]
    known_as: str | None
    accepts_new: bool
    hashes: bool
    shares: bool
    proxy_command: str | None
    jumps: tuple[Hop, ...]

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.user}@{self.host}:{self.port}"


def resolve(settings: SSHTunnel, env: Mapping[str, str]) -> Hop:
    """The host that these settings mean.

    Raises:
        ConfigError: The ssh configuration cannot be read, or its jumps lead in a circle.
    """
    given = {
        "User": settings.user,
        "Port": settings.port,
        "IdentityFile": settings.identity,
        "IdentitiesOnly": "yes" if settings.identity else None,
    }
    return _Resolver(env, accepts_new=settings.host_keys == "accept-new").hop(settings.host, given)


class _Resolver:
    """Looks hosts up in the user's and the system's configuration."""

    def __init__(self, env: Mapping[str, str], *, accepts_new: bool) -> None:
        self._env = env
        self._accepts_new = accepts_new
        self._home = home_of(env)
        self._config = SSHConfigFiles(self._home)
        self._depth = 0

    def hop(
        self, alias: str, given: Mapping[str, object], jumps: tuple[Hop, ...] | None = None
    ) -> Hop:
        """The host of this name; what is given wins over the configuration, the jumps too."""
        found = self._config.look_up(alias, given)
        proxy_command = found.get("proxycommand") if "proxyjump" not in found else None
        if jumps is None:
            jumps = self._jumps(alias, found.get("proxyjump", "none"))
        return Hop(
            alias=alias,
            host=found["hostname"],
            port=int(found.get("port", SSH_PORT)),
            user=found.get("user") or pwd.getpwuid(os.getuid()).pw_name,
            identities=self._identities(found, given),
            only_identities=found.get("identitiesonly", "no").lower() == "yes",
            agent=self._agent(found.get("identityagent")),
            known_hosts=self._known_hosts(found),
            known_as=found.get("hostkeyalias"),
            accepts_new=self._accepts_new,
            hashes=found.get("hashknownhosts", "no").lower() == "yes",
            shares=found.get("controlpath", "none").lower() != "none",
            proxy_command=None if jumps else proxy_command,
            jumps=jumps,
        )

    def _jumps(self, alias: str, listed: str) -> tuple[Hop, ...]:
        """The hosts of a ProxyJump; the way to the first of them is its own configuration's."""
        if listed.lower() == "none":
            return ()
        jumps: tuple[Hop, ...] = ()
        for number, word in enumerate(listed.split(",")):
            target = re.fullmatch(
                r"(?:ssh://)?(?:([^@]+)@)?(\[[^]]+\]|[^:]+)(?::(\d+))?/?", word.strip()
            )
            if target is None:
                raise ConfigError(f"{alias}: ProxyJump {word.strip()!r} is no [user@]host[:port]")
            user, host, port = target.groups()
            self._depth += 1
            if self._depth > DEEPEST:
                raise ConfigError(f"{alias}: its ProxyJump leads in a circle, by way of {host}")
            given = {"User": user, "Port": port}
            hop = self.hop(host.strip("[]"), given, jumps if number else None)
            self._depth -= 1
            jumps = (*(jumps or hop.jumps), hop)
        return jumps

    def _identities(
        self, found: Mapping[str, object], given: Mapping[str, object]
    ) -> tuple[Path, ...] | None:
        if given.get("IdentityFile"):
            return (self._path(str(given["IdentityFile"])),)
        listed = found.get("identityfile")
        if not isinstance(listed, list):
            return None
        return tuple(self._path(name) for name in listed if name.lower() != "none")

    def _known_hosts(self, found: Mapping[str, str]) -> tuple[Path, ...]:
        """The user's files first. `/dev/null` and `none` would switch the check off: they count as not said."""
        own = shlex.split(found.get("userknownhostsfile", ""))
        real = [name for name in own if name not in (os.devnull, "none")]
        system = shlex.split(found.get("globalknownhostsfile", f"{SYSTEM}/ssh_known_hosts"))
        return tuple(self._path(name) for name in (*(real or ["~/.ssh/known_hosts"]), *system))

    def _agent(self, named: str | None) -> str | None:
        if named is None or named == "SSH_AUTH_SOCK":
            return self._env.get("SSH_AUTH_SOCK")
        if named.lower() == "none":
            return None
        return self._env.get(named[1:]) if named.startswith("$") else str(self._path(named))

    def _path(self, name: str) -> Path:
        """A file of the configuration: `~` is the home, and anything relative lies there too."""
        return self._home / name.removeprefix("~/").replace("%d", str(self._home))


def home_of(env: Mapping[str, str]) -> Path:
    """The caller's home directory."""
    return Path(env.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def default_identities(env: Mapping[str, str]) -> tuple[Path, ...]:
    """The private keys that are tried when none is named."""
    folder = home_of(env) / ".ssh"
    return tuple(folder / name for name in _DEFAULT_IDENTITIES if (folder / name).exists())
