"""ViT: a transformer over patches of the image."""

from typing import Literal

from engine.contract.classifiers.classifier import ClassifierParams, LayerDecay


class ViTParams(ClassifierParams):
    name: Literal["vit"] = "vit"
    title = "ViT"
    paper = "Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021, https://arxiv.org/abs/2010.11929"
    summary = "a transformer; sees the whole picture at once, wants a GPU and good pre-trained weights"
    rank = 5
    default_backbone = "vit_small_patch16_224"
    needs_gpu = True

    layer_decay: LayerDecay = 0.75
