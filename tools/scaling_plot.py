"""Draw the table of docs/charts.md that says what replicas are best scaled on: `docs/scaling.svg`.

python tools/scaling_plot.py            # writes it
python tools/scaling_plot.py --check    # fails where it is not current
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

DOCS = Path(__file__).parents[1] / "docs"
TABLE, PLOT = DOCS / "charts.md", DOCS / "scaling.svg"
ROW = re.compile(r"^\| (?P<on>[^|]+?) \| (?P<within>[\d.]+) % \| (?P<usd>[\d,]+) USD \|$", re.MULTILINE)
WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 20, 50
MOST_USD, STEP_USD, STEP_PERCENT = 35_000, 5_000, 20
# Whatever is drawn has to be read on a light page and on a dark one.
STYLE = (
    "text{font:12px sans-serif;fill:#808080}line{stroke:#808080;stroke-opacity:.25}"
    "circle{fill:#808080}.ours{fill:#2a9d5c}"
)
OURS = "requests in work"


class Point(NamedTuple):
    """What a fleet is scaled on, the percent of the requests that it answers within 5 s, and USD a month."""

    on: str
    within: float
    usd: int


def points(text: str) -> list[Point]:
    """Return the rows of the table."""
    return [Point(row["on"], float(row["within"]), int(row["usd"].replace(",", ""))) for row in ROW.finditer(text)]


def place(within: float, usd: float) -> tuple[float, float]:
    """Return where a point lies in the picture."""
    x = LEFT + usd / MOST_USD * (WIDTH - LEFT - RIGHT)
    return x, HEIGHT - BOTTOM - within / 100 * (HEIGHT - TOP - BOTTOM)


def axes() -> Iterator[str]:
    """Yield the grid, and what its lines mean."""
    for usd in range(0, MOST_USD + 1, STEP_USD):
        (x, low), (_, high) = place(0, usd), place(100, usd)
        yield f'<line x1="{x:.0f}" y1="{low:.0f}" x2="{x:.0f}" y2="{high:.0f}"/>'
        yield f'<text x="{x:.0f}" y="{low + 18:.0f}" text-anchor="middle">{usd:,}</text>'
    for within in range(0, 101, STEP_PERCENT):
        (left, y), (right, _) = place(within, 0), place(within, MOST_USD)
        yield f'<line x1="{left:.0f}" y1="{y:.0f}" x2="{right:.0f}" y2="{y:.0f}"/>'
        yield f'<text x="{left - 8:.0f}" y="{y + 4:.0f}" text-anchor="end">{within} %</text>'
    yield f'<text x="{WIDTH / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">USD a month</text>'


def marks(found: list[Point]) -> Iterator[str]:
    """Yield a point and its name for each row; those at one place share a mark, and their names are stacked."""
    there: dict[tuple[float, float], int] = {}
    for each in found:
        x, y = place(each.within, each.usd)
        line = there[x, y] = there.get((x, y), -1) + 1
        ours = ' class="ours"' if each.on.startswith(OURS) else ""
        if not line:
            yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5"{ours}/>'
        flipped = x > WIDTH * 0.6
        at, anchor = (x - 10, "end") if flipped else (x + 10, "start")
        below = 18 if each.within == 100 else 4  # the upper edge is a line of the grid
        where = f'x="{at:.0f}" y="{y + below - 15 * line:.0f}" text-anchor="{anchor}"{ours}'
        yield f"<text {where}>{escape(each.on)}</text>"


def drawn(found: list[Point]) -> str:
    """Return the picture."""
    title = "Requests answered within 5 seconds, and what the replicas cost, by what they are scaled on"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{title}</title>'
    return "\n".join([head, f"<style>{STYLE}</style>", *axes(), *marks(found), "</svg>"]) + "\n"


def main() -> int:
    """Write the picture, or say whether it is current."""
    new = drawn(points(TABLE.read_text("utf-8")))
    if "--check" in sys.argv[1:]:
        current = PLOT.exists() and PLOT.read_text("utf-8") == new
        sys.stdout.write(f"{PLOT.name}: {'current' if current else 'stale'}\n")
        return not current
    PLOT.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
