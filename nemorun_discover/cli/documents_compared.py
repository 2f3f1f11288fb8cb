"""The JSON documents of commands that compare; their field names are a contract (docs/cli.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nemorun_discover.model.task import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nemorun_discover.lifecycle.compare import Comparison
    from nemorun_discover.lifecycle.finding import Finding
    from nemorun_discover.lifecycle.leaves import Difference

Document = dict[str, Any]


def diff_document(found: Comparison) -> Document:
    """`nemorun.diff/1`."""
    return {
        "schema": "nemorun.diff/1",
        "first": found.first,
        "second": found.second,
        "equal": found.is_equal,
        "code": {
            "files": [{"path": one.path, "how": one.how} for one in found.code.files],
            "differences": list(found.code.differences),
        },
        "jobs": {"only_first": list(found.only_first), "only_second": list(found.only_second)},
        "parameters": difference_rows(found.parameters),
        "config": difference_rows(found.config),
        "environment": difference_rows(found.environment),
        "results": difference_rows(found.results),
        "unknown": [*found.code.unknown, *found.unknown],
    }


def difference_rows(found: Iterable[Difference]) -> list[Document]:
    """Differences; `before` or `after` is left out where that side has no such value."""
    return [
        {
            "place": one.place,
            "name": one.name,
            **({} if one.before is MISSING else {"before": one.before}),
            **({} if one.after is MISSING else {"after": one.after}),
            "change": one.change,
        }
        for one in found
    ]


def check_document(experiment_id: str, findings: Iterable[Finding]) -> Document:
    """`nemorun.reproduce_check/1`."""
    rows = list(findings)
    return {
        "schema": "nemorun.reproduce_check/1",
        "experiment": experiment_id,
        "as_then": all(one.holds is not False for one in rows),
        "proven": all(one.holds is True for one in rows),
        "findings": [
            {
                "area": one.area,
                "holds": one.holds,
                "message": one.message,
                "differences": difference_rows(one.differences),
            }
            for one in rows
        ],
    }


def reproduced_document(
    experiment_id: str, again: str, differences: Iterable[Difference]
) -> Document:
    """`nemorun.reproduce/1`."""
    rows = difference_rows(differences)
    return {
        "schema": "nemorun.reproduce/1",
        "experiment": experiment_id,
        "again": again,
        "equal": not rows,
        "results": rows,
    }
