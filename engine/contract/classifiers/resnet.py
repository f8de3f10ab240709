"""ResNet: residual blocks of plain convolutions."""

from typing import Literal

from engine.contract.classifiers.classifier import ClassifierParams


class ResNetParams(ClassifierParams):
    name: Literal["resnet"] = "resnet"
    title = "ResNet"
    paper = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385"
    summary = "the usual network of convolutions; a sound first choice on a GPU, and well understood"
    rank = 1
    default_backbone = "resnet18"
