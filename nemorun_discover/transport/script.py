"""How a script gets through any login shell: the text that carries it, and the marks around its answer. Pure.

A login shell may be csh or fish, may print a banner, may read its own files first. All that passes through
it is one short line, which starts `/bin/sh`; script and data follow over its input.
"""

from __future__ import annotations

import secrets
import shlex


def new_token() -> str:
    """A word that nobody prints by chance."""
    return secrets.token_hex(16)


def framed(script: str, token: str) -> bytes:
    """The script with a mark before its output and one after it, on both streams; the last has its exit code.

    It runs in a subshell: its `exit` ends it alone. The mark begins a line of its own, whatever was printed
    before it.
    """
    return (
        f"printf '\\n{token}\\n' >&2\n"
        f"printf '\\n{token}\\n'\n"
        f"(:\n{script}\n)\n"
        f"set -- $?\n"
        f"printf '\\n{token}.\\n' >&2\n"
        f"printf '\\n{token} %d\\n' $1\n"
    ).encode()


# The line for a login shell: /bin/sh takes a number and as many bytes of its input for a script, and leaves the
# rest. There is nothing in it that sh, csh and fish read differently, and it is the same for every script. dd never
# reads ahead; one that does not know `fullblock` fails before it has read anything, and is asked for single bytes
# (2.7 us each) instead.
_WHOLE = "dd bs=$n count=1 iflag=fullblock 2>/dev/null"
_SINGLE = "dd bs=1 count=$n 2>/dev/null"
SH = f"exec /bin/sh -c 'read n; eval \"$({_WHOLE} || {_SINGLE})\"'"


def login_line(shell: str | None, pre_command: str | None) -> str:
    """The line for the login shell; code before every command is for the shell that is named, where one is."""
    return SH if shell else after(pre_command, SH)


def carried(script: bytes, shell: str | None, pre_command: str | None) -> bytes:
    """What the input of `login_line` begins with, so that /bin/sh runs the script.

    Args:
        script: What is to run.
        shell: A shell to run it below (`bash -l`); None for the login shell.
        pre_command: Code for that shell, before it.
    """
    if shell is None:
        return _counted(script)
    return _counted(f"exec {shell} -c {shlex.quote(after(pre_command, SH))}".encode()) + _counted(
        script
    )


def _counted(script: bytes) -> bytes:
    return b"%d\n" % len(script) + script


def below(shell: str | None, command: str) -> str:
    """The command, run by this shell where one is named."""
    return f"exec {shell} -c {shlex.quote(command)}" if shell else command


def after(pre_command: str | None, command: str) -> str:
    """The command, run when the code before it succeeded."""
    before = (pre_command or "").strip().rstrip(";")
    return f"{before} && {command}" if before else command


def first_line(*texts: bytes) -> str | None:
    """The first line with anything in it, fit to be shown; None when there is none."""
    for text in texts:
        for line in text.decode(errors="replace").splitlines():
            shown = "".join(char for char in line if char.isprintable()).strip()
            if shown:
                return shown[:200]
    return None
