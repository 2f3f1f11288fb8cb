"""Experiment ids: sortable, typeable, and found again by any unique prefix or suffix."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

# Crockford's base 32 without the letters that read like digits: nothing to mistype.
ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
SUFFIX_LENGTH = 4
TITLE_LENGTH = 40
MINUTE_LENGTH = len("20261122-0712")
_ID = re.compile(r"\d{8}-\d{4}-.+")


def slug_of(text: str) -> str:
    """The text as lower-case words joined by `-`, at most 40 characters; `run` when nothing is left."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:TITLE_LENGTH].strip("-") or "run"


def experiment_id(title: str, at: datetime, choose: Callable[[str], str]) -> str:
    """`20261122-0712-train-x7k2`.

    Args:
        title: What the experiment is called.
        at: Aware time; written down in UTC.
        choose: Picks one character of a string; `secrets.choice` outside tests.
    """
    return f"{at.astimezone(UTC):%Y%m%d-%H%M}-{slug_of(title)}-{id_end(choose)}"


def id_end(choose: Callable[[str], str]) -> str:
    """Four letters for an id to end in; `choose` as for `experiment_id`."""
    return "".join(choose(ALPHABET) for _ in range(SUFFIX_LENGTH))


def is_experiment_id(name: str) -> bool:
    """True for a name that begins as an id does; what else lies among experiments is none of ours."""
    return _ID.fullmatch(name) is not None


def matching(reference: str, ids: Iterable[str]) -> list[str]:
    """The ids that a reference means: the one it equals, else those it begins or ends."""
    candidates = list(ids)
    if reference in candidates:
        return [reference]
    return [one for one in candidates if one.startswith(reference) or one.endswith(reference)]
