"""What a syntax tree cannot tell, learnt by importing that one file in a child interpreter."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemorun_discover.discovery.child import Failure, Request, ask
from nemorun_discover.discovery.marks import Case, Marks, Typed
from nemorun_discover.discovery.read import Marked, read_file
from nemorun_discover.discovery.scan_codec import decode_type
from nemorun_discover.errors import CollectionError
from nemorun_discover.model.task import Issue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nemorun_discover.discovery.filescan import FileScan
    from nemorun_discover.model.task import TypeSpec


class _Opaque:
    """A value that JSON cannot hold; messages show what it looked like."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def rescan(
    root: Path, scans: Mapping[str, FileScan], pythonpath: Mapping[str, Sequence[str]]
) -> dict[str, FileScan]:
    """Import each file in an interpreter of its own, and scan it again with what that told.

    Args:
        root: Absolute.
        scans: What the syntax tree told, by file; where the import fails, it is what remains.
        pythonpath: By file, more entries for `sys.path`, relative to `root`.
    """
    answers = ask(Request(root=root, file=file, pythonpath=pythonpath[file]) for file in scans)
    return {
        file: _failed(file, scan, answer)
        if isinstance(answer, Failure)
        else read_file(file, (root / file).read_bytes(), [_marked(one) for one in answer["tasks"]])
        for (file, scan), answer in zip(scans.items(), answers, strict=True)
    }


def describe_types(
    root: Path, file: str, function: str, pythonpath: Sequence[str] = ()
) -> dict[str, TypeSpec]:
    """Import a file in a child interpreter and return the real types of a function's parameters.

    Args:
        root: The project's root.
        file: Relative to `root`.
        function: The name of a function at the top level of the file.
        pythonpath: More entries for `sys.path`, relative to `root`.

    Raises:
        CollectionError: The import failed, or the file has no such function.
    """
    base = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as the user wrote them
    request = Request(root=base, file=file, pythonpath=pythonpath, function=function)
    (answer,) = ask([request])
    if isinstance(answer, Failure):
        place = f"{file}:{answer.line}" if answer.line else file
        raise CollectionError(
            f"{place}: the types of {function!r} cannot be told: {answer.text}",
            hint=f"{file} must be importable here to check a value by an annotation it imports",
        )
    return {name: decode_type(kind) for name, kind in answer["types"].items()}


def _failed(file: str, scan: FileScan, failure: Failure) -> FileScan:
    """Keep the tasks that are clear, and say why the file was imported."""
    if not scan.computed:
        return scan  # only `after` was in question: that is told when names are resolved
    reason = scan.computed[0]
    issue = Issue(
        file=file,
        line=failure.line or reason.line,
        message=f"{failure.text} (the file was imported because {reason.what})",
        hint="write it as a literal, at the top level, or make the file importable here",
    )
    return replace(scan, issues=(*scan.issues, issue))


def _marked(data: dict[str, Any]) -> Marked:
    line = data["first_line"]
    cases = []
    for names, values, ids in data["cases"]:
        names_, values_, ids_ = _value(names), _value(values), _value(ids)
        cases.append(Case(line=line, names=names_, values=values_, ids=ids_))
    options = {name: _option(value) for name, value in data["options"].items()}
    marks = Marks(line=line, options=options, cases=tuple(cases))
    return Marked(function=data["function"], first_line=line, marks=marks)


def _value(data: list[Any]) -> Any:  # noqa: ANN401 - what the user wrote
    """Undo `_plain` of the child."""
    tag, content, *_ = data
    if tag == "=":
        return content
    if tag == "[]":
        return [_value(item) for item in content]
    if tag == "{}":
        return {_key(key): _value(item) for key, item in content}
    if tag == "enum":
        return Typed(content)
    return Typed(_bare(_value(content))) if tag == "typed" else _Opaque(content)


def _bare(value: Any) -> Any:  # noqa: ANN401 - what the user wrote
    """Take the wrappers off the fields of a dataclass: its annotation knows their types."""
    if isinstance(value, Typed):
        return value.value
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return {key: _bare(item) for key, item in value.items()} if isinstance(value, dict) else value


def _key(data: list[Any]) -> Any:  # noqa: ANN401 - what the user wrote
    key = _value(data)
    return key if isinstance(key, (str, int, float, bool, type(None))) else _Opaque(repr(key))


def _option(data: list[Any]) -> Any:  # noqa: ANN401 - what the user wrote
    """Undo `_plain` for an option: `tags=[Tag.GPU]` means the value of a text enum."""
    tag, content, *rest = data
    if tag == "[]":
        return [_option(item) for item in content]
    return _value(rest[0]) if tag == "enum" else _value(data)
