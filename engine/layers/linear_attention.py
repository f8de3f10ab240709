"""A transformer block whose attention is linear in the number of tokens.

Katharopoulos et al., Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention, ICML 2020,
https://arxiv.org/abs/2006.16236: instead of the softmax, queries and keys pass elu + 1, so keys and values can be summed up
once. Such attention cannot concentrate on a single token.

B images, N tokens, D width.
"""

import torch
from torch import nn
from torch.nn import functional


class LinearAttentionBlock(nn.Module):
    """(B, N, D) -> the same shape: attention, then a two-layer network, each added to what went in."""

    def __init__(self, width: int, *, heads: int, mlp_ratio: float = 4.0):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads is {heads}, but width {width} cannot be divided by it")
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        hidden = int(mlp_ratio * width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self._attention(self.norm_1(tokens))
        mixed: torch.Tensor = tokens + self.mlp(self.norm_2(tokens))
        return mixed

    def _attention(self, tokens: torch.Tensor) -> torch.Tensor:
        count, number, width = tokens.shape
        qkv = self.to_qkv(tokens).view(count, number, 3, self.heads, width // self.heads)
        queries, keys, values = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, N, D / heads) each
        queries, keys = functional.elu(queries) + 1, functional.elu(keys) + 1
        summary = (
            keys.transpose(2, 3) @ values / number
        )  # divided here and below, so that mixed precision does not overflow
        total = keys.mean(dim=2, keepdim=True).transpose(2, 3)  # (B, heads, D / heads, 1)
        mixed = (queries @ summary) / (queries @ total)  # (B, heads, N, D / heads); elu + 1 is above 0
        attended: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(count, number, width))
        return attended
