"""Linear layers for the CPU: as oneDNN wants them, or in int8.

In int8 weights are scaled by output channel, and activations by token. Each token has a scale of its own, so that what
it is answered does not depend on what else is in its batch; torch's own dynamic quantization takes one for the batch.
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


class PackedLinear(nn.Module):
    """Stands for an `nn.Linear`, whose weights it lays out once as oneDNN's kernels read them, not at each call."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.bias = linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return [tokens, outputs] of [tokens, inputs]."""
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")
        return out


def quantize(network: nn.Module) -> nn.Module:
    """Put an `Int8Linear` in the place of every `nn.Linear`, and return the network."""
    return _replaced(network, Int8Linear)


def pack(network: nn.Module) -> nn.Module:
    """Put a `PackedLinear` in the place of every `nn.Linear` where oneDNN is there, and return the network."""
    return _replaced(network, PackedLinear) if torch._C._has_mkldnn else network


def _replaced(network: nn.Module, kind: type[Int8Linear | PackedLinear]) -> nn.Module:
    for name, child in list(network.named_children()):
        if isinstance(child, nn.Linear):
            setattr(network, name, kind(child))
        else:
            _replaced(child, kind)
    return network
