"""The network that every server runs: 128-256-10, seeded, one thread of torch."""

from __future__ import annotations

import torch


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(128, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)).eval()


@torch.inference_mode()
def answer(model: torch.nn.Module, rows: list[list[float]]) -> list[list[float]]:
    return model(torch.tensor(rows)).tolist()
