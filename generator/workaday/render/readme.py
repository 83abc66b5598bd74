"""The page of a rendered tree: what is in it, and the commands that apply it without Workaday."""

from __future__ import annotations

from collections.abc import Iterable

from workaday.blueprint.model import Blueprint
from workaday.render.stock import Stock

README = "README.md"


def readme(blueprint: Blueprint, stock: Stock, contents: Iterable[tuple[str, str]], commands: Iterable[str]) -> bytes:
    """Return the page.

    Args:
        blueprint: whose tree it is.
        stock: where its template is drawn from.
        contents: each path of the tree and what it is.
        commands: lines for a shell in the tree's folder.
    """
    return stock.fill(
        "tree_readme.md.j2",
        name=blueprint.name,
        platform=blueprint.platform,
        stage=blueprint.stage,
        contents=contents,
        commands="\n".join(commands),
    )
