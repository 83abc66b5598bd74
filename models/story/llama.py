"""The Llama network: a plain forward pass over a key-value cache, each row at a position of its own.

Rows do not have to be equally long, nor to start together: a row may be filled with a prompt while others are in the
middle of their answers. That is all that continuous batching needs from a network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of one Llama network; every query group of `heads // kv_heads` heads shares one key and value head."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    vocabulary: int
    context: int
    rope_base: float
    rms_epsilon: float

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


class KVCache:
    """Keys and values of up to `rows` sequences of up to `length` tokens each.

    Shape of both: [layers, rows, kv_heads, length, head_size].
    """

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        self.keys = keys
        self.values = values

    @classmethod
    def allocate(cls, config: LlamaConfig, rows: int, length: int, device: torch.device | None = None) -> "KVCache":
        shape = (config.layers, rows, config.kv_heads, length, config.head_size)
        return cls(torch.zeros(shape, device=device), torch.zeros(shape, device=device))

    @property
    def rows(self) -> int:
        return self.keys.shape[1]

    def view(self, start: int, stop: int) -> "KVCache":
        """Rows [start, stop), sharing this cache's memory."""
        return KVCache(self.keys[:, start:stop], self.values[:, start:stop])

    def keep(self, rows: list[int]) -> "KVCache":
        """A view of this cache that holds only `rows`, in ascending order, moved to the front."""
        for target, row in enumerate(rows):
            if target != row:
                self.keys[:, target].copy_(self.keys[:, row])
                self.values[:, target].copy_(self.values[:, row])
        return self.view(0, len(rows))

    def write(self, layer: int, positions: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store one layer's keys and values [rows, kv_heads, new, head_size] at positions [rows, new]."""
        rows = torch.arange(self.rows, device=positions.device)[:, None]
        self.keys[layer][rows, :, positions] = keys.transpose(1, 2)
        self.values[layer][rows, :, positions] = values.transpose(1, 2)

    def read(self, layer: int, reach: int) -> tuple[Tensor, Tensor]:
        """One layer's keys and values before position `reach`, each [rows, kv_heads, reach, head_size]."""
        return self.keys[layer, :, :, :reach], self.values[layer, :, :, :reach]


class Step:
    """What every layer of one forward pass needs to know about where its tokens stand.

    Attributes:
        positions: [rows, new].
        reach: one more than the highest position.
        mask: [rows, 1, new, reach], True where a token may look: at its own position and before.
    """

    def __init__(self, config: LlamaConfig, positions: Tensor) -> None:
        self.positions = positions
        self.reach = int(positions.max()) + 1
        self.mask = (torch.arange(self.reach, device=positions.device) <= positions[..., None])[:, None]
        exponents = torch.arange(0, config.head_size, 2, device=positions.device) / config.head_size
        angles = positions[:, None, :, None] * config.rope_base**-exponents
        self._cosine, self._sine = angles.cos(), angles.sin()

    def rotate(self, heads: Tensor) -> Tensor:
        """Rotary position embedding of [rows, heads, new, head_size], whose two halves hold the rotated pairs."""
        first, second = heads.chunk(2, dim=-1)
        rotated = (first * self._cosine - second * self._sine, second * self._cosine + first * self._sine)
        return torch.cat(rotated, dim=-1)


class Layer(nn.Module):
    """One transformer layer: grouped-query attention with rotary positions, then a gated feed-forward network."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        self.widths = [heads * config.head_size for heads in (config.heads, config.kv_heads, config.kv_heads)]
        self.attention_norm = nn.RMSNorm(config.hidden, config.rms_epsilon)
        self.query_key_value = nn.Linear(config.hidden, sum(self.widths), bias=False)
        self.attention_output = nn.Linear(config.hidden, config.hidden, bias=False)
        self.feed_forward_norm = nn.RMSNorm(config.hidden, config.rms_epsilon)
        self.gate_up = nn.Linear(config.hidden, 2 * config.intermediate, bias=False)
        self.down = nn.Linear(config.intermediate, config.hidden, bias=False)

    def forward(self, x: Tensor, step: Step, cache: KVCache, index: int) -> Tensor:
        query, key, value = (
            part.unflatten(-1, (-1, self.config.head_size)).transpose(1, 2)
            for part in self.query_key_value(self.attention_norm(x)).split(self.widths, dim=-1)
        )
        cache.write(index, step.positions, step.rotate(key), value)
        keys, values = cache.read(index, step.reach)
        attended = F.scaled_dot_product_attention(
            step.rotate(query), keys, values, attn_mask=step.mask, enable_gqa=True
        )
        x = x + self.attention_output(attended.transpose(1, 2).flatten(2))
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        hidden: Tensor = x + self.down(F.silu(gate) * up)
        return hidden


class Llama(nn.Module):
    """A Llama network whose output projection is its embedding table."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        self.config = config
        # Not nn.Embedding: initialising one on the meta device imports torch's decompositions, which takes seconds.
        self.embedding = nn.Parameter(torch.empty(config.vocabulary, config.hidden))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.hidden, config.rms_epsilon)

    def forward(self, tokens: Tensor, starts: Tensor, cache: KVCache) -> Tensor:
        """Logits [rows, vocabulary] that follow the last token of each row.

        Args:
            tokens: [rows, new], what comes next in each row.
            starts: [rows], the position of each row's first new token: how many tokens its cache holds already.
            cache: as many rows as `tokens`; the new tokens' keys and values are written into it.
        """
        step = Step(self.config, starts[:, None] + torch.arange(tokens.shape[1], device=tokens.device))
        x = F.embedding(tokens, self.embedding)
        for index, layer in enumerate(self.layers):
            x = layer(x, step, cache, index)
        return F.linear(self.norm(x[:, -1]), self.embedding)
