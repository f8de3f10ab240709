"""EfficientNet: convolutions whose depth, width and resolution grow together."""

from typing import Literal

from engine.contract.classifiers.classifier import ClassifierParams


class EfficientNetParams(ClassifierParams):
    name: Literal["efficientnet"] = "efficientnet"
    title = "EfficientNet"
    paper = "Tan and Le, EfficientNet: Rethinking Model Scaling, ICML 2019, https://arxiv.org/abs/1905.11946"
    summary = "more accurate for its size than ResNet; its lite sizes are quick without a GPU too"
    rank = 2
    default_backbone = "tf_efficientnet_lite0"
