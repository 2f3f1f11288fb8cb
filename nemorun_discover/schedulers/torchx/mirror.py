"""The log of a job that does not see this machine's files, copied here as it grows; its last files come with it."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from nemorun_discover.errors import NemorunError
from nemorun_discover.files import write_json
from nemorun_discover.schedulers.torchx.parcel import token_of
from nemorun_discover.schedulers.torchx.settings import role_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from nemorun_discover.schedulers.protocol import Submission
    from nemorun_discover.schedulers.torchx.sdk import Sdk

_PAUSE_S = 2.0
_CALM = 5  # a log that takes long to read whole is read less often


class Mirror:
    """Copies one attempt's log in a thread of its own, from its beginning, each line once.

    Args:
        submission: The attempt.
        handle: TorchX's name of its app.
        sdk: TorchX.
    """

    def __init__(self, submission: Submission, handle: str, sdk: Sdk) -> None:
        self._submission = submission
        self._handle = handle
        self._sdk = sdk
        self._paths = submission.paths.attempt(submission.attempt)
        self._token = token_of(submission)
        self._letter: list[str] = []
        self._is_wanted = True
        threading.Thread(target=self._follow, name="torchx-log", daemon=True).start()

    def stop(self) -> None:
        """The app has ended, and so will its log."""
        self._is_wanted = False

    def _follow(self) -> None:
        while not self._paths.exit.exists():
            is_last = (
                not self._is_wanted
            )  # what the app said until it ended is there to be read now
            began = time.monotonic()
            with suppress(NemorunError, OSError):
                self._copy()
            if is_last:
                return
            time.sleep(max(_PAUSE_S, _CALM * (time.monotonic() - began)) if self._is_wanted else 0)

    def _copy(self) -> None:
        """Go through the whole log; what is in the file already is passed over."""
        scheduler = settings_of(self._submission).scheduler
        what = f"{self._submission.job.executor}: {scheduler}"
        pieces = self._sdk.text(what, scheduler, self._handle, role_of(self._submission))
        self._letter = []
        known = self._paths.log.stat().st_size if self._paths.log.exists() else 0
        with self._paths.log.open("ab", buffering=0) as log:
            for line in self._words_of_the_job(_lines(pieces)):
                text = line.encode("utf-8", "replace")
                log.write(text[known:])
                known = max(0, known - len(text))

    def _words_of_the_job(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines without those that carry the job's last files; the newline before these is not its own."""
        held = ""
        for line in lines:
            _, token, rest = line.partition(self._token)
            if token:
                held = ""
                self._take(rest.strip())
            else:
                yield held
                held = line if not line.strip() else ""
                yield "" if held else line
        yield held

    def _take(self, piece: str) -> None:
        if piece.startswith("+"):
            self._letter.append(piece[1:])
        elif piece == ".":
            with suppress(ValueError, binascii.Error):
                self._keep(json.loads(base64.b64decode("".join(self._letter))))

    def _keep(self, documents: dict[str, object]) -> None:
        """Leave the job's files where it would have left them; the end last, as it says that the rest is there."""
        places: dict[str, Path] = {
            "result": self._submission.paths.result,
            "error": self._paths.error,
            "exit": self._paths.exit,
        }
        for name, path in places.items():
            if name in documents:
                write_json(path, documents[name])


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """The text as lines with their ends: TorchX's schedulers cut where their buffers end."""
    begun = ""
    for piece in pieces:
        *lines, begun = (begun + piece).split("\n")
        yield from (f"{line}\n" for line in lines)
    yield begun
