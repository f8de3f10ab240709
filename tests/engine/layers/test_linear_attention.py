"""Linear attention gives what the attention matrix written out gives."""

import pytest
import torch
from torch.nn import functional

from engine.layers.linear_attention import LinearAttentionBlock


def test_equals_the_attention_matrix_written_out():
    torch.manual_seed(0)
    block, tokens = LinearAttentionBlock(8, heads=2).double(), torch.randn(3, 5, 8, dtype=torch.float64)
    normed = block.norm_1(tokens)
    queries, keys, values = (part.view(3, 5, 2, 4).transpose(1, 2) for part in block.to_qkv(normed).chunk(3, dim=2))
    weights = (functional.elu(queries) + 1) @ (functional.elu(keys) + 1).transpose(2, 3)  # (3, 2, 5, 5)
    weights = weights / weights.sum(dim=3, keepdim=True)
    attended = tokens + block.out((weights @ values).transpose(1, 2).reshape(3, 5, 8))
    torch.testing.assert_close(block(tokens), attended + block.mlp(block.norm_2(attended)))


def test_the_order_of_tokens_does_not_matter():
    block, tokens = LinearAttentionBlock(8, heads=2), torch.randn(2, 6, 8)
    torch.testing.assert_close(block(tokens.flip(1)), block(tokens).flip(1))


def test_refuses_heads_that_do_not_fit():
    with pytest.raises(ValueError, match="heads is 3, but width 8"):
        LinearAttentionBlock(8, heads=3)
