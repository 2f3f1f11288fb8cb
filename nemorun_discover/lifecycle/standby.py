"""The process of a driver before it drives: it loads what its executors need, and waits for the word to begin.

So it can be started with the command, while the project is still being scanned, packaged and written down. Both ends
of the line are here: on the driver's stdin, a socket, come the executors, then the driver's lock, as an open
descriptor, with the experiment's id and the secrets. When nothing comes, because nothing was launched, the process
ends without a trace.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from nemorun_discover.errors import StoreError
from nemorun_discover.lifecycle.asking import answer_from_here
from nemorun_discover.store.home import cannot_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from nemorun_discover.store.home import Home

DRIVER_MODULE = "nemorun_discover.lifecycle.drive"
_WORD = b"!"

# Drivers this process has started: kept until they end, so that they are reaped and not complained about.
_drivers: list[subprocess.Popen[bytes]] = []


class Standby:
    """A driver that waits for the word; it is sent away at the end of a `with` in which it was not given.

    It runs in a session of its own, and outlives this process and its terminal once it drives. What a login asks
    while this process lives is put to its user.

    Args:
        home: Where the experiment is, or will be.
        name: How `ps` tells whose driver this is: the experiment's id, or what that will end in.
        log: What it says until it has the word; lost without one.

    Raises:
        StoreError: Its log cannot be written, or no process be started.
    """

    def __init__(self, home: Home, name: str, *, log: Path | None = None) -> None:
        self.name = name
        self._home = home
        self._is_told = False
        sink = _sink(log)
        self._line, theirs = socket.socketpair()
        asking = answer_from_here()
        ask = [asking.fileno()] if asking else []
        # -P: the working directory is the user's, and a random.py in it must not become ours.
        argv = [sys.executable, "-P", "-m", DRIVER_MODULE, str(home.layout.root), name]
        try:
            with theirs, sink:
                self.process = subprocess.Popen(  # noqa: S603 - our own module
                    [*argv, *map(str, ask)],
                    stdin=theirs.fileno(),
                    stdout=sink,
                    stderr=sink,
                    pass_fds=ask,
                    start_new_session=True,
                )
        except OSError as error:
            self._line.close()
            raise StoreError(
                f"no process can be started that drives the experiment ({error.strerror})",
                hint="`ulimit -u` and `free` tell how many processes and how much memory there may be",
            ) from error
        finally:
            if asking:
                asking.close()
        _drivers[:] = [self.process, *(one for one in _drivers if one.poll() is None)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()

    def load(self, executors: Mapping[str, Mapping[str, Any]]) -> None:
        """Have it load what these executors need, meanwhile. Once, and before the word.

        Args:
            executors: Their tables, with names in place of secrets.
        """
        self._is_told = True
        with suppress(BrokenPipeError, ConnectionResetError):
            self._line.sendall(json.dumps(dict(executors)).encode() + b"\n")

    def begin(
        self,
        experiment_id: str,
        lock: int,
        secrets: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    ) -> None:
        """Give the word.

        A driver that has died already is found by whoever waits for what it writes.

        Args:
            experiment_id: What to drive.
            lock: The driver's lock, held; it is handed over.
            secrets: By executor, the values that are not in the record.

        Raises:
            StoreError: The driver's log cannot be written; then it does not begin.
        """
        layout = self._home.layout.experiment(experiment_id)
        if not self._is_told:
            self.load({})
        try:
            layout.driver_log.open("ab").close()
            with suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(self._line, [_WORD], [lock])
                self._line.sendall(json.dumps([experiment_id, dict(secrets)]).encode())
        except OSError as error:
            raise cannot_write(layout.root, error) from error
        finally:
            os.close(lock)
            self._line.close()


@dataclass(frozen=True, slots=True)
class Word:
    """What a driver is told when it may begin.

    Attributes:
        experiment_id: What it drives.
        lock: The driver's lock, an open descriptor.
        secrets: By executor, the values that are not in the record.
    """

    experiment_id: str
    lock: int
    secrets: Mapping[str, Mapping[str, str]] = field(repr=False)


def _sink(log: Path | None) -> BinaryIO:
    path = log or Path(os.devnull)
    try:
        return path.open("ab")
    except OSError as error:
        raise cannot_write(path, error) from error


class Orders:
    """The driver's end of the line, which is its stdin."""

    def __init__(self) -> None:
        self._line = socket.socket(fileno=os.dup(sys.stdin.fileno()))

    def executors(self) -> Mapping[str, Mapping[str, Any]]:
        """What the jobs will run on; empty where the other side has gone."""
        heard = bytearray()
        # Byte by byte: what comes after the line brings a descriptor along.
        while not heard.endswith(b"\n"):
            piece = self._line.recv(1)
            if not piece:
                return {}
            heard += piece
        return dict(json.loads(heard))

    def wait(self) -> Word | None:
        """The word, when it comes; None when it will not come."""
        with self._line:
            word, descriptors, _, _ = socket.recv_fds(self._line, len(_WORD), 1)
            if word != _WORD or not descriptors:
                return None
            os.set_inheritable(descriptors[0], False)  # noqa: FBT003 - the call takes no keywords
            with self._line.makefile("rb") as file:
                experiment_id, secrets = json.loads(file.read())
        return Word(experiment_id, descriptors[0], secrets)
