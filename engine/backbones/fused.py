"""Batch norms of a frozen network folded into the convolutions in front of them: the same features, sooner.

In evaluation mode a batch norm is one factor and one summand per channel. Which norm follows which convolution is read off
the order in which a block names them; `fused` shows on a picture that it was right, or leaves the network as it was.
"""

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

PROBE = 64  # pixels of the picture that both networks are shown
TOLERANCE = 1e-5  # relative to the largest value of a level


@torch.no_grad()
def fused(network: nn.Module) -> nn.Module:
    """The network with its norms folded in, where that gives the same features; else the network itself.

    `network` takes (B, 3, H, W) and gives a list of levels. It must be in evaluation mode and is not changed.
    """
    candidate = copy.deepcopy(network)
    if not sum(_fold(block) for block in candidate.modules()):
        return network
    # values that set neighbouring pixels apart, and no random number: those of the training stay as they were
    probe = torch.linspace(-2, 2, 3 * PROBE * PROBE).mul(97).sin().view(1, 3, PROBE, PROBE)
    try:
        before, after = network(probe), candidate(probe)
    except (RuntimeError, AssertionError):  # a network of another fixed input size
        return network
    same = all(
        bool((a - b).abs().max() <= TOLERANCE * b.abs().max().clamp(min=1e-12))
        for a, b in zip(after, before, strict=True)
    )
    return candidate if same else network


def _fold(block: nn.Module) -> int:
    """Fold each norm that is named right after its convolution; how many."""
    folded, last = 0, None
    for name, child in list(block.named_children()):
        if isinstance(last, nn.Conv2d) and isinstance(child, nn.BatchNorm2d) and _fits(last, child):
            assert child.running_mean is not None and child.running_var is not None
            last.weight, last.bias = fuse_conv_bn_weights(
                last.weight, last.bias, child.running_mean, child.running_var, child.eps, child.weight, child.bias
            )
            # timm's norms hold the activation that follows them
            rest = [getattr(child, part) for part in ("drop", "act") if hasattr(child, part)]
            setattr(block, name, nn.Sequential(*(part for part in rest if not isinstance(part, nn.Identity))))
            folded += 1
        last = child
    return folded


def _fits(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> bool:
    return (
        norm.num_features == convolution.out_channels and norm.running_mean is not None and norm.running_var is not None
    )
