"""Settings of a generator beside what their pages show."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ("compute: {memory: 8Gi}, generation: {kv_cache: 8Gi}", ["C311"]),
        ("generation: {kv_cache: 8Gi}", []),
        ("compute: {memory: 4Gi, gpu: {type: L4}}, generation: {kv_cache: 8Gi}", []),
        ("compute: {memory: 40Gi, gpu: {type: L4, memory: 6Gi}}, generation: {kv_cache: 8Gi}", ["C311"]),
        ("batching: {max_size: 2}, generation: {}", ["C312"]),
        ("limits: {queue: 4}, generation: {max_batch: 64}", []),
    ],
)
def test_what_a_generator_is_given(folder, minimal, keys, codes) -> None:
    server = "{kind: torch, predictor: models/story/predictor.py}"
    head = minimal[: minimal.index("  - name: story")]
    assert folder.codes(f"{head}  - {{name: story, server: {server}, {keys}}}\n") == codes
