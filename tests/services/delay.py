"""A TCP proxy on loopback that makes a network of it: it delays, it breaks, it falls silent."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CHUNK = 1 << 16


class DelayProxy:
    """Passes connections on to a port of this machine, or to a Unix socket.

    Args:
        target: The port, or the socket's path.
        delay_s: How long every byte is on its way, in each direction: a round trip takes twice as long.
        drop_after: Break a connection once that many bytes went up (to the target) or down.
    """

    def __init__(
        self,
        target: int | Path,
        *,
        delay_s: float = 0.0,
        drop_up_after: int | None = None,
        drop_down_after: int | None = None,
    ) -> None:
        self._target = target
        self.delay_s = delay_s
        self.limits = {"up": drop_up_after, "down": drop_down_after}
        self.passed = {"up": 0, "down": 0}
        self.connections = 0
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stall(self) -> None:
        """Pass nothing on, and keep every connection: as behind a firewall that forgot them."""
        self._flows.clear()

    def resume(self) -> None:
        """Pass on what was held back, and go on."""
        self._flows.set()

    def drop(self) -> None:
        """Break every connection that stands."""
        while self._open:
            _break(self._open.pop())

    def close(self) -> None:
        """Break every connection and take no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._flows.set()
        self.drop()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._connect()
            except OSError:
                near.close()
                continue
            self.connections += 1
            for one in (near, far):
                if one.family == socket.AF_INET:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [near, far]
            self._pass_on("up", near, far)
            self._pass_on("down", far, near)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self._target))
        except OSError:
            far.close()
            raise
        return far

    def _pass_on(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        held: queue.Queue[tuple[float, bytes]] = queue.Queue()
        _start(self._read, way, source, held)
        _start(self._write, sink, held)

    def _read(
        self, way: str, source: socket.socket, held: queue.Queue[tuple[float, bytes]]
    ) -> None:
        piece = b" "
        while piece:
            try:
                piece = source.recv(_CHUNK)
            except OSError:
                piece = b""
            self.passed[way] += len(piece)
            limit = self.limits[way]
            if limit is not None and self.passed[way] > limit:
                piece = piece[: len(piece) - (self.passed[way] - limit)]
                held.put((time.monotonic() + self.delay_s, piece))
                held.put((time.monotonic() + self.delay_s, b"\0broken"))
                return
            held.put((time.monotonic() + self.delay_s, piece))

    def _write(self, sink: socket.socket, held: queue.Queue[tuple[float, bytes]]) -> None:
        while True:
            due, piece = held.get()
            time.sleep(max(0.0, due - time.monotonic()))
            self._flows.wait()
            if piece == b"\0broken":
                self.drop()
                return
            with contextlib.suppress(OSError):
                if piece:
                    sink.sendall(piece)
                    continue
                sink.shutdown(socket.SHUT_WR)
            return


def _start(work: Callable[..., None], *args: object) -> None:
    threading.Thread(target=work, args=args, daemon=True).start()


def _break(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
