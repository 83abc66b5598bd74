"""Render a Blueprint to `{path: bytes}`: pure, the same bytes every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workaday.blueprint.model import Blueprint

if TYPE_CHECKING:
    from workaday.render.stock import Stock


def render(blueprint: Blueprint) -> dict[str, bytes]:
    """Return the whole tree of a project, by path relative to `deploy/<stage>`.

    Raises ProjectError: an overlay does not fit (P311, P312).
    """
    from workaday.project.overlays import NONE
    from workaday.render.stock import Stock

    stock = Stock(blueprint.overlays or NONE)
    tree = _tree(blueprint, stock)
    if not blueprint.overlays:
        return tree
    from workaday.render import overlays

    return overlays.over(tree, blueprint, blueprint.overlays, stock)


def products(blueprint: Blueprint) -> dict[str, bytes]:
    """Return the product's own templates and modules that a project's tree is made of, by their path in an overlay."""
    from workaday.project.overlays import NONE
    from workaday.render.stock import Stock

    stock = Stock(blueprint.overlays or NONE)
    _tree(blueprint, stock)
    return stock.products()


def _tree(blueprint: Blueprint, stock: Stock) -> dict[str, bytes]:
    if blueprint.platform == "local":
        from workaday.render import local

        return local.files(blueprint, stock)
    if blueprint.cloud:
        from workaday.render import cloud

        return cloud.files(blueprint, stock)
    from workaday.render import charts

    return charts.files(blueprint, stock)
