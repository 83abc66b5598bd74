"""Write the tables of inputs and outputs into each Terraform module's README, between the markers.

python tools/module_docs.py             # write them
python tools/module_docs.py --check     # exit 1 where one is not as its module says
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import hcl2

INFRA = Path(__file__).parent.parent / "infra"
BEGIN, END = "<!-- BEGIN TABLES -->", "<!-- END TABLES -->"
BETWEEN = re.compile(f"{BEGIN}.*{END}", re.DOTALL)
LONG = 60


def main() -> int:
    """Write or check every README; returns the exit code."""
    stale = []
    for readme in readmes():
        text = readme.read_text("utf-8")
        fresh = with_tables(text, readme.parent)
        if fresh != text:
            stale.append(readme)
            if "--check" not in sys.argv:
                readme.write_text(fresh, "utf-8")
    said = "stale" if "--check" in sys.argv else "written"
    for readme in stale:
        sys.stdout.write(f"{readme.relative_to(INFRA.parent)}: {said}\n")
    return 1 if stale and "--check" in sys.argv else 0


def readmes() -> list[Path]:
    """Return the README of each module that has markers in it."""
    return [each for each in sorted(INFRA.rglob("README.md")) if BEGIN in each.read_text("utf-8")]


def with_tables(readme: str, module: Path) -> str:
    """Return a README with the tables of its module between the markers."""
    blocks = [hcl2.loads(path.read_text("utf-8")) for path in sorted(module.glob("*.tf"))]
    inputs = [each for block in blocks for each in named(block.get("variable", ()))]
    outputs = [each for block in blocks for each in named(block.get("output", ()))]
    tables = "\n".join((*input_table(inputs), "", *output_table(outputs)))
    return BETWEEN.sub(lambda _: f"{BEGIN}\n\n{tables}\n\n{END}", readme)


def named(blocks: list[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each block with its label."""
    for block in blocks:
        for name, body in block.items():
            yield plain(name), body


def input_table(inputs: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the lines of the table of inputs."""
    yield "| input | type | default | what |"
    yield "| --- | --- | --- | --- |"
    for name, body in inputs:
        default = code(body["default"]) if "default" in body else "required"
        yield f"| `{name}` | `{shortened(plain(body['type']))}` | {default} | {cell(body['description'])} |"


def output_table(outputs: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Yield the lines of the table of outputs."""
    yield "| output | what |"
    yield "| --- | --- |"
    for name, body in outputs:
        yield f"| `{name}` | {cell(body['description'])} |"


def shortened(kind: str) -> str:
    """Return a type on one line; of a long object only what it is made of."""
    if len(kind) <= LONG:
        return kind
    keys = re.findall(r"[{,]\s*(\w+)\s*=", re.sub(r"object\(\{[^{}]*\}\)", "object", inner(kind)))
    shape = kind[: kind.index("object(")]
    return f"{shape}object({{{', '.join(keys)}}}){')' * shape.count('(')}"


def inner(kind: str) -> str:
    """Return the braces of the outermost object and what is in them."""
    start = kind.index("object({")
    return "{" + kind[start + len("object({") :]


def code(value: Any) -> str:
    """Return a default as HCL writes it."""
    if isinstance(value, bool) or value is None:
        return f"`{'null' if value is None else str(value).lower()}`"
    return f"`{value}`"


def cell(text: str) -> str:
    """Return a text that does not end its column."""
    return " ".join(plain(text).split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Return a text without the quotes and the interpolation that the parser keeps."""
    text = text.removeprefix("${").removesuffix("}") if text.startswith("${") else text
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


if __name__ == "__main__":
    sys.exit(main())
