"""`python -m tests.services.slurm up|down|env|install`: the clusters by hand."""

from __future__ import annotations

import sys
import time

from tests.services.slurm import clusters, sharing
from tests.services.slurm.install import install


def main(arguments: list[str]) -> int:
    """Do it, and say how to go on."""
    commands = {"up": up, "down": down, "env": env, "install": install}
    if len(arguments) != 1 or arguments[0] not in commands:
        print(__doc__)
        return 2
    commands[arguments[0]]()
    return 0


def up() -> None:
    """Start both; they stay until `down`, also after tests that used them."""
    install()
    began = time.monotonic()
    running = clusters.start()
    sharing.keep(running.base, kept=True)
    print(f"both clusters run, after {time.monotonic() - began:.1f} s")
    env()


def down() -> None:
    """Stop both, with whatever runs on them."""
    clusters.stop()


def env() -> None:
    """How to use them."""
    if not clusters.is_running(clusters.default_base()):
        print("no cluster runs; start both with: python -m tests.services.slurm up")
        return
    running = clusters.load()
    for cluster in running.both:
        accounting = "accounting" if cluster.site.has_accounting else "no accounting"
        print(
            f"{cluster.name}: nodes {', '.join(cluster.nodes)}; {accounting}; logs in {cluster.site.folder}/log"
        )
        print(f"  as {cluster.user.name}: ssh -F {running.base}/client/.ssh/config {cluster.name}")
        print(f"  as root, outside:  SLURM_CONF={cluster.slurm_conf} sinfo")
        print(f"  in its name spaces: nsenter -t {cluster.site.login.pid} -m -u -p")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
