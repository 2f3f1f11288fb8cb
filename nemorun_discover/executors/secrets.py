"""Which names promise a secret, and how values under such names are hidden."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nemorun_discover.model.task import Json

MASK = "***"

# Fields of ours that hold names or a policy, never a secret.
_HARMLESS = frozenset({"secrets", "host_keys"})

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Matched against one word of a name: API_KEY and apiKey, but not `monkey`; HF_TOKEN, but neither
# `tokenizer` nor `max_tokens`, which any language model's configuration is full of.
_SECRET_WORD = re.compile(
    r"(api|access|private|secret|ssh|auth)?keys?|(o)?auth|authorization|\w*token|\w*secrets?"
    r"|\w*credentials?|creds|\w*passw\w*|passphrase|pwd"
)


def is_secret_name(name: str) -> bool:
    """True when a variable or field of this name is likely to hold a secret (WANDB_API_KEY)."""
    if name in _HARMLESS:
        return False
    return any(_SECRET_WORD.fullmatch(word.lower()) for word in _WORDS.findall(name))


def masked(value: Json) -> Json:
    """A copy in which everything under a secret's name is `***`; lists and tables are walked."""
    if isinstance(value, dict):
        return {
            key: MASK if is_secret_name(str(key)) and _can_hide(item) else masked(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [masked(item) for item in value]
    return value


def _can_hide(value: Json) -> bool:
    """Nothing and yes/no are no secrets."""
    return value is not None and not isinstance(value, bool)
