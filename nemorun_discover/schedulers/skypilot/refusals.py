"""What SkyPilot's exceptions mean, in one sentence and with the next step. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nemorun_discover.errors import ExecutorRefused

if TYPE_CHECKING:
    from collections.abc import Callable

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SPACE = re.compile(r"\s+")
_LONGEST = 300
_OUTPUT = "Error: ===== stdout ====="  # what follows is a whole log, and in SkyPilot's own
_TABLE = "The following features are not supported"
_CELLS = re.compile(r"\s{2,}")
_BAD_VALUE = re.compile(r"'(?P<value>[^']*)' does not match .*\$\.(?P<field>[\w.]+)", re.DOTALL)
_CHECK = "`sky check` shows what is missing"


class NothingFits(ExecutorRefused):
    """No catalog has what is asked for; it may be a name that is spelled wrongly."""


class ServerAway(ExecutorRefused):
    """SkyPilot's API server could not be reached; it may be in a moment."""


def refusal_of(error: BaseException, what: str) -> ExecutorRefused:
    """Our error for one of SkyPilot's.

    Args:
        error: What SkyPilot raised.
        what: Whom it concerns: an executor, a cluster or a job.
    """
    text = first_sentence(str(error))
    for names, words, make in _RULES:
        if _is_one(error, names) and (words is None or words.search(str(error))):
            sentence, hint = make(str(error) if make is _bad_value else text)
            kind = _KINDS.get(make, ExecutorRefused)
            return kind(f"{what}: {sentence}", hint=hint)
    return ExecutorRefused(f"{what}: SkyPilot: {text or type(error).__name__}")


def first_sentence(text: str) -> str:
    """The first line that says something, without colours, and not too long of it.

    Of a table of what a cloud cannot do, the reasons.
    """
    plain = _COLOUR.sub("", text).replace(_OUTPUT, "\n")
    lines = (_SPACE.sub(" ", line).strip() for line in plain.splitlines())
    line = next((one for one in lines if one), "")
    _, has_table, rows = plain.partition(_TABLE)
    if has_table:
        reasons = [_CELLS.split(one.strip())[-1] for one in rows.splitlines()[2:] if one.strip()]
        line = " ".join(reasons) or line
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _is_one(error: BaseException, names: frozenset[str]) -> bool:
    return any(one.__name__ in names for one in type(error).__mro__)


def _no_cloud(_text: str) -> tuple[str, str]:
    return "SkyPilot may use no cloud yet", "set one up, then `sky check`"


def _not_enabled(text: str) -> tuple[str, str]:
    return f"SkyPilot may not use that cloud: {text}", _CHECK


def _unknown_gpu(text: str) -> tuple[str, str]:
    return f"nothing that SkyPilot knows fits: {text}", "`sky gpus list` names the types of GPU"


def _quota(text: str) -> tuple[str, str]:
    return (
        f"the account's quota is too small: {text}",
        "ask the cloud for more, or allow other places: region and zone take lists",
    )


def _no_capacity(text: str) -> tuple[str, str]:
    return (
        f"the resources are not to be had now: {text}",
        "retry_until_up = true waits for them; region, zone and gpus take lists of which any will do",
    )


def _bad_value(text: str) -> tuple[str, str]:
    found = _BAD_VALUE.search(text)
    value, field = (found["value"], found["field"]) if found else (text, "a setting")
    return f"{field} = {value!r} is nothing that SkyPilot knows", "its pages list what there is"


def _image(text: str) -> tuple[str, str]:
    return (
        f"there are no containers there: {text}",
        "take container_image out of the profile and prepare the node with setup, or run elsewhere",
    )


def _not_supported(text: str) -> tuple[str, str]:
    return f"that cannot be done there: {text}", "take that setting out of the profile"


def _no_server(text: str) -> tuple[str, str]:
    return (
        f"SkyPilot's API server does not answer: {text}",
        "`sky api start` starts it, or says why not",
    )


def _skew(text: str) -> tuple[str, str]:
    return (
        f"SkyPilot here and its API server are of different versions: {text}",
        "`sky api stop` ends an old server of this machine; otherwise install the server's version",
    )


def _extra(text: str) -> tuple[str, str]:
    return (
        f"SkyPilot lacks what it needs for that cloud: {text}",
        "pip install 'skypilot[CLOUD]' beside nemorun",
    )


def _names(*names: str) -> frozenset[str]:
    return frozenset(names)


_WITHOUT_WORDS = None
_RULES: tuple[
    tuple[frozenset[str], re.Pattern[str] | None, Callable[[str], tuple[str, str]]], ...
] = (
    (_names("NoCloudAccessError"), _WITHOUT_WORDS, _no_cloud),
    (_names("APIVersionMismatchError", "APINotSupportedError"), _WITHOUT_WORDS, _skew),
    (_names("ApiServerConnectionError"), _WITHOUT_WORDS, _no_server),
    (_names("ConnectionError", "Timeout", "RequestInterruptedError"), _WITHOUT_WORDS, _no_server),
    (_names("ServerTemporarilyUnavailableError"), _WITHOUT_WORDS, _no_server),
    (_names("RuntimeError"), re.compile(r"API server", re.IGNORECASE), _no_server),
    (_names("NotSupportedError", "ResourcesUnavailableError"), re.compile(r"[Dd]ocker"), _image),
    (_names("NotSupportedError"), _WITHOUT_WORDS, _not_supported),
    (_names("ResourcesUnavailableError"), re.compile(r"quota", re.IGNORECASE), _quota),
    (_names("ResourcesUnavailableError"), re.compile(r"not enabled"), _not_enabled),
    (_names("ResourcesUnavailableError"), re.compile(r"[Cc]atalog|satisfying"), _unknown_gpu),
    (_names("ResourcesUnavailableError"), _WITHOUT_WORDS, _no_capacity),
    (_names("ImportError"), _WITHOUT_WORDS, _extra),
    (_names("InvalidSkyPilotConfigError"), _BAD_VALUE, _bad_value),
)
_KINDS: dict[Callable[[str], tuple[str, str]], type[ExecutorRefused]] = {
    _no_server: ServerAway,
    _unknown_gpu: NothingFits,
}
