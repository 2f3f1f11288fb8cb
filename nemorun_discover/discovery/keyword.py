"""The grammar of `-k`, `-m` and `-e`: words joined by and, or, not and parentheses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nemorun_discover.discovery.names import shortened
from nemorun_discover.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How tightly an operator binds; an open parenthesis stops all of them.
_RANK = {"(": 0, "or": 1, "and": 2, "not": 3}
_OPERATORS = frozenset({"and", "or", "not"})
_WORD = r"[\w:+\-.\[\]\\/=,@]+"
_WORD_OR_GLOB = r"[\w:+\-.\[\]\\/=@*?!]+"
_A_START = "a name, 'not' or '('"
_A_JOINT = "'and', 'or' or the end"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expression:
    """An expression that was read, ready to be asked.

    Attributes:
        text: As it was typed.
        option: The option it was given to, for messages.
        postfix: Words and operators, operands first; no parentheses.
    """

    text: str
    option: str
    postfix: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The words in it, without operators, each once."""
        return tuple(dict.fromkeys(word for word in self.postfix if word not in _OPERATORS))

    def matches(self, predicate: Callable[[str], bool]) -> bool:
        """Whether the expression holds when each word stands for `predicate(word)`."""
        stack: list[bool] = []
        for word in self.postfix:
            if word not in _OPERATORS:
                stack.append(predicate(word))
                continue
            last = stack.pop()
            if word == "not":
                stack.append(not last)
            else:
                before = stack.pop()
                stack.append((before and last) if word == "and" else (before or last))
        return stack[0]


def compile_expression(text: str, *, option: str = "-k", globs: bool = False) -> Expression:
    r"""Read an expression of pytest's grammar: `or` binds least, then `and`, then `not`.

    Args:
        text: A word may hold letters, digits, `_` and any of `: + - . [ ] \ / = , @`.
        option: For messages.
        globs: Words may hold `*`, `?` and `!` as well, and no comma.

    Raises:
        UsageError: It is not such an expression; the sentence says at which column, counted from 1.
    """
    reader = _Reader(text, option)
    for token in _tokens(text, _WORD_OR_GLOB if globs else _WORD):
        reader.take(token)
    return Expression(text=text, option=option, postfix=reader.finish())


class _Token(NamedTuple):
    text: str
    column: int
    is_word: bool


def _tokens(text: str, word: str) -> Iterator[_Token]:
    for match in re.finditer(rf"(?P<word>{word})|[^\s]", text):
        yield _Token(match[0], match.start() + 1, match["word"] is not None)


class _Reader:
    """Sorts tokens into postfix order (Dijkstra's shunting yard): no recursion, so no depth is too deep."""

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self.option = option
        self.output: list[str] = []
        self.waiting: list[str] = []
        self.is_start_next = True

    def take(self, token: _Token) -> None:
        if self.is_start_next:
            self._take_start(token)
        else:
            self._take_joint(token)

    def finish(self) -> tuple[str, ...]:
        end = _Token("", len(self.text) + 1, is_word=False)
        if self.is_start_next:
            raise self._error(end, _A_START)
        self._release(down_to=1)
        if self.waiting:
            raise self._error(end, "')'")
        return tuple(self.output)

    def _take_start(self, token: _Token) -> None:
        if token.text in ("not", "("):
            self.waiting.append(token.text)
            return
        if token.text in _OPERATORS or not token.is_word:
            raise self._error(token, _A_START)
        if token.text == "=":
            raise self._error(token, "the exact name after '='")
        self.output.append(token.text)
        self.is_start_next = False

    def _take_joint(self, token: _Token) -> None:
        if token.text in ("and", "or"):
            self._release(down_to=_RANK[token.text])
            self.waiting.append(token.text)
            self.is_start_next = True
            return
        if token.text != ")" or "(" not in self.waiting:
            raise self._error(token, _A_JOINT)
        self._release(down_to=1)
        self.waiting.pop()

    def _release(self, *, down_to: int) -> None:
        while self.waiting and _RANK[self.waiting[-1]] >= down_to:
            self.output.append(self.waiting.pop())

    def _error(self, token: _Token, expected: str) -> UsageError:
        found = shortened(token.text) if token.text else "the end"
        return UsageError(
            f"{self.option} {shortened(self.text)}: at column {token.column}: expected {expected}, "
            f"found {found}",
            hint=f"write names joined by and, or, not and parentheses: {self.option} 'a and not b'",
        )
