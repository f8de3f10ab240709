"""The code of a place: by hand, and different everywhere."""

import math

import pytest
import torch

from engine.layers.position_code import position_code


def test_tells_the_column_first_then_the_row():
    code = position_code(3, 4, size=8)
    assert code.shape == (12, 8)
    y, x, slow = 2, 1, 10_000**-0.5
    waves = [math.sin(x), math.cos(x), math.sin(x * slow), math.cos(x * slow)]
    waves += [math.sin(y), math.cos(y), math.sin(y * slow), math.cos(y * slow)]
    torch.testing.assert_close(code[y * 4 + x], torch.tensor(waves))


def test_no_two_places_have_the_same():
    code = position_code(32, 32, size=16)
    assert torch.cdist(code, code).fill_diagonal_(1.0).min() > 1e-2


def test_refuses_a_size_that_cannot_be_shared_out():
    with pytest.raises(ValueError, match="multiple of 4"):
        position_code(2, 2, size=6)
