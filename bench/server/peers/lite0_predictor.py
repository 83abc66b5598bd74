"""EfficientNet-Lite0 on pixels that come as a tensor: the network alone, without decoding pictures."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import torch

sys.path.insert(0, os.environ["LITE0"])  # the bundled model's modules
import lite0_weights


class Predictor:
    def __init__(self, config: dict[str, Any]) -> None:
        self.model = lite0_weights.load(lite0_weights.weights())

    def predict(self, payload: dict[str, Any]) -> Any:
        return self.predict_batch([payload])[0]

    @torch.inference_mode()
    def predict_batch(self, payloads: list[dict[str, Any]]) -> list[Any]:
        pixels = torch.from_numpy(np.concatenate([each["x"] for each in payloads]))
        classes = self.model(pixels).argmax(dim=1).numpy()
        return [{"class": classes[index : index + 1]} for index in range(len(payloads))]
