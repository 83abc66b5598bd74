"""This project's server: the same network; V2 takes an image's tensor and gives its sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from network import answer, network


class Predictor:
    def __init__(self, config: dict[str, Any]) -> None:
        self.model = network()

    def predict(self, payload: Any) -> Any:
        if isinstance(payload, dict):
            return {"sum": np.atleast_1d(payload["x"].sum())}
        return answer(self.model, [payload])[0]

    def predict_batch(self, payloads: list[Any]) -> list[Any]:
        return answer(self.model, payloads)
