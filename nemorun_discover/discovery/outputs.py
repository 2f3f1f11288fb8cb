"""Which upstream tasks' outputs a function reads, as far as its own lines show it."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def outputs_read_by(function: Callable[..., object]) -> tuple[str, ...]:
    """The same as `outputs_read` for a function at hand; nothing where its source is not."""
    try:
        return outputs_read(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):
        return ()


def outputs_read(node: ast.AST) -> tuple[str, ...]:
    """The upstream tasks whose outputs a body reads, as far as it shows: `upstream("prep")` and `.output_dir` are in it.

    The `output_dir` of `current()` is the task's own, and does not count.
    """
    named: list[str] = []
    folders: list[ast.expr] = []
    own: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and _called(one) in ("upstream", "upstreams") and one.args:
            first = one.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                named.append(first.value)
        elif isinstance(one, ast.Assign) and _is_current(one.value):
            own.update(target.id for target in one.targets if isinstance(target, ast.Name))
        elif isinstance(one, ast.Attribute) and one.attr == "output_dir":
            folders.append(one.value)
    others = (
        one
        for one in folders
        if not _is_current(one) and not (isinstance(one, ast.Name) and one.id in own)
    )
    return tuple(dict.fromkeys(named)) if any(others) else ()


def _is_current(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _called(node) == "current"


def _called(call: ast.Call) -> str | None:
    """The last word of what is called."""
    target = call.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", None)
