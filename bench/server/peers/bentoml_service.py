"""BentoML: one service with one worker, its access log off; with `BATCH` set, its adaptive batching of at most 16."""

from __future__ import annotations

import os

import bentoml
import torch
from network import answer, network

BATCH = int(os.environ.get("BATCH", "1"))


@bentoml.service(
    workers=1,
    traffic={"concurrency": 16},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class Mlp:
    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.model = network()

    if BATCH > 1:

        @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=1000)
        def predict(self, instances: list[list[float]]) -> list[list[float]]:
            return answer(self.model, instances)

    else:

        @bentoml.api
        def predict(self, instances: list[list[float]]) -> dict[str, list[list[float]]]:
            return {"predictions": answer(self.model, instances)}
