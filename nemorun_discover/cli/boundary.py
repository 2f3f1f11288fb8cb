"""The edge of the program: every exception becomes a sentence and an exit code here, and nowhere else."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nemorun_discover.errors import ExitCode, NemorunError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn, TextIO, TypeVar

    T = TypeVar("T")

ERROR_SCHEMA = "nemorun.command_error/1"


def exit_with(body: Callable[[], Any], argv: Sequence[str]) -> NoReturn:
    """Call the body and leave the process with what it returned, or with its exception's exit code.

    Args:
        body: Returns the exit code; None is 0.
        argv: The command line, for the crash log and to see whether JSON was asked for.
    """
    _survive_any_text()
    try:
        code = int(_call(body, argv) or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        abandon(sys.stdout)
        code = ExitCode.OK
    # What is left is the system's to take back: looking through all of it once more took 40 ms of a command.
    gc.freeze()
    sys.exit(code)  # noqa: TID251 - the one place


def quietly(body: Callable[[], T], otherwise: T) -> T:
    """What the body returns, or `otherwise` when it fails: a shell that completes a word shows no error."""
    try:
        return body()
    except Exception:
        return otherwise


def print_error(error: NemorunError, exit_code: int, argv: Sequence[str]) -> None:
    """Print an error on stderr, and on stdout as a document where argv asks for JSON."""
    options = argv[: list(argv).index("--")] if "--" in argv else argv
    color = _color_in(options)
    _print_sentence("error", error.message, _RED, color=color)
    if error.hint:
        _print_sentence("hint", error.hint, _BOLD, color=color)
    if "--json" in options:
        import json  # noqa: PLC0415 - only here

        described = {"message": error.message, "hint": error.hint, "exit_code": int(exit_code)}
        click.echo(json.dumps({"schema": ERROR_SCHEMA, "error": described}))


def abandon(stream: TextIO) -> None:
    """Let what is still buffered for a reader that has gone vanish, instead of failing at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _call(body: Callable[[], Any], argv: Sequence[str]) -> Any:  # noqa: ANN401 - whatever the body returns
    try:
        return body()
    except NemorunError as error:
        return _tell(error, argv)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        return _tell(_from_click(error), argv)
    except (KeyboardInterrupt, click.Abort):
        _print_sentence("interrupted", "", _RED)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        from nemorun_discover.shortage import describe, is_passing  # noqa: PLC0415 - few commands fail so

        if is_passing(error):
            return _tell(StoreError(describe(error, Path.cwd())), argv)
        return _tell(_from_bug(error, argv), argv)


def _tell(error: NemorunError, argv: Sequence[str]) -> int:
    print_error(error, error.exit_code, argv)
    return error.exit_code


def _from_click(error: click.ClickException) -> NemorunError:
    from nemorun_discover.errors import UsageError  # noqa: PLC0415 - only on this path

    message = error.format_message().rstrip(".")
    ctx = getattr(error, "ctx", None)
    hint = f"`{ctx.command_path} --help` explains the command" if ctx else None
    return UsageError(message[:1].lower() + message[1:], hint=hint)


def _from_bug(error: Exception, argv: Sequence[str]) -> NemorunError:
    from nemorun_discover.cli.crash import write_crash_log  # noqa: PLC0415 - only on this path

    path = write_crash_log(error, argv, os.environ)
    return NemorunError(
        f"internal error: {type(error).__name__}: {error}",
        hint=f"the details are in {path}" if path else None,
    )


_BOLD, _RED = "1", "1;31"


def _print_sentence(label: str, sentence: str, code: str, *, color: str = "auto") -> None:
    from nemorun_discover.cli import terminal  # noqa: PLC0415 - only when something is wrong
    from nemorun_discover.cli.sanitise import visible  # noqa: PLC0415 - likewise

    text = visible(f"{label}: {sentence}" if sentence else label)
    text = terminal.wrap(text, terminal.width_of(sys.stderr, os.environ))
    if terminal.wants_color(color, sys.stderr, os.environ):
        text = f"\x1b[{code}m{label}\x1b[0m{text[len(label) :]}"
    click.echo(text, err=True, color=True)


def _color_in(options: Sequence[str]) -> str:
    """What `--color` says; read by hand, because the options may be what could not be parsed."""
    color = "auto"
    for one, following in zip(options, [*options[1:], ""], strict=False):
        if one.startswith("--color="):
            color = one.removeprefix("--color=")
        elif one == "--color":
            color = following
    return color


def _survive_any_text() -> None:
    """Print what the terminal's encoding cannot hold as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
