"""Reading ssh configuration files: what they include, and what they say of a host."""

from __future__ import annotations

import re
import shlex
import subprocess
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramiko import SSHConfig, SSHException
from paramiko.ssh_exception import ConfigParseError, CouldNotCanonicalize

from nemorun_discover.errors import ConfigError
from nemorun_discover.transport.known_hosts import SSH_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = Path("/etc/ssh")
DEEPEST = 16  # files that include files, and jumps behind jumps: as OpenSSH
_HEAD = re.compile(r"\s*(host|match)\b", re.IGNORECASE)
_INCLUDE = re.compile(r"\s*include(?:\s*=\s*|\s+)(.+)", re.IGNORECASE)
_AT_HOME = re.compile(r'(^\s*\w+[\s=]+"?|\s"?)~/')


class SSHConfigFiles:
    """The user's configuration, and the system's for whatever that leaves open.

    Raises:
        ConfigError: A file cannot be read.
    """

    def __init__(self, home: Path) -> None:
        self._file = home / ".ssh" / "config"
        own = _lines(self._file, home / ".ssh", home)
        self._lines = [*own, "Host *", *_lines(SYSTEM / "ssh_config", SYSTEM, home)]

    def look_up(self, alias: str, given: Mapping[str, object]) -> dict[str, str]:
        """What is said of a host, by keyword in small letters; what is given wins.

        Raises:
            ConfigError: The configuration cannot be understood.
        """
        first = [f'{key} "{value}"' for key, value in given.items() if value is not None]
        try:
            config = _Config.from_text("\n".join(("Host *", *first, "Host *", *self._lines)))
            found: dict[str, str] = config.lookup(alias)
            int(found.get("port", SSH_PORT))
        except (ConfigParseError, CouldNotCanonicalize, SSHException, ValueError) as error:
            raise ConfigError(f"{self._file} cannot be read: {error}") from error
        return found


class _Config(SSHConfig):  # type: ignore[misc] # paramiko has no types
    """paramiko's, which would run a `Match exec` with this process's own terminal as its input."""

    def _does_match(
        self,
        match_list: list[dict[str, Any]],
        target_hostname: str,
        canonical: bool,  # noqa: FBT001 - paramiko's own
        final: bool,  # noqa: FBT001
        options: Any,  # noqa: ANN401
    ) -> bool:
        plain = [one for one in match_list if one["type"] != "exec"]
        if plain and not super()._does_match(plain, target_hostname, canonical, final, options):
            return False
        return all(
            self._passes(self._tokenize(options, target_hostname, "match-exec", one["param"]))
            is not one["negate"]
            for one in match_list
            if one["type"] == "exec"
        ) and bool(match_list)

    def _passes(self, command: str) -> bool:
        done = subprocess.run(  # noqa: S602 - ssh_config(5): the user's own line, for a shell
            command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return done.returncode == 0


def _lines(file: Path, folder: Path, home: Path, depth: int = 0) -> list[str]:
    """The lines of a configuration file, with those that it includes in their places.

    paramiko knows no Include. What follows one belongs to the same `Host` again.
    """
    try:
        text = file.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    lines: list[str] = []
    head = "Host *"
    for line in text.splitlines():
        include = _INCLUDE.match(line)
        head = line if _HEAD.match(line) else head
        if include is None or depth == DEEPEST:
            lines.append(_AT_HOME.sub(rf"\1{home}/", line))
            continue
        for word in shlex.split(include[1]):
            pattern = str(folder / word.replace("~", str(home), 1))
            for name in sorted(glob(pattern)):  # noqa: PTH207 - the pattern may be absolute
                lines.extend(_lines(Path(name), folder, home, depth + 1))
        lines.append(head)
    return lines
