"""ConvNeXt: convolutions built as modern transformers are."""

from typing import Literal

from engine.contract.classifiers.classifier import ClassifierParams


class ConvNeXtParams(ClassifierParams):
    name: Literal["convnext"] = "convnext"
    title = "ConvNeXt"
    paper = "Liu et al., A ConvNet for the 2020s, CVPR 2022, https://arxiv.org/abs/2201.03545"
    summary = "modern convolutions; the most accurate of the networks of convolutions, wants a GPU"
    rank = 4
    default_backbone = "convnext_tiny"
    needs_gpu = True
