"""Train one network on the handwritten digits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Optional

import nemorun

from digits.data import CLASSES, PIXELS, load_digits, split_digits
from digits.network import new_network, save_network
from digits.scoring import score
from digits.training import train_epochs


@nemorun.task(tags=["model"], timeout="10m")
def train(
    learning_rate: float = 0.05,
    hidden: int = 32,
    epochs: int = 6,
    seed: int = 0,
    output_dir: Optional[Path] = None,
) -> dict[str, float]:
    """Train a network and keep it as network.json.

    Args:
        learning_rate: Of the first epoch; it falls to zero in a straight line.
        hidden: Units in the hidden layer.
        epochs: How often each image is shown.
        seed: Of the first weights and of the order of the images.
        output_dir: Where the network is written; the job's own output directory when None.

    Returns:
        Accuracy and loss on the images it learnt from, and the seconds it took.
    """
    output_dir = output_dir or nemorun.current().output_dir
    started = time.perf_counter()
    images = split_digits(load_digits()).training
    network = new_network(PIXELS, hidden, CLASSES, seed=seed)
    for epoch in train_epochs(
        network, images, learning_rate=learning_rate, epochs=epochs, seed=seed
    ):
        print(f"epoch {epoch.number}/{epochs}  loss {epoch.loss:.4f}", flush=True)
    save_network(network, output_dir / "network.json")
    learnt = score(network, images)
    return {
        "accuracy": round(learnt.accuracy, 4),
        "loss": round(learnt.loss, 4),
        "seconds": round(time.perf_counter() - started, 2),
    }
