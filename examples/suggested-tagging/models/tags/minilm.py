"""MiniLM, a small BERT: token ids in, one unit-length vector per text out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class MiniLMConfig:
    """Sizes of the network; `positions` is the longest text, in tokens."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    vocabulary: int
    positions: int
    norm_epsilon: float


class Layer(nn.Module):
    """One encoder layer, normalized after each of its two halves as in the original BERT."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query_key_value = nn.Linear(config.hidden, 3 * config.hidden)
        self.attention_output = nn.Linear(config.hidden, config.hidden)
        self.attention_norm = nn.LayerNorm(config.hidden, config.norm_epsilon)
        self.up = nn.Linear(config.hidden, config.intermediate)
        self.down = nn.Linear(config.intermediate, config.hidden)
        self.output_norm = nn.LayerNorm(config.hidden, config.norm_epsilon)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, hidden = x.shape
        query, key, value = (
            part.view(batch, length, self.heads, hidden // self.heads).transpose(1, 2)
            for part in self.query_key_value(x).chunk(3, dim=-1)
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.attention_norm(x + self.attention_output(attended.transpose(1, 2).flatten(2)))
        output: Tensor = self.output_norm(x + self.down(F.gelu(self.up(x))))
        return output


class MiniLM(nn.Module):
    """The encoder, the mean over a text's tokens, and the scaling to unit length."""

    def __init__(self, config: MiniLMConfig) -> None:
        super().__init__()
        # Not nn.Embedding: initialising one on the meta device imports torch's decompositions, which takes seconds.
        self.word_embedding = nn.Parameter(torch.empty(config.vocabulary, config.hidden))
        self.position_embedding = nn.Parameter(torch.empty(config.positions, config.hidden))
        self.embedding_norm = nn.LayerNorm(config.hidden, config.norm_epsilon)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Vectors [batch, hidden] of length 1.

        Args:
            tokens: [batch, length] ids.
            mask: [batch, length], True for a token of the text and False for padding.
        """
        embedded = F.embedding(tokens, self.word_embedding) + self.position_embedding[: tokens.shape[1]]
        x = self.embedding_norm(embedded)
        for layer in self.layers:
            x = layer(x, mask[:, None, None, :])
        weights = mask[..., None].to(x.dtype)
        # The mean's divisor is left out: the scaling that follows takes it away again.
        return F.normalize((x * weights).sum(dim=1), dim=1)
