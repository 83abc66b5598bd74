"""The two families of networks: Llama's and GPT-2's, each a plain forward pass over one step's flat row of tokens.

A user's own network is any `nn.Module` with a `shape` and this call: `network(step) -> logits [rows, vocabulary]`,
which calls `step.attend` once for each layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workaday_server.generation.attention import Shape, Step


@dataclass(frozen=True)
class LlamaScaling:
    """How Llama 3.1 stretches its rotary positions."""

    factor: float
    low: float
    high: float
    original: int


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a Llama network: RMS norms, rotary positions, grouped queries, gated feed-forward."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int
    rope_base: float
    epsilon: float
    attention_bias: bool = False
    tied: bool = True
    scaling: LlamaScaling | None = None


class Rotary:
    """Rotary positions of one step: each head's two halves hold the pairs that are turned."""

    def __init__(self, config: LlamaConfig, positions: Tensor, dtype: torch.dtype) -> None:
        angles = positions[:, None, None] * _frequencies(config, positions.device)
        self._cosine, self._sine = angles.cos().to(dtype), angles.sin().to(dtype)

    def turn(self, heads: Tensor) -> Tensor:
        """Turn [tokens, heads, head_size]."""
        first, second = heads.chunk(2, dim=-1)
        cosine, sine = self._cosine, self._sine
        return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def _frequencies(config: LlamaConfig, device: torch.device) -> Tensor:
    exponents = torch.arange(0, config.head_size, 2, device=device, dtype=torch.float32) / config.head_size
    frequencies = config.rope_base**-exponents
    if (scaling := config.scaling) is None:
        return frequencies
    turns = scaling.original * frequencies / (2 * math.pi)  # how often the original context goes round
    kept = ((turns - scaling.low) / (scaling.high - scaling.low)).clamp(0, 1)
    return frequencies * (kept + (1 - kept) / scaling.factor)


class LlamaLayer(nn.Module):
    """Grouped-query attention, then a gated feed-forward network."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.head_size = config.head_size
        self.widths = [heads * config.head_size for heads in (config.heads, config.kv_heads, config.kv_heads)]
        self.attention_norm = nn.RMSNorm(config.hidden, config.epsilon)
        self.query_key_value = nn.Linear(config.hidden, sum(self.widths), bias=config.attention_bias)
        self.attention_output = nn.Linear(self.widths[0], config.hidden, bias=False)
        self.feed_forward_norm = nn.RMSNorm(config.hidden, config.epsilon)
        self.gate_up = nn.Linear(config.hidden, 2 * config.intermediate, bias=False)
        self.down = nn.Linear(config.intermediate, config.hidden, bias=False)

    def forward(self, x: Tensor, step: Step, rotary: Rotary, index: int) -> Tensor:
        """Return [tokens, hidden] after this layer."""
        query, key, value = (
            part.unflatten(-1, (-1, self.head_size))
            for part in self.query_key_value(self.attention_norm(x)).split(self.widths, dim=-1)
        )
        x = x + self.attention_output(step.attend(index, rotary.turn(query), rotary.turn(key), value))
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        hidden: Tensor = x + self.down(F.silu(gate) * up)
        return hidden


class Llama(nn.Module):
    """A network of Llama's family."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.shape = Shape(config.layers, config.kv_heads, config.head_size, config.context)
        # Not nn.Embedding: initialising one on the meta device imports torch's decompositions, which takes seconds.
        self.embedding = nn.Parameter(torch.empty(config.vocabulary, config.hidden))
        self.layers = nn.ModuleList(LlamaLayer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden, config.epsilon)
        self.head = nn.Linear(config.hidden, config.vocabulary, bias=False)
        if config.tied:
            self.head.weight = self.embedding

    def forward(self, step: Step) -> Tensor:
        """Return logits [rows, vocabulary] after the last token of each slice that samples."""
        x = F.embedding(step.tokens, self.embedding)
        rotary = Rotary(self.config, step.positions, x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, step, rotary, index)
        logits: Tensor = self.head(self.norm(x[step.last]))
        return logits


@dataclass(frozen=True)
class GPT2Config:
    """Sizes of a GPT-2 network: layer norms, learned positions, as many key heads as query heads."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    vocabulary: int
    context: int
    epsilon: float


class GPT2Layer(nn.Module):
    """Attention, then a feed-forward network, each with biases."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.heads = config.heads
        self.attention_norm = nn.LayerNorm(config.hidden, config.epsilon)
        self.query_key_value = nn.Linear(config.hidden, 3 * config.hidden)
        self.attention_output = nn.Linear(config.hidden, config.hidden)
        self.feed_forward_norm = nn.LayerNorm(config.hidden, config.epsilon)
        self.up = nn.Linear(config.hidden, config.intermediate)
        self.down = nn.Linear(config.intermediate, config.hidden)

    def forward(self, x: Tensor, step: Step, index: int) -> Tensor:
        """Return [tokens, hidden] after this layer."""
        query, key, value = (
            part.unflatten(-1, (self.heads, -1))
            for part in self.query_key_value(self.attention_norm(x)).chunk(3, dim=-1)
        )
        x = x + self.attention_output(step.attend(index, query, key, value))
        hidden: Tensor = x + self.down(F.gelu(self.up(self.feed_forward_norm(x)), approximate="tanh"))
        return hidden


class GPT2(nn.Module):
    """A network of GPT-2's family; its output projection is its embedding table."""

    def __init__(self, config: GPT2Config) -> None:
        super().__init__()
        self.config = config
        self.shape = Shape(config.layers, config.heads, config.hidden // config.heads, config.context)
        self.embedding = nn.Parameter(torch.empty(config.vocabulary, config.hidden))
        self.position_embedding = nn.Parameter(torch.empty(config.context, config.hidden))
        self.layers = nn.ModuleList(GPT2Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden, config.epsilon)
        self.head = nn.Linear(config.hidden, config.vocabulary, bias=False)
        self.head.weight = self.embedding

    def forward(self, step: Step) -> Tensor:
        """Return logits [rows, vocabulary] after the last token of each slice that samples."""
        x = F.embedding(step.tokens, self.embedding) + F.embedding(step.positions, self.position_embedding)
        for index, layer in enumerate(self.layers):
            x = layer(x, step, index)
        logits: Tensor = self.head(self.norm(x[step.last]))
        return logits
