"""MobileNet: small networks of separable convolutions, made for phones."""

from typing import Literal

from engine.contract.classifiers.classifier import ClassifierParams


class MobileNetParams(ClassifierParams):
    name: Literal["mobilenet"] = "mobilenet"
    title = "MobileNet"
    paper = "Sandler et al., MobileNetV2: Inverted Residuals, CVPR 2018, https://arxiv.org/abs/1801.04381"
    summary = "small and quick; the first choice without a GPU, for training and for inspection"
    rank = 3
    default_backbone = "mobilenetv2_100"
    first_choice = True
