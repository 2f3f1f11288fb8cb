"""Clusters of ours that are still up, over all experiments of a home: what `nemorun doctor` and `status` tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nemorun_discover.errors import StoreError
from nemorun_discover.schedulers.skypilot.clusters import may_be_up
from nemorun_discover.schedulers.skypilot.sdk import Sky

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A cluster looks once a minute whether it has been idle for long enough, and then takes a while to go.
_SLACK = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """A cluster that somebody pays for.

    Attributes:
        price_per_hour: In dollars, all nodes together; None where nobody knows.
        end: When it goes by itself, in words.
    """

    name: str
    experiment: str
    status: str
    where: str
    price_per_hour: float | None
    end: str

    @property
    def sentence(self) -> str:
        """What to tell of it."""
        price = f", ${self.price_per_hour:.2f} an hour" if self.price_per_hour else ""
        place = f" on {self.where}" if self.where else ""
        return f"{self.name}{place} of {self.experiment} is {self.status}{price}; {self.end}"


def left_up(experiments: Path) -> list[Leftover]:
    """The clusters of these experiments that are up; SkyPilot is asked only where one may be.

    Raises:
        ExecutorRefused: SkyPilot cannot be asked.
    """
    wanted = {
        name: (file.parent.name, one)
        for file in sorted(experiments.glob("[!.]*/clusters.json"))
        for name, one in may_be_up(file).items()
    }
    if not wanted:
        return []
    known = Sky().clusters(list(wanted))
    return [
        Leftover(
            name=name,
            experiment=experiment,
            status=known[name]["status"],
            where=known[name]["where"],
            price_per_hour=known[name]["price_per_hour"],
            end=_end(noted),
        )
        for name, (experiment, noted) in wanted.items()
        if name in known
    ]


def probably_up(clusters: Path, ended_at: datetime | None) -> list[str]:
    """Sentences on the clusters of one experiment that may be up; nobody is asked.

    Args:
        clusters: The experiment's `clusters.json`.
        ended_at: When its last job ended; None while one runs.
    """
    now = datetime.now(UTC)
    try:
        noted = may_be_up(clusters)
    except StoreError as error:
        return [f"{error.message}; which clusters may be up is not known, `sky status` tells"]
    return [
        f"cluster {name}{_at_a_price(one)} may be up: {_end(one)}"
        for name, one in noted.items()
        if ended_at is None or _lives_until(one, ended_at) > now
    ]


def _lives_until(noted: Mapping[str, Any], ended_at: datetime) -> datetime:
    idle = noted.get("idle_minutes")
    if idle is None or not noted.get("is_torn_down"):
        return datetime.max.replace(tzinfo=UTC)
    return ended_at + timedelta(minutes=idle) + _SLACK


def _at_a_price(noted: Mapping[str, Any]) -> str:
    price = noted.get("price_per_hour")
    return f" (${price:.2f} an hour)" if price else ""


def _end(noted: Mapping[str, Any]) -> str:
    idle = noted.get("idle_minutes")
    if idle is None:
        return "it stays until somebody ends it"
    return f"it {'goes' if noted.get('is_torn_down') else 'stops'} after {idle} idle minutes"
