"""What a login asks (a passphrase, a password, a code), put to whoever sits at the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemorun_discover.cli.console import Console
    from nemorun_discover.transport.tunnel import Ask, Prompts


def ask_on_terminal(console: Console) -> Ask | None:
    """Asks on the terminal; None where there is none, as in a script or in cron."""
    if not sys.stdin.isatty() or not console.err.can_redraw:
        return None

    def ask(title: str, prompts: Prompts) -> Sequence[str] | None:
        drawing = console.drawing
        if drawing:
            drawing.stop()
        try:
            return _answers(console, title, prompts)
        except (EOFError, KeyboardInterrupt):
            return None
        finally:
            if drawing:
                drawing.start()

    return ask


def _answers(console: Console, title: str, prompts: Prompts) -> list[str]:
    import getpass  # noqa: PLC0415 - few logins ask

    console.note(title)
    return [
        input(prompt) if is_shown else getpass.getpass(prompt, stream=sys.stderr)
        for prompt, is_shown in prompts
    ]
