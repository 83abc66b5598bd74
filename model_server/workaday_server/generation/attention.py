"""Keys and values in pages, and one step's attention over them.

A step is one flat row of tokens, of all sequences that compute something, so that every matrix is read once for all of
them. Only attention looks at sequences apart. It reads a sequence's pages by a gather; sequences are grouped by length
for that, so that a long one does not make the short ones' part as long as its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from workaday_server.generation.scheduler import PAGE_TOKENS, Slice, pages_for

SMALL_GROUP_PAGES = 8  # up to so many pages sequences share a group, whatever their lengths


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

    def page_bytes(self, dtype: torch.dtype) -> int:
        """Return what one page of all layers' keys and values takes."""
        return 2 * self.layers * PAGE_TOKENS * self.kv_heads * self.head_size * dtype.itemsize


class Cache:
    """Keys and values [layers, tokens, kv_heads, head_size], a page being `PAGE_TOKENS` tokens in a row.

    On a CPU the memory is the system's only once it is written to.
    """

    def __init__(self, shape: Shape, pages: int, dtype: torch.dtype, device: torch.device) -> None:
        sizes = (2, shape.layers, pages * PAGE_TOKENS, shape.kv_heads, shape.head_size)
        if device.type == "cpu":
            count = pages * shape.page_bytes(dtype)
            both = torch.from_numpy(np.zeros(count, np.uint8)).view(dtype).view(sizes)
        else:
            both = torch.zeros(sizes, dtype=dtype, device=device)
        self.keys, self.values = both.unbind()
        self._pages = both.view(2, shape.layers, pages, -1)

    def clear(self, pages: list[int]) -> None:
        """Zero pages for a new owner: what is masked counts nothing, but a NaN that a former owner left would."""
        self._pages[:, :, pages] = 0

    def write(self, layer: int, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Store keys and values [tokens, kv_heads, head_size] at places [tokens]."""
        self.keys[layer].index_copy_(0, places, keys)
        self.values[layer].index_copy_(0, places, values)

    def read(self, layer: int, pages: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values [rows, kv_heads, length, head_size] of pages [rows, count]."""
        rows, count = pages.shape
        gathered = []
        for source in (self.keys[layer], self.values[layer]):
            by_page = source.view(-1, PAGE_TOKENS * source.shape[1] * source.shape[2])
            taken = by_page.index_select(0, pages.flatten())
            gathered.append(taken.view(rows, count * PAGE_TOKENS, *source.shape[1:]).transpose(1, 2))
        return gathered[0], gathered[1]


@dataclass(frozen=True)
class _Group:
    """Slices of one count: tokens [begin, end) of the step.

    `pages` is [rows, pages of the longest]; `mask` is [rows, 1, count, length], True where a token may look.
    """

    begin: int
    end: int
    pages: Tensor
    mask: Tensor


class Step:
    """One step's tokens, and its attention, which every layer of a network calls.

    Attributes:
        tokens: [tokens], of all slices, in the order of the groups.
        positions: [tokens], where each stands in its sequence.
        last: [rows], of the slices that sample, in the order in which they were given, the place of the last token.
    """

    def __init__(self, slices: Sequence[Slice], cache: Cache, device: torch.device) -> None:
        self._cache = cache
        self._device = device
        tokens: list[int] = []
        positions: list[int] = []
        places: list[int] = []
        ends: dict[int, int] = {}
        self._groups: list[_Group] = []
        for members in _groups(slices):
            begin = len(tokens)
            for each in members:
                stop = each.start + each.count
                tokens += each.sequence.tokens[each.start : stop]
                positions += range(each.start, stop)
                pages = each.sequence.pages
                places += [pages[at // PAGE_TOKENS] * PAGE_TOKENS + at % PAGE_TOKENS for at in range(each.start, stop)]
                ends[id(each)] = len(tokens) - 1
            self._groups.append(self._group(members, begin, len(tokens)))
        self.tokens, self.positions = self._whole(tokens), self._whole(positions)
        self._places = self._whole(places)
        self.last = self._whole([ends[id(each)] for each in slices if each.samples])

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
        parts = [self._group_attends(layer, group, query[group.begin : group.end]) for group in self._groups]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _group_attends(self, layer: int, group: _Group, query: Tensor) -> Tensor:
        """Heads that share a key head are computed as if they were further tokens: nothing is repeated for them."""
        keys, values = self._cache.read(layer, group.pages)
        rows, kv_heads, size = len(group.pages), keys.shape[1], keys.shape[3]
        shared = query.shape[1] // kv_heads
        count = len(query) // rows
        query = query.view(rows, count, kv_heads, shared, size).permute(0, 2, 3, 1, 4).reshape(rows, kv_heads, -1, size)
        mask = group.mask if count == 1 else group.mask.repeat(1, 1, shared, 1)
        out = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        out = out.view(rows, kv_heads, shared, count, size).permute(0, 3, 1, 2, 4)
        return out.reshape(rows * count, kv_heads * shared * size)

    def _group(self, members: list[Slice], begin: int, end: int) -> _Group:
        longest = max(pages_for(each.start + each.count) for each in members)
        pages = [_padded(each.sequence.pages, longest) for each in members]
        positions = torch.tensor([list(range(each.start, each.start + each.count)) for each in members])
        mask = torch.arange(longest * PAGE_TOKENS) <= positions[..., None]
        return _Group(begin, end, self._whole(pages), mask[:, None].to(self._device))

    def _whole(self, numbers: list[int] | list[list[int]]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.long).to(self._device)


def _padded(pages: list[int], count: int) -> list[int]:
    """Return the first pages, the sequence's own last one standing for those that it lacks; they are masked."""
    return pages[:count] + pages[-1:] * (count - len(pages))


def _groups(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Put single tokens of sequences of about a length together; parts of prompts stay alone."""
    groups = [[each] for each in slices if each.count > 1]
    latest: list[Slice] = []
    for each in sorted((each for each in slices if each.count == 1), key=lambda each: -each.start):
        pages = pages_for(each.start + 1)
        if latest and max(SMALL_GROUP_PAGES, 2 * pages) >= pages_for(latest[0].start + 1):
            latest.append(each)
        else:
            latest = [each]
            groups.append(latest)
    return groups
