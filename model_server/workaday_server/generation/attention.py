"""Keys and values, and one step's attention over them.

A step is one flat row of tokens, of all sequences that compute something, so that every weight is read once for all of
them. Only attention looks at sequences apart. Each has one span of the cache, without gaps: on a CPU it is read where
it lies, a sequence at a time, for copying it together costs more than attending to it. A GPU attends to all sequences
that go on by one token at once, for there each further call costs more than the copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from workaday_server.generation.scheduler import Slice


@dataclass(frozen=True)
class Shape:
    """What the cache and the engine have to know of a network.

    Attributes:
        layers: how many attend.
        kv_heads: key and value heads of each.
        head_size: numbers in each of them.
        context: the longest sequence, in tokens.
    """

    layers: int
    kv_heads: int
    head_size: int
    context: int

    def token_bytes(self, dtype: torch.dtype) -> int:
        """Return what one token's keys and values of all layers take."""
        return 2 * self.layers * self.kv_heads * self.head_size * dtype.itemsize


class Cache:
    """Keys and values, each [layers, 1, kv_heads, tokens, head_size].

    On a CPU the memory is the system's only once it is written to. Nothing is read but what its own sequence wrote.
    """

    def __init__(self, shape: Shape, tokens: int, dtype: torch.dtype, device: torch.device) -> None:
        sizes = (2, shape.layers, 1, shape.kv_heads, tokens, shape.head_size)
        if device.type == "cpu":
            both = torch.from_numpy(np.zeros(tokens * shape.token_bytes(dtype), np.uint8)).view(dtype).view(sizes)
        else:
            both = torch.zeros(sizes, dtype=dtype, device=device)
        self.keys, self.values = both.unbind()

    def write(self, layer: int, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store keys and values [tokens, kv_heads, head_size] at places [tokens]."""
        self.keys[layer, 0].index_copy_(1, places, keys.transpose(0, 1))
        self.values[layer, 0].index_copy_(1, places, values.transpose(0, 1))


class Step:
    """One step's tokens, and its attention, which every layer of a network calls.

    Attributes:
        tokens: [tokens], of all slices.
        positions: [tokens], where each stands in its sequence.
        last: [rows], of the slices that sample, in the order in which they were given, the place of the last token.
    """

    def __init__(
        self, slices: Sequence[Slice], cache: Cache, device: torch.device, *, together: bool | None = None
    ) -> None:
        self._cache = cache
        self._device = device
        tokens: list[int] = []
        positions: list[int] = []
        places: list[int] = []
        last: list[int] = []
        for each in slices:
            stop, span = each.start + each.count, each.sequence.span
            tokens += each.sequence.tokens[each.start : stop]
            positions += range(each.start, stop)
            places += range(span + each.start, span + stop)
            if each.samples:
                last.append(len(tokens) - 1)
        self.tokens, self.positions = self._whole(tokens), self._whole(positions)
        self.last = self._whole(last)
        self._places = self._whole(places)
        together = device.type != "cpu" if together is None else together
        # What goes on by one token comes first: the scheduler's order, which `attend` splits by.
        singles = next((at for at, each in enumerate(slices) if each.count > 1), len(slices))
        self._together = _Together(slices[:singles], cache, device) if together and singles > 1 else None
        begin = singles if self._together else 0
        self._alone = [_Alone(each, cache, device) for each in slices[begin:]]
        self._begin = begin

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Store keys and values, and return what each token makes of its sequence's.

        Args:
            layer: the layer's number, from 0.
            query: [tokens, heads, head_size]; `heads` is a multiple of `kv_heads`.
            key: [tokens, kv_heads, head_size].
            value: [tokens, kv_heads, head_size].

        Returns:
            [tokens, heads * head_size].
        """
        self._cache.write(layer, self._places, key, value)
        # Heads that share a key head are computed as if they were further tokens: nothing is repeated for them.
        query = query.view(len(query), 1, key.shape[1], -1, query.shape[2])
        parts: list[Tensor] = []
        begin = self._begin
        if self._together:
            parts.append(self._together.attend(layer, query[:begin, 0]))
        singles = query.unbind()
        for each in self._alone:
            if each.count == 1:
                parts.append(each.attend(layer, singles[begin]))
            else:
                parts.append(each.attend_many(layer, query[begin : begin + each.count, 0]))
            begin += each.count
        return torch.cat(parts).view(len(query), -1)

    def _whole(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.long).to(self._device)


class _Alone:
    """One slice's attention, over its span as it lies in the cache."""

    def __init__(self, part: Slice, cache: Cache, device: torch.device) -> None:
        span, stop = part.sequence.span, part.start + part.count
        self.count = part.count
        self._keys = cache.keys[..., span : span + stop, :].unbind()
        self._values = cache.values[..., span : span + stop, :].unbind()
        positions = torch.arange(part.start, stop, device=device)
        self._mask = torch.arange(stop, device=device) <= positions[:, None] if part.count > 1 else None

    def attend(self, layer: int, query: Tensor) -> Tensor:
        """Return [1, kv_heads, shared, head_size] of a query of that shape."""
        return F.scaled_dot_product_attention(query, self._keys[layer], self._values[layer])

    def attend_many(self, layer: int, query: Tensor) -> Tensor:
        """Return [count, kv_heads, shared, head_size] of a query of that shape."""
        count, kv_heads, shared, size = query.shape
        assert self._mask is not None
        mask = self._mask.repeat(shared, 1)
        rows = query.permute(1, 2, 0, 3).reshape(1, kv_heads, shared * count, size)
        out = F.scaled_dot_product_attention(rows, self._keys[layer], self._values[layer], attn_mask=mask)
        return out.view(kv_heads, shared, count, size).permute(2, 0, 1, 3)


class _Together:
    """The attention of all sequences that go on by one token, over a copy of their spans, padded to the longest."""

    def __init__(self, parts: Sequence[Slice], cache: Cache, device: torch.device) -> None:
        self._cache = cache
        spans = torch.tensor([each.sequence.span for each in parts], device=device)
        starts = torch.tensor([each.start for each in parts], device=device)
        ahead = torch.arange(int(max(each.start for each in parts)) + 1, device=device)
        self._mask = (ahead <= starts[:, None])[:, None, None]
        # What is masked is the sequence's own first token: another's memory may hold what is not finite.
        self._places = torch.where(ahead <= starts[:, None], spans[:, None] + ahead, spans[:, None])

    def attend(self, layer: int, query: Tensor) -> Tensor:
        """Return [rows, kv_heads, shared, head_size] of a query of that shape."""
        keys = self._cache.keys[layer, 0][:, self._places].transpose(0, 1)
        values = self._cache.values[layer, 0][:, self._places].transpose(0, 1)
        return F.scaled_dot_product_attention(query, keys, values, attn_mask=self._mask)
