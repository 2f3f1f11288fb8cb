"""How the processes of torchrun and ft_launcher find each other; both take these options. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from nemorun_discover.launchers.ports import port_of

if TYPE_CHECKING:
    from nemorun_discover.executors.launchers import FaultTolerance, Torchrun
    from nemorun_discover.launchers.place import Place

_ID_LENGTH = 16
# c10d takes a free port by itself and tells it to the processes of its node.
_ANY_PORT = 0


def rendezvous_options(launcher: Torchrun | FaultTolerance, place: Place) -> list[str]:
    """The options that name the rendezvous and the size of the job."""
    own_id = launcher.rdzv_id
    return [
        f"--nnodes={place.nnodes}",
        f"--nproc-per-node={place.nproc_per_node}",
        f"--node-rank={place.node_rank}",
        f"--rdzv-backend={launcher.rdzv_backend}",
        f"--rdzv-endpoint={_endpoint(launcher, place)}",
        f"--rdzv-id={rendezvous_id(place.key) if own_id is None else own_id}",
    ]


def rendezvous_id(key: str) -> str:
    """The id under which the nodes of one attempt meet, and no others."""
    digest = sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    return f"nemorun-{digest[:_ID_LENGTH]}"


def _endpoint(launcher: Torchrun | FaultTolerance, place: Place) -> str:
    is_alone = place.nnodes == 1
    host = "localhost" if is_alone else place.head
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"  # an IPv6 address
    # Another backend than c10d must be told where it is: `static` at port 0 waits for ever (torch 2.13).
    derived = _ANY_PORT if is_alone and launcher.rdzv_backend == "c10d" else port_of(place.key)
    port = derived if launcher.rdzv_port is None else launcher.rdzv_port
    return f"{host}:{port}"
