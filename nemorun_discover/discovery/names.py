"""The nearest names: what an error suggests for a word that names nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# difflib's time grows with the square of the length, and nobody means a name this long.
_LONGEST_WORD = 200
# difflib's own measure of a close match.
_ALIKE = 0.6
_SHORT_TEXT = 60
# A letter or two stand in most words, and say nothing.
_TELLING = 3


def nearest(word: str, candidates: Iterable[str], n: int = 5) -> list[str]:
    """At most `n` of the candidates that `word` may have meant, best first.

    Case does not count. After the names that are spelt alike come those that contain the word, or that it
    contains; equally near ones stay in their order.
    """
    wanted = word[:_LONGEST_WORD].casefold()
    names = [name for name in dict.fromkeys(candidates) if name]
    likeness = _likeness_to(wanted)
    scores = {name: likeness(name.casefold()) for name in names if wanted}
    alike = sorted(
        (name for name in scores if scores[name] >= _ALIKE), key=lambda name: -scores[name]
    )
    containing = [
        name
        for name in scores
        if min(len(name), len(wanted)) >= _TELLING
        and (wanted in name.casefold() or name.casefold() in wanted)
    ]
    return list(dict.fromkeys([*alike, *containing]))[:n]


def _likeness_to(wanted: str) -> Callable[[str], float]:
    # Costs 3 ms to import, and only errors need it.
    from difflib import SequenceMatcher  # noqa: PLC0415

    matcher = SequenceMatcher(a="", b=wanted)

    def likeness(name: str) -> float:
        matcher.set_seq1(name[:_LONGEST_WORD])
        # The quick ones are upper bounds, and spare thousands of names the slow one.
        if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
            return 0.0
        return matcher.ratio()

    return likeness


def did_you_mean(word: str, candidates: Iterable[str], n: int = 3) -> str:
    """`; did you mean a, b or c?`, to end a sentence with; empty when nothing is near."""
    names = nearest(word, candidates, n)
    return f"; did you mean {one_of(names)}?" if names else ""


def one_of(names: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`; empty for none."""
    *most, last = [*names] or [""]
    return f"{', '.join(most)} or {last}" if most else last


def shortened(value: object) -> str:
    """The value as Python writes it, on one line, at most sixty characters long."""
    text = repr(value[: 2 * _SHORT_TEXT]) if isinstance(value, str) else repr(value)
    return text if len(text) <= _SHORT_TEXT else text[: _SHORT_TEXT - 1] + "…"
