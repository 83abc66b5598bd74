"""Linear layers in int8 for the CPU: weights by output channel, activations by token.

A token's activations have a scale of their own, so that what it is answered does not depend on what else is in its
batch; torch's own dynamic quantization takes one scale for the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEVELS = 127


class Int8Linear(nn.Module):
    """Stands for an `nn.Linear`, whose weights it takes."""

    weight: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        scale = weight.abs().amax(1, keepdim=True).clamp_min(1e-12) / LEVELS
        self.register_buffer("weight", (weight / scale).round().to(torch.int8))
        self.register_buffer("scale", scale[:, 0])
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return [tokens, outputs] of [tokens, inputs]."""
        scale = x.abs().amax(1, keepdim=True).clamp_min(1e-12) / LEVELS
        rounded = (x / scale).round().to(torch.int8)
        out = torch._int_mm(rounded, self.weight.t()).to(x.dtype) * scale * self.scale
        return out if self.bias is None else out + self.bias


def quantize(network: nn.Module) -> nn.Module:
    """Put an `Int8Linear` in the place of every `nn.Linear`, and return the network."""
    for name, child in list(network.named_children()):
        if isinstance(child, nn.Linear):
            setattr(network, name, Int8Linear(child))
        else:
            quantize(child)
    return network
