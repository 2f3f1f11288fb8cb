"""Calls into TorchX: whatever is raised in there, by it or by the clients of its schedulers, is one sentence."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import contextmanager, nullcontext
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, TypeVar

from nemorun_discover.errors import ExecutorRefused, NemorunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

# TorchX's extras, by the package that its schedulers find missing.
_EXTRAS = {"kubernetes": "kubernetes", "boto3": "aws_batch", "google": "gcp_batch", "ray": "ray"}
_stderr = threading.Lock()


def ask(what: str, call: Callable[[], T], *, prints: bool = True) -> T:
    """Call into TorchX.

    Args:
        what: Who asks for what, as the sentence of an error begins.
        call: The call.
        prints: It may print to stderr; one such call at a time.

    Raises:
        ExecutorRefused: It raised something; what it printed is in the sentence.
    """
    with _captured() if prints else nullcontext(str) as said:
        try:
            return call()
        except NemorunError:
            raise
        except ImportError as error:
            raise _missing(what, error) from error
        # TorchX's schedulers, and those of other packages, raise whatever their clients raise.
        except Exception as error:
            raise ExecutorRefused(f"{what}: {_sentence(error, said())}") from error


def off_the_main_thread(call: Callable[[], T]) -> T:
    """Call it in another thread and wait: in the main one TorchX's local scheduler takes the process's signals."""
    answers: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(call())
        except Exception as error:  # noqa: BLE001 - raised again, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=run, name="torchx", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return answers[0]


def _missing(what: str, error: ImportError) -> ExecutorRefused:
    package = (error.name or str(error)).partition(".")[0]
    wanted = f"torchx[{_EXTRAS[package]}]" if package in _EXTRAS else package
    return ExecutorRefused(
        f"{what}: TorchX needs the package {package} for it, which is not installed",
        hint=f"pip install '{wanted}'",
    )


def _sentence(error: Exception, printed: str) -> str:
    """What was printed says more than the exit code of the program that printed it."""
    lines = [one.strip() for one in printed.splitlines() if one.strip()]
    if lines and isinstance(error, CalledProcessError):
        return lines[-1]
    raised = next((one.strip() for one in str(error).splitlines() if one.strip()), "")
    return f"{type(error).__name__}: {raised}" if raised else type(error).__name__


@contextmanager
def _captured() -> Iterator[Callable[[], str]]:
    """What is printed to stderr meanwhile, also by programs that are started, such as sbatch.

    TorchX lets them print where we print; in the sentence of an error it is of use.
    """
    with _stderr, tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lambda: os.pread(file.fileno(), 65536, 0).decode("utf-8", "replace")
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def each(what: str, items: Iterable[T]) -> Iterator[T]:
    """The items, taken out of TorchX one by one.

    Raises:
        ExecutorRefused: It raised something, as in `ask`.
    """
    source = iter(items)
    while True:
        try:
            item = next(source)
        except StopIteration:
            return
        except Exception as error:
            raise ExecutorRefused(f"{what}: {_sentence(error, '')}") from error
        yield item
