"""BentoML: one service with one worker, its access log off."""

from __future__ import annotations

import bentoml
import torch
from network import answer, network


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Mlp:
    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.model = network()

    @bentoml.api
    def predict(self, instances: list[list[float]]) -> dict[str, list[list[float]]]:
        return {"predictions": answer(self.model, instances)}
