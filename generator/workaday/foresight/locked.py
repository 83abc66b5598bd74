"""The prices in `workaday.lock`: fetched on a day, for the types that a project uses. Pure: text in, text out.

The file is one JSON document beside project.yaml, committed like any lock. Each verb that fills it owns one section and
leaves the others as they are; this is the section `prices`:

    {"prices": {"aws": {"us-east-1": {"as_of": "2026-11-24T12:00:00+00:00", "source": "…",
        "on_demand": {"g6.xlarge": 0.8048}, "spot": {"g6.xlarge": {"us-east-1a": 0.3311}}}}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from workaday.project.diagnostics import Diagnostic
from workaday.project.lock import LOCK_NAME, document, unreadable, written

__all__ = ["LOCK_NAME", "Prices", "RegionPrices", "parse", "stale", "with_prices"]

OLD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RegionPrices:
    """The prices of one region, in US dollars an hour.

    Attributes:
        as_of: when they were fetched, with a time zone.
        source: who was asked.
        on_demand: by type.
        spot: by type, then by zone; a cloud that has one price for a region has the region as the zone.
    """

    as_of: datetime
    source: str
    on_demand: Mapping[str, float]
    spot: Mapping[str, Mapping[str, float]]

    def old(self, now: datetime) -> bool:
        """Return whether they are older than 30 days."""
        return now - self.as_of > OLD


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a lock, by cloud and region."""

    by_region: Mapping[tuple[str, str], RegionPrices] = field(default_factory=dict)

    def of(self, cloud: str, region: str) -> RegionPrices | None:
        """Return a region's prices, or None where none were fetched."""
        return self.by_region.get((cloud, region))


def parse(text: str | None) -> Prices:
    """Return the prices that a lock file's text holds; None is no file.

    Raises:
        ProjectError: X133, the text is no such lock.
    """
    section = document(text).get("prices", {})
    try:
        return Prices(
            {(cloud, region): _region(entry) for cloud, regions in section.items() for region, entry in regions.items()}
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise unreadable(f"its prices have another shape: {type(error).__name__} {error}") from None


def with_prices(text: str | None, cloud: str, region: str, prices: RegionPrices) -> str:
    """Return a lock file's text with one region's prices replaced, everything else as it was.

    Raises:
        ProjectError: X133, the text is no such lock.
    """
    found = document(text)
    parse(text)
    section = found.setdefault("prices", {})
    section.setdefault(cloud, {})[region] = {
        "as_of": prices.as_of.isoformat(timespec="seconds"),
        "source": prices.source,
        "on_demand": dict(sorted(prices.on_demand.items())),
        "spot": {name: dict(sorted(zones.items())) for name, zones in sorted(prices.spot.items())},
    }
    return written(found)


def stale(prices: Prices, cloud: str, region: str, now: datetime) -> Diagnostic | None:
    """X135: a warning where a region's prices were fetched more than 30 days ago."""
    found = prices.of(cloud, region)
    if found is None or not found.old(now):
        return None
    days = (now - found.as_of).days
    return Diagnostic(
        "X135",
        f"the prices of {region} in {LOCK_NAME} are {days} days old",
        hints=("`workaday prices refresh` fetches them anew",),
        severity="warning",
    )


def _region(entry: Mapping[str, Any]) -> RegionPrices:
    as_of = datetime.fromisoformat(entry["as_of"])
    return RegionPrices(
        as_of=as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC),
        source=str(entry["source"]),
        on_demand={name: float(usd) for name, usd in entry["on_demand"].items()},
        spot={name: {zone: float(usd) for zone, usd in zones.items()} for name, zones in entry["spot"].items()},
    )
