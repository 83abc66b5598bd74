"""`prices refresh`: what the project's machines cost today, into `workaday.lock`."""

from __future__ import annotations

from pathlib import Path

from workaday.cli.output import answer_json, note, say, table
from workaday.cli.run import Exit


def refresh(file: Path, stage: str | None, region: str | None, *, as_json: bool) -> int:
    """Fetch prices from the project's cloud and print them."""
    from datetime import UTC, datetime

    from workaday.execute.prices import refresh as fetched
    from workaday.execute.workspace import open_workspace

    workspace = open_workspace(file, stage)
    note(f"asking {workspace.blueprint.platform} for prices")
    found = fetched(workspace.root, workspace.blueprint, region, datetime.now(UTC))
    prices = found.prices
    if as_json:
        answer_json(
            {
                "lock": str(found.path), "region": found.region, "as_of": prices.as_of.isoformat(),
                "source": prices.source, "on_demand": prices.on_demand, "spot": prices.spot,
                "unpriced": found.unpriced,
            }
        )  # fmt: skip
        return Exit.DONE
    rows = [(f"{found.region}, an hour", "on demand", "spot")]
    for name in sorted({*prices.on_demand, *prices.spot}):
        zones = sorted(prices.spot.get(name, {}).values())
        spot = f"${zones[0]:.4f}" + (f" to ${zones[-1]:.4f}" if zones[0] != zones[-1] else "") if zones else "-"
        usd = prices.on_demand.get(name)
        rows.append((name, "-" if usd is None else f"${usd:.4f}", spot))
    say(table(rows))
    if found.unpriced:
        say(f"without a price: {', '.join(found.unpriced)}")
    say(f"{found.path.name}: written; commit it")
    return Exit.DONE
