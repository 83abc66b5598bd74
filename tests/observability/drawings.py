"""Dashboards drawn without Grafana: what Prometheus answers to their own queries, as SVG."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

from watching import dashboards

Get = Callable[..., Any]
WIDE, HIGH, COLUMNS, EDGE = 470, 210, 2, 12
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#edc948", "#9c755f")
UNITS = {
    "s": "s",
    "percentunit": "×100 %",
    "percent": "%",
    "bytes": "bytes",
    "reqps": "/s",
    "currencyUSD": "USD",
    "watt": "W",
}
MOST_SHOWN, POINTS = 8, 60


def draw(get: Get, seconds: float) -> dict[str, str]:
    """Return an SVG of each dashboard over the last seconds, by file name.

    Args:
        get: asks Prometheus: an address of its API, and parameters.
        seconds: how long before now it begins.
    """
    return {
        f"{name.removeprefix('dungeon-').removesuffix('.json')}.svg": whole(board, get, seconds)
        for name, board in dashboards().items()
    }


def whole(board: Mapping[str, Any], get: Get, seconds: float) -> str:
    """Return the picture of a dashboard."""
    panels = board["panels"]
    rows = math.ceil(len(panels) / COLUMNS)
    width, height = COLUMNS * (WIDE + EDGE) + EDGE, rows * (HIGH + EDGE) + 40
    title = f"{board['title']} (drawn from Prometheus' answers to the dashboard's queries; not Grafana)"
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11"',
        f' viewBox="0 0 {width} {height}">',
        f'<rect width="{width}" height="{height}" fill="#f4f5f5"/>',
        f'<text x="{EDGE}" y="24" font-size="14">{escape(title)}</text>',
    ]
    for place, panel in enumerate(panels):
        x, y = EDGE + place % COLUMNS * (WIDE + EDGE), 40 + place // COLUMNS * (HIGH + EDGE)
        parts += [f'<g transform="translate({x},{y})">', *drawn(panel, get, seconds), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def lines(panel: Mapping[str, Any], get: Get, seconds: float) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield what a panel shows: the legend and the points of each series."""
    end = time.time()
    step = max(1.0, seconds / POINTS)
    for target in panel["targets"]:
        asked = target["expr"].replace("$__rate_interval", "20s").replace("$model", ".+")
        found = get("query_range", query=asked, start=end - seconds, end=end, step=step)["result"]
        for series in found:
            legend = target["legendFormat"]
            for key, value in series["metric"].items():
                legend = legend.replace("{{%s}}" % key, value)  # noqa: UP031 -- braces
            points = [(float(at) - end + seconds, float(value)) for at, value in series["values"]]
            yield legend, [(at, value) for at, value in points if math.isfinite(value)]


def drawn(panel: Mapping[str, Any], get: Get, seconds: float) -> Iterator[str]:
    """Yield the parts of a panel's picture."""
    shown = [each for each in lines(panel, get, seconds) if each[1]][:MOST_SHOWN]
    top = max((value for _, points in shown for _, value in points), default=1.0) or 1.0
    unit = UNITS.get(panel["fieldConfig"]["defaults"]["unit"], "")
    yield f'<rect width="{WIDE}" height="{HIGH}" fill="white" stroke="#ddd"/>'
    yield f'<text x="8" y="17" font-weight="bold">{escape(panel["title"])}</text>'
    yield f'<text x="{WIDE - 8}" y="17" text-anchor="end" fill="#666">up to {top:.3g} {escape(unit)}</text>'
    low = HIGH - 24 - 13 * math.ceil(len(shown) / 2)
    yield f'<path d="M8 {low}H{WIDE - 8}M8 26H{WIDE - 8}" stroke="#eee"/>'
    for place, (legend, points) in enumerate(shown):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(
            f"{8 + at / seconds * (WIDE - 16):.1f},{low - value / top * (low - 26):.1f}" for at, value in points
        )
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        x, y = 8 + place % 2 * WIDE // 2, low + 16 + place // 2 * 13
        yield f'<text x="{x}" y="{y}" fill="{colour}">{escape(legend[:42])}</text>'
