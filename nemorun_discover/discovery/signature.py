"""The parameters and the docstring of a function, from the syntax tree."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

from nemorun_discover.discovery.literals import NotStaticError, Unwritable, evaluate, to_json
from nemorun_discover.model.task import MISSING, Parameter

if TYPE_CHECKING:
    from nemorun_discover.discovery.annotations import Annotations
    from nemorun_discover.discovery.scope import Function, Names
    from nemorun_discover.discovery.source import Source


def read_parameters(
    function: Function, source: Source, names: Names, annotations: Annotations
) -> tuple[Parameter, ...]:
    """Return the parameters in order; `*args` and `**kwargs` never get a value and are left out."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    defaults = [*[None] * required, *arguments.defaults, *arguments.kw_defaults]
    return tuple(
        _parameter(argument, default, source, names, annotations)
        for argument, default in zip([*positional, *arguments.kwonlyargs], defaults, strict=True)
    )


def read_doc(function: Function) -> str:
    """Return the docstring without its indentation; "" when there is none."""
    first = function.body[0]
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return ""
    text = first.value.value
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _parameter(
    argument: ast.arg,
    default: ast.expr | None,
    source: Source,
    names: Names,
    annotations: Annotations,
) -> Parameter:
    kind = annotations.read(argument.annotation)
    if default is None:
        return Parameter(name=argument.arg, type=kind)
    text = source.segment(default)
    try:
        value = to_json(evaluate(default, names))
    except (NotStaticError, Unwritable):
        value = MISSING
    return Parameter(name=argument.arg, type=kind, default=value, default_text=text)
