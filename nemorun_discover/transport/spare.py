"""A shell that is started for the next script while another one still runs."""

from __future__ import annotations

from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from nemorun_discover.transport.tunnel import Remote

_KEPT_S = 30.0  # an idle shell on a login node is nobody's wish


class Spare:
    """One command that is started in the background, for whoever takes it first.

    To open a channel, to start a shell in it and to be allowed to send is three round trips with OpenSSH's sshd,
    whose channels take no input before that. Two of them pass while another script runs.
    """

    def __init__(self, start: Callable[[], Remote]) -> None:
        self._start = start
        self._lock = Lock()
        self._is_started = Event()
        self._is_gone = Event()
        self._remote: Remote | None = None
        Thread(target=self._keep, daemon=True).start()

    def take(self) -> Remote | None:
        """The command, once it is started; None when it could not be, or was dropped. It is given once."""
        self._is_started.wait()
        self._is_gone.set()
        with self._lock:
            remote, self._remote = self._remote, None
        return remote

    def drop(self) -> None:
        """Nobody will take it."""
        self._is_gone.set()

    def _keep(self) -> None:
        try:
            self._remote = self._start()
        except ExecutorRefused:  # whoever needs one starts it, and gets the error
            return
        finally:
            self._is_started.set()
        self._is_gone.wait(_KEPT_S)
        unwanted = self.take()
        if unwanted is not None:
            unwanted.close()
