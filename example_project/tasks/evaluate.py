"""Judge a trained network by images it has never seen."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Optional

import nemorun

from digits.data import load_digits, split_digits
from digits.network import load_network
from digits.scoring import draw_confusion, score


@nemorun.task(tags=["model"], after=["train"], timeout="10m")
def evaluate(
    learning_rate: float = 0.05,
    hidden: int = 32,
    epochs: int = 6,
    seed: int = 0,
    network_file: Optional[Path] = None,
) -> dict[str, float]:
    """Score the network that `train` saved for the same settings.

    Args:
        learning_rate: As in `train`: the four shared parameters pair each job with its `train` job.
        hidden: As in `train`.
        epochs: As in `train`.
        seed: As in `train`.
        network_file: Any saved network; the one of the paired `train` job when None.

    Returns:
        Accuracy and loss on the held-out images, and the seconds it took.
    """
    network_file = network_file or nemorun.upstream("train").output_dir / "network.json"
    started = time.perf_counter()
    network = load_network(network_file)
    found = score(network, split_digits(load_digits()).held_out)
    print(f"{learning_rate=} {hidden=} {epochs=} {seed=}: {found.accuracy:.1%} right")
    print(draw_confusion(found.confusion), flush=True)
    return {
        "accuracy": round(found.accuracy, 4),
        "loss": round(found.loss, 4),
        "seconds": round(time.perf_counter() - started, 2),
    }
