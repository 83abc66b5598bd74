"""Paths that servers answer by themselves."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("path", ["/v1", "/v1/models", "/v2", "/v2/models/story", "/metrics", "/openapi.json"])
def test_a_servers_own_path_leads_to_no_model(folder, minimal, path) -> None:
    error = folder.error(minimal + f"    route: {{path: {path}}}\n")
    assert [(each.code, each.path) for each in error.diagnostics] == [("C115", ("models", 0, "route", "path"))]


@pytest.mark.parametrize("path", ["/", "/v10", "/api/v1", "/metrics-of-shops"])
def test_a_path_that_only_looks_like_one_does(folder, minimal, path) -> None:
    assert folder.codes(minimal + f"    route: {{path: {path}}}\n") == []


@pytest.mark.parametrize("name", ["v1", "v2", "metrics"])
def test_a_name_is_a_path_too(folder, minimal, name) -> None:
    pipeline = f"pipelines:\n  - {{name: {name}, steps: [{{name: first, model: story}}]}}\n"
    error = folder.error(minimal + pipeline)
    assert [(each.code, each.path) for each in error.diagnostics] == [("C115", ("pipelines", 0, "name"))]
    assert folder.codes(minimal.replace("name: story", f"name: {name}")) == ["C115"]
    there = pipeline.replace("steps:", "route: {path: /a}, steps:")
    assert folder.codes(minimal + there) == []
