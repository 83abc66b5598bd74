"""The few files that must be templated, from `templates/`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from workaday.resources import bundle

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """Return the one Jinja environment: a missing variable is an error, nothing is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(bundle() / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,
    )


def fill(template: str, **values: object) -> bytes:
    """Render one template of `templates/` to UTF-8."""
    return environment().get_template(template).render(**values).encode()
