"""`python -m tests.services.docker up|down|install`: the engine by hand."""

from __future__ import annotations

import sys

from tests.services.docker.engine import Engine, default_base, started
from tests.services.docker.install import install


def main(arguments: list[str]) -> int:
    """Do it, and say how to go on."""
    commands = {"up": up, "down": down, "install": install}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__)
        return 2
    commands[arguments[0]]()
    return 0


def up() -> None:
    """Start it; it stays until `down`, also after tests that used it."""
    install()
    engine = started(default_base())
    (engine.base / "kept").touch()
    print(f"export DOCKER_HOST={engine.host}")


def down() -> None:
    """Stop it, with whatever runs on it."""
    Engine(base=default_base()).remove()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
