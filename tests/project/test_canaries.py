"""Canaries' settings beside what their pages show."""

from __future__ import annotations

import pytest

GATEWAY = "gateway: {host: api.shop.example}\n"


@pytest.mark.parametrize(
    ("canary", "codes"),
    [
        ("{percent: 0, overrides: {env: {A: b}}}", []),
        ("{overrides: {env: {A: b}}}", []),
        ("{shadow: true, overrides: {env: {A: b}}}", ["C307"]),
        ("{percent: 5, shadow: true, overrides: {env: {A: b}}}", ["C307"]),
        ("{overrides: {config: {}, env: {}}}", ["C308"]),
        ("{bake: 25h, overrides: {env: {A: b}}}", ["C309", "C310"]),
    ],
)
def test_what_a_canary_without_a_gateway_may_say(folder, minimal, canary, codes) -> None:
    there = minimal.replace("{kind: local}", "{kind: existing, context: a}") + f"    canary: {canary}\n"
    assert folder.codes(there) == codes
    assert "C307" not in folder.codes(there + GATEWAY)
    assert "C307" not in folder.codes(minimal + f"    canary: {canary}\n")
