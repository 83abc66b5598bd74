"""Trees of the full project on two clouds, each rendered once."""

from __future__ import annotations

import pytest
from chart_profiles import tree


@pytest.fixture(scope="module")
def rendered_full(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return tree("full-aws", tmp_path_factory.mktemp("aws"))


@pytest.fixture(scope="module")
def rendered_gcp(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return tree("full-gcp", tmp_path_factory.mktemp("gcp"))
