"""Measure nemorun against its peers and print the table: `python benchmarks/run.py [NAME...]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

import containers
import launching
import listing
import packaging
import reading
import slurm
import startup
from rows import markdown
from timing import BenchmarkError, Setting

MEASURES = {
    "startup": startup.measure,
    "listing": listing.measure,
    "launching": launching.measure,
    "packaging": packaging.measure,
    "reading": reading.measure,
    "docker": containers.measure,
    "slurm": slurm.measure,
}
_ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that were named, or all of them.

    Returns:
        0 when every target is met, 1 when one is missed, 3 when something could not be measured.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(MEASURES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    rows = []
    for name in options.names or MEASURES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f"nemorun-{name}-") as workdir:
            setting = Setting(workdir=Path(workdir), peers=options.peers, repeat=options.repeat)
            try:
                rows += MEASURES[name](setting)
            except BenchmarkError as error:
                print(f"{name}: {error}", file=sys.stderr)
                return 3
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}\n")
    print(markdown(rows))
    return 0 if all(row.is_met for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--repeat", type=int, default=7, help="timed runs of each command")
    parser.add_argument(
        "--peers",
        type=Path,
        default=_ROOT / "build" / "benchmark-peers",
        help="where the peers' virtualenvs are kept (default: build/benchmark-peers)",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
