"""A network with its cache, as the engine's thread uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from workaday_server.generation.attention import Cache, Shape, Step
from workaday_server.generation.requests import Sampling
from workaday_server.generation.sampling import Chooser, choose
from workaday_server.generation.scheduler import Slice


class Network(Protocol):
    """A network that generates; see `networks`."""

    shape: Shape

    def __call__(self, step: Step) -> Tensor:
        """Return logits [rows, vocabulary] after the last token of each slice that samples."""


class TorchRunner:
    """Computes steps with torch.

    Args:
        network: an `nn.Module` too, whose parameters' device and type the cache takes.
        tokens: how many tokens the cache holds.
        threads: how many of torch's threads a step may use on a CPU.
    """

    def __init__(self, network: Network, tokens: int, threads: int) -> None:
        self._network: Network | None = network
        self._device, dtype = placed(network)
        self._threads = threads
        self.tokens = tokens
        self.token_bytes = network.shape.token_bytes(dtype)
        self.context = network.shape.context
        self._cache: Cache | None = Cache(network.shape, tokens, dtype, self._device)

    def begin(self) -> None:
        """Prepare the engine's thread."""
        if self._device.type == "cpu":
            torch.set_num_threads(self._threads)  # of this thread alone

    def chooser(self, sampling: Sampling) -> Chooser:
        """Return a request's way to choose."""
        return Chooser(sampling)

    @torch.inference_mode()
    def step(self, slices: Sequence[Slice], choosers: Sequence[Chooser]) -> list[int | None]:
        """Compute slices; return the next token of each that samples, None where its numbers are not finite."""
        assert self._network is not None
        assert self._cache is not None
        logits = self._network(Step(slices, self._cache, self._device))
        return choose(logits, choosers) if choosers else []

    def close(self) -> None:
        """Let go of the network and the cache."""
        self._network = self._cache = None


def placed(network: Network) -> tuple[torch.device, torch.dtype]:
    """Return where a network is, and the type in which it computes: that of its first floating-point parameter."""
    assert isinstance(network, nn.Module)
    for each in network.parameters():
        if each.is_floating_point():
            return each.device, each.dtype
    return torch.device("cpu"), torch.float32
