"""`python -m tests.services.skypilot install|up`: what it needs; or a sandbox by hand, until Ctrl-C."""

from __future__ import annotations

import sys
from contextlib import suppress
from threading import Event

from tests.services.skypilot.install import install
from tests.services.skypilot.sandbox import running


def main(arguments: list[str]) -> int:
    """Do it, and say how to go on."""
    if arguments not in (["install"], ["up"]):
        print(__doc__)
        return 2
    install()
    if arguments == ["up"]:
        with suppress(KeyboardInterrupt), running() as sandbox:
            for name, value in sandbox.env.items():
                print(f"export {name}='{value}'", flush=True)
            Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
