"""Each profile, rendered and templated at most once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chart_profiles import tree, values
from helmet import template

CHART = Path(__file__).parents[2] / "charts" / "inference"


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, bytes]]:
    """Return the tree of a profile."""
    return cache(lambda name: tree(name, tmp_path_factory.mktemp(name)))


@pytest.fixture(scope="session")
def manifests(rendered: Callable[[str], dict[str, bytes]]) -> Callable[[str], list[dict[str, Any]]]:
    """Return what one `helm template` of all releases of a profile says."""
    return cache(lambda name: template(CHART, values(rendered(name))))
