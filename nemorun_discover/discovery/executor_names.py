"""`-e`: which of the available executors names, globs and expressions mean."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from nemorun_discover.discovery.keyword import compile_expression
from nemorun_discover.discovery.names import did_you_mean
from nemorun_discover.errors import NothingSelected, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HINT = "nemorun list executors"


def match_executors(
    available: Sequence[str], patterns: Sequence[str], *, where: str = "-e"
) -> tuple[str, ...]:
    """The executors that the patterns mean, each once.

    Args:
        available: The names that exist.
        patterns: Names, globs, or expressions of both; a comma separates two patterns.
        where: What the patterns were given to, for messages.

    Returns:
        Patterns in the order given; the matches of one pattern in the order of `available`.

    Raises:
        UsageError: A plain name, alone or inside an expression, does not exist: a misspelt `not slurm_a`
            would else select everything.
        NothingSelected: A glob or an expression matches nothing.
    """
    pieces = [piece.strip() for pattern in patterns for piece in pattern.split(",")]
    chosen = [name for piece in pieces for name in _matches(available, piece, where)]
    return tuple(dict.fromkeys(chosen))


def _matches(available: Sequence[str], piece: str, where: str) -> list[str]:
    if piece in available:
        return [piece]
    expression = compile_expression(piece, option=where, globs=True)
    for word in expression.words:
        if not _is_glob(word) and word not in available:
            place = "" if where == "-e" else f", as in the {where}"
            raise UsageError(
                f"unknown executor {word!r}{place}{did_you_mean(word, available)}", hint=_HINT
            )
    found = [name for name in available if expression.matches(partial(fnmatchcase, name))]
    if not found:
        near = did_you_mean(expression.words[0].strip("*?"), available)
        raise NothingSelected(f"no executor matches {where} {piece!r}{near}", hint=_HINT)
    return found


def _is_glob(word: str) -> bool:
    return any(char in word for char in "*?[")
