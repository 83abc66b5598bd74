"""As many square layers as its weights hold: mapped, and each used once in the warm-up."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load_file


class Predictor:
    def __init__(self, config: dict[str, Any]) -> None:
        self.layers: list[torch.Tensor] = []

    def load(self, path: str) -> None:
        self.layers = list(load_file(path).values())

    def warm_up(self) -> None:
        self.predict([[1.0] * self.layers[0].shape[1]])

    @torch.inference_mode()
    def predict(self, payload: Any) -> Any:
        x = torch.tensor(payload)
        for layer in self.layers:
            x = torch.nn.functional.linear(x, layer)
        return x
