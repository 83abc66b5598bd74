"""Write the table of values into each chart's README, between the markers, from the `# --` comments of values.yaml.

python tools/chart_docs.py             # write them
python tools/chart_docs.py --check     # exit 1 where one is not as its values say
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).parent.parent / "charts"
BEGIN, END = "<!-- BEGIN TABLE -->", "<!-- END TABLE -->"
BETWEEN = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w.-]*):")
COMMENT = re.compile(r"^ *# -- (?P<text>.+)$")


def main() -> int:
    """Write or check every README; returns the exit code."""
    stale = []
    for values in sorted(CHARTS.glob("*/values.yaml")):
        readme = values.with_name("README.md")
        text = readme.read_text("utf-8")
        table = "\n".join(rows(values.read_text("utf-8")))
        fresh = BETWEEN.sub(lambda _, table=table: f"{BEGIN}\n\n{table}\n\n{END}", text)
        if fresh != text:
            stale.append(readme)
            if "--check" not in sys.argv:
                readme.write_text(fresh, "utf-8")
    said = "stale" if "--check" in sys.argv else "written"
    for readme in stale:
        sys.stdout.write(f"{readme.relative_to(CHARTS.parent)}: {said}\n")
    return 1 if stale and "--check" in sys.argv else 0


def rows(text: str) -> Iterator[str]:
    """Yield the table of a values file."""
    data = yaml.safe_load(text)
    yield "| value | default | what |"
    yield "| --- | --- | --- |"
    for path, what in documented(text):
        yield f"| `{'.'.join(path)}` | {code(value_at(data, path))} | {what} |"


def documented(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each key that a `# --` comment stands above, with the comment."""
    above: list[tuple[int, str]] = []
    comment = None
    for line in text.splitlines():
        if found := COMMENT.match(line):
            comment = found["text"]
        elif found := KEY.match(line):
            indent = len(found["indent"])
            above = [each for each in above if each[0] < indent] + [(indent, found["key"])]
            if comment:
                yield tuple(key for _, key in above), comment
            comment = None


def undocumented(text: str) -> list[str]:
    """Return the values that no comment tells of, neither above them nor above the map that they are in."""
    told = [path for path, _ in documented(text)]
    return [
        ".".join(path) for path in leaves(yaml.safe_load(text)) if not any(path[: len(each)] == each for each in told)
    ]


def leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every value that is no map, or an empty one."""
    if not isinstance(data, Mapping) or not data:
        yield path
        return
    for key, value in data.items():
        yield from leaves(value, (*path, key))


def value_at(data: Any, path: tuple[str, ...]) -> Any:
    """Return the value at a path."""
    for key in path:
        data = data[key]
    return data


def code(value: Any) -> str:
    """Return a default as the table shows it."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


if __name__ == "__main__":
    sys.exit(main())
