"""Weights of a resize that a file holds are those that torch takes."""

import pytest
import torch
from torch.nn import functional

from engine.backbones.resizing import Mode, weights


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("before", "after"), [(64, 32), (61, 30), (50, 56), (224, 97)])
def test_a_line_gets_torchs_own_weights(mode: Mode, before: int, after: int) -> None:
    line = torch.eye(before, dtype=torch.float64)[
        None, None
    ]  # (1, 1, before, before): each column one pixel that is white
    theirs = functional.interpolate(line, size=(after, before), mode=mode, antialias=True, align_corners=False)
    torch.testing.assert_close(torch.from_numpy(weights(before, after, mode)), theirs[0, 0], rtol=1e-5, atol=1e-6)
