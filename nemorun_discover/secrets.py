"""Secrets: which names promise one, how a document holds a name in the place of a value, and how text is masked.

A value that was taken out of a document is there as `{"$secret": NAME}`, or, within longer text, as `${secret:NAME}`.
Values travel beside the document, by name. Standard library, Python 3.9: the worker puts values back inside jobs.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

MASK = "***"
MARK = "$secret"
VARIABLE = "NEMORUN_SECRET_"
"""What the environment variables begin with in which the worker finds the values of a job's own marks."""

_AS_JSON = "json"  # in a mark: the value is not text, and is kept as JSON
_IN_TEXT = re.compile(r"\$\{secret:([^}]*)\}")
_OPENING = "${secret:"
_NO_LETTER = re.compile(r"[^A-Za-z0-9_]+")

# Fields of ours that hold names or a policy, never a secret.
_HARMLESS = frozenset({"secrets", "host_keys"})

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Matched against one word of a name: API_KEY and apiKey, but not `monkey`; HF_TOKEN, but neither
# `tokenizer` nor `max_tokens`, which any language model's configuration is full of.
_SECRET_WORD = re.compile(
    r"(api|access|private|secret|ssh|auth)?keys?|(o)?auth|authorization|\w*token|\w*secrets?"
    r"|\w*credentials?|creds|\w*passw\w*|passphrase|pwd"
)
# The name begins where a word does: without that, each letter of a long word would be a beginning.
_NAMED_VALUE = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]+)["']?\s*[=:]\s*""")

# Shorter values are recognised where they stand, but not within other text: a password `test` would be everywhere.
_SHORTEST = 6
_LONG_NUMBER = 1_000_000
# What every process shows, and what is no secret wherever it came from.
_PUBLIC = frozenset(
    ("HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "HOSTNAME", "LANG", "TERM", "TMPDIR", "TZ")
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """True when a variable or field of this name is likely to hold a secret (WANDB_API_KEY)."""
    if name in _HARMLESS or name in _PUBLIC:
        return False
    return any(_SECRET_WORD.fullmatch(word.lower()) for word in _WORDS.findall(name))


def is_public(name: str) -> bool:
    """True for environment variables such as HOME, whose values are no secrets."""
    return name in _PUBLIC


def masked(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A copy in which everything under a secret's name, and every mark, is `***`; lists and tables are walked."""
    if isinstance(value, dict):
        if is_mark(value):
            return MASK
        return {
            key: MASK if promises_secret(str(key), item) else masked(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return without_marks(value) if isinstance(value, str) else value


def without_marks(text: str) -> str:
    """Text with `***` for each `${secret:NAME}` in it."""
    return _IN_TEXT.sub(MASK, text) if _OPENING in text else text


def can_hide(value: object) -> bool:
    """Nothing, yes/no and what is empty are no secrets."""
    return value is not None and not isinstance(value, bool) and value not in ("", [], {})


def promises_secret(name: str, value: object) -> bool:
    """True when a parameter of this name and value is to be hidden."""
    return is_secret_name(name) and can_hide(value) and not _is_setting(value)


def is_mark(value: object) -> bool:
    """True for what stands in the place of a whole value."""
    return isinstance(value, dict) and MARK in value and set(value) <= {MARK, _AS_JSON}


def variable_name(*words: str) -> str:
    """The words as the name of an environment variable: `NEMORUN_PARAM`, `token` become NEMORUN_PARAM_TOKEN."""
    return _NO_LETTER.sub("_", "_".join(words)).strip("_").upper()


class Known:
    """Values that are secrets wherever they appear.

    Args:
        values: By name. Short ones and paths are left out: they are in many texts.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._names = {
            value: name
            for name, value in values.items()
            if len(value) >= _SHORTEST and not value.startswith("/")
        }
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if self._names else None

    @classmethod
    def in_environment(cls, env: Mapping[str, str], names: Iterable[str] = ()) -> Known:
        """The values of variables whose name promises a secret, and of these, as far as they are set."""
        wanted = [*(one for one in env if is_secret_name(one)), *names]
        return cls({one: env[one] for one in wanted if one in env and not is_public(one)})

    def found_in(self, text: str) -> bool:
        """True when one of them is in the text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def masked(self, text: str) -> str:
        """The text with `***` for each of them."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def marked(self, text: str, values: dict[str, str]) -> str:
        """The text with `${secret:NAME}` for each of them; their values are added to `values`."""
        if self._pattern is None or self._pattern.search(text) is None:
            return text

        def mark(found: re.Match[str]) -> str:
            name = keep(values, self._names[found.group()], found.group())
            return f"{_OPENING}{name}}}"

        return self._pattern.sub(mark, text)


NOTHING_KNOWN = Known({})


def keep(values: dict[str, str], name: str, value: str) -> str:
    """Add a value; returns the name that it has, `name_2` where another value has that name."""
    number, free = 1, name
    while values.get(free, value) != value:
        number += 1
        free = f"{name}_{number}"
    values[free] = value
    return free


def marked_text(values: dict[str, str], name: str, value: str) -> str:
    """What stands for the value in a place that holds text; the value is added to `values`."""
    return f"{_OPENING}{keep(values, name, value)}}}"


def take_out(
    value: Any,  # noqa: ANN401 - JSON
    values: dict[str, str],
    *,
    name: str,
    prefix: str = "",
    known: Known = NOTHING_KNOWN,
) -> Any:  # noqa: ANN401 - JSON
    """JSON with marks in the place of its secrets; what is a mark already stays.

    Args:
        value: What stands under `name`.
        values: The secrets are added here.
        name: Promises a secret, or not.
        prefix: What names begin with that are made of where a value stands; without one, they are the field's own.
        known: What is a secret wherever it is.
    """
    if is_mark(value) or not can_hide(value):
        return value
    own = variable_name(prefix, name) if prefix else name
    if isinstance(value, dict):
        if is_secret_name(name) and prefix:
            return _whole(value, values, own)
        below = own if prefix else ""
        return {
            key: take_out(one, values, name=str(key), prefix=below, known=known)
            for key, one in value.items()
        }
    if is_secret_name(name) and (isinstance(value, str) or prefix) and not _is_setting(value):
        if isinstance(value, str) and _OPENING in value:
            return value
        return _whole(value, values, own)
    if isinstance(value, (list, tuple)):
        return [take_out(one, values, name=name, prefix=prefix, known=known) for one in value]
    return known.marked(value, values) if isinstance(value, str) else value


def _is_setting(value: object) -> bool:
    """True for numbers as models are configured with (`key_dim`, `pad_token_id`); a key of digits is longer."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < _LONG_NUMBER)


def _whole(value: Any, values: dict[str, str], name: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return {MARK: keep(values, name, value)}
    return {MARK: keep(values, name, json.dumps(value)), _AS_JSON: True}


def names_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The names of the secrets that were taken out, in order; one may come more than once."""
    if isinstance(value, str):
        if _OPENING in value:
            yield from _IN_TEXT.findall(value)
    elif isinstance(value, dict):
        if is_mark(value):
            yield value[MARK]
            return
        for one in value.values():
            yield from names_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from names_in(one)


def has_marks(value: Any) -> bool:  # noqa: ANN401 - JSON
    """True when a secret was taken out of the value."""
    return next(names_in(value), None) is not None


def put_back(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """The JSON with its secrets in place again.

    Raises:
        KeyError: The value of one is not known.
    """
    if isinstance(value, str):
        return text_put_back(value, values)
    if isinstance(value, dict):
        if is_mark(value):
            return _plain(value, values)
        return {key: put_back(one, values) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [put_back(one, values) for one in value]
    return value


def text_put_back(text: str, values: Mapping[str, str]) -> str:
    """Text with each `${secret:NAME}` replaced.

    Raises:
        KeyError: The value of one is not known.
    """
    return _IN_TEXT.sub(lambda found: values[found[1]], text) if _OPENING in text else text


def _plain(mark: dict[str, Any], values: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    value = values[mark[MARK]]
    if not mark.get(_AS_JSON):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def shell_words(words: Sequence[str]) -> str | None:
    """A command line for a POSIX shell that has the values as variables; None when no word has a mark."""
    if not any(_OPENING in word for word in words):
        return None
    return " ".join(map(_shell_word, words))


def _shell_word(word: str) -> str:
    parts = _IN_TEXT.split(word)  # text, name, text, name, …
    return "".join(
        f'"${{{VARIABLE}{part}}}"' if index % 2 else "'" + part.replace("'", "'\\''") + "'"
        for index, part in enumerate(parts)
    )


def masked_argv(argv: Sequence[str]) -> tuple[str, ...]:
    """A command line as it may be written down.

    What follows a name that promises a secret is `***`: in `-o …TOKEN=value`, in a table
    (`env_vars={TOKEN="value"}`) to the end of the word, and the word after `--token`.
    """
    return tuple(
        (word if start is None else word[:start] + MASK).encode("utf-8", "replace").decode()
        for word, start, _ in _with_secrets(argv)
    )


def masked_settings(text: str) -> str:
    """The text of a settings file, or of its diff: what follows a name that promises a secret is `***`, line by line."""
    return "".join(
        line if (start := _secret_in(line)[0]) is None else _cut(line, start)
        for line in text.splitlines(keepends=True)
    )


def _cut(line: str, start: int) -> str:
    end = len(line.rstrip("\r\n"))
    return line if start >= end else line[:start] + MASK + line[end:]


_SECTION = re.compile(r"^diff --git ", re.MULTILINE)
_SETTINGS = re.compile(r'diff --git [^\n]*(\.toml|\.env|\.ini|\.cfg|\.ya?ml|\.json)"?\n')


def masked_diff(diff: str, known: Known) -> str:
    """A `git diff` as it may be written down: of files of settings by their names, of all by what is known."""
    starts = [found.start() for found in _SECTION.finditer(diff)]
    if not starts:
        return known.masked(diff)
    ends = [*starts[1:], len(diff)]
    sections = [diff[start : ends[number]] for number, start in enumerate(starts)]
    return diff[: starts[0]] + "".join(
        known.masked(masked_settings(one) if _SETTINGS.match(one) else one) for one in sections
    )


def is_same_text(masked_text: str, text: str) -> bool:
    """True for a text of which the first may be the masked form."""
    if masked_text == text or MASK not in masked_text:
        return masked_text == text
    lines, others = masked_text.splitlines(), text.splitlines()
    return len(lines) == len(others) and all(map(_is_same_line, lines, others))


def _is_same_line(line: str, other: str) -> bool:
    if line == other or MASK not in line:
        return line == other
    first, *rest = line.split(MASK)
    return other.startswith(first) and other.endswith(rest[-1])


def take_out_of_argv(
    argv: Sequence[str],
    values: dict[str, str],
    *,
    prefix: str,
    known: Known = NOTHING_KNOWN,
    but: str = _OPENING,
) -> tuple[str, ...]:
    """The words with marks in the place of their secrets, as `masked_argv` finds them; not in words with `but` in them."""
    return tuple(
        known.marked(word, values)
        if start is None or _OPENING in word or but in word or not word[start:]
        else word[:start] + marked_text(values, variable_name(prefix, name), word[start:])
        for word, start, name in _with_secrets(argv)
    )


def _with_secrets(argv: Sequence[str]) -> Iterator[tuple[str, int | None, str]]:
    """Each word, with where its secret begins (None for nowhere) and the name that promises it."""
    before = ""
    for word in argv:
        if before and not word.startswith("-"):
            yield word, 0, before
        else:
            start, name = _secret_in(word)
            yield word, start, name
        is_option = word.startswith("--") and "=" not in word and is_secret_name(word)
        before = word.lstrip("-") if is_option else ""


def _secret_in(word: str) -> tuple[int | None, str]:
    for match in _NAMED_VALUE.finditer(word):
        name = match.group("name").rpartition(".")[2]
        if is_secret_name(name):
            return match.end(), name
    return None, ""
