"""Asks each network of timm what it offers as a backbone, without memory for weights: writes engine/contract/backbones.json."""

import json
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import engine.torchvision_import  # noqa: F401  (must come before timm)

import timm  # isort: skip

from engine.backbones import Offer, ask
from engine.backbones.transformer_blocks import TransformerBlocks

PIXELS = 224  # of the image whose cost is counted


def write_descriptions(path: Path, architectures: Iterable[str] | None = None) -> int:
    """Write one line for each architecture, of timm where none are named; how many there are is returned."""
    found = {name: describe(name) for name in sorted(architectures or timm.list_models())}
    lines = ",\n".join(
        f" {json.dumps(name, allow_nan=False)}: {json.dumps(facts, allow_nan=False)}" for name, facts in found.items()
    )
    path.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    return len(found)


def describe(name: str) -> dict[str, Any]:
    """What engine/contract/backbones.py reads of an architecture; nothing where no features can be had of it."""
    try:
        with warnings.catch_warnings(action="ignore"):
            own: Any = timm.get_pretrained_cfg(name)
            offer = ask(name, own.input_size[-1])
            return {**_levels(offer), "gmacs": _gmacs(offer, own.input_size[-1])} if offer.levels else {}
    except (ValueError, TypeError, RuntimeError, AttributeError, AssertionError, NotImplementedError, IndexError):
        return {}  # what timm raises where a network offers none, or cannot be cut into its blocks


def _levels(offer: Offer) -> dict[str, Any]:
    if offer.is_grid:
        return {"blocks": len(offer.strides), "stride": offer.strides[0]}
    only = {"only_size": offer.size[0]} if offer.size and not offer.options else {}
    return {"strides": offer.strides, **only}


def _gmacs(offer: Offer, own_size: int) -> float:
    """10^9 multiply-adds of all levels of one image of PIXELS, or brought to that where the network does not take such a one."""
    network = offer.outline
    if offer.is_grid:
        network = TransformerBlocks(network.model, levels=list(offer.levels), patch=offer.strides[0], size=offer.size)
    if offer.size is not None:
        return _counted(network, own_size)
    try:
        return _counted(network, PIXELS)
    except (RuntimeError, AssertionError):  # its windows do not fit into that
        return _counted(network, own_size)


def _counted(network: nn.Module, size: int) -> float:
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.empty(1, 3, size, size))
    return float(f"{counter.get_total_flops() / 2e9 * (PIXELS / size) ** 2:.3g}")
