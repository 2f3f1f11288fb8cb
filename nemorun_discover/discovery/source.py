"""The text of one file and its syntax tree."""

from __future__ import annotations

import ast

from nemorun_discover.discovery.filescan import ProblemError

_BOM = b"\xef\xbb\xbf"


class Source:
    """A parsed file; `segment` gives back what a node looks like in it."""

    def __init__(self, data: bytes) -> None:
        """Parse `data`, with its PEP 263 cookie or as UTF-8.

        Raises:
            ProblemError: It is not Python, or not text in its encoding.
        """
        self._data = data
        self._lines: list[bytes] | None = None
        self.tree = _parse(data)

    def segment(self, node: ast.expr) -> str:
        """Return the node as it is written, on one line."""
        if self._lines is None:
            # A tree counts columns in UTF-8, whatever the file's own encoding is.
            self._lines = _utf8(self._data).splitlines()
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        if first == last:
            return self._lines[first][node.col_offset : node.end_col_offset].decode()
        parts = [
            self._lines[first][node.col_offset :],
            *self._lines[first + 1 : last],
            self._lines[last][: node.end_col_offset],
        ]
        return b" ".join(part.strip() for part in parts).decode()


def _parse(data: bytes) -> ast.Module:
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise ProblemError(line, "the file holds a NUL byte: it is not Python source")
    try:
        # Not ast.parse: it takes this module's own __future__ imports as the file's.
        tree = compile(data, "<task file>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    except SyntaxError as error:
        raise _encoding_problem(data) or _syntax_problem(error) from error
    except (RecursionError, MemoryError) as error:
        raise ProblemError(0, "the file is nested too deeply for Python's parser") from error
    if not isinstance(tree, ast.Module):
        raise TypeError(f"compile returned {type(tree).__name__}")
    return tree


def _syntax_problem(error: SyntaxError) -> ProblemError:
    import sys  # noqa: PLC0415 - only a broken file needs it

    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    kind = type(error).__name__
    return ProblemError(error.lineno or 0, f"{kind}: {error.msg} (read by Python {version})")


def _encoding_problem(data: bytes) -> ProblemError | None:
    import tokenize  # noqa: PLC0415 - only a broken file needs it
    from io import BytesIO  # noqa: PLC0415 - likewise

    hint = "save the file as UTF-8, or name its encoding in line 1: # -*- coding: latin-1 -*-"
    encoding, unknown = "utf-8", None
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    except SyntaxError as error:
        # For a cookie that names no encoding, and for one of two first lines that is not UTF-8.
        unknown = ProblemError(1, f"the file's encoding cannot be told: {error.msg}", hint)
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"the file is not {error.encoding}: byte 0x{data[error.start]:02x}"
        return ProblemError(line, message, hint)
    return unknown


def _utf8(data: bytes) -> bytes:
    if data.startswith(_BOM):
        return data[len(_BOM) :]
    if b"coding" not in data[:400]:
        return data
    import tokenize  # noqa: PLC0415 - only a file with a cookie needs it
    from io import BytesIO  # noqa: PLC0415 - likewise

    encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
    return data if encoding == "utf-8" else data.decode(encoding).encode()
