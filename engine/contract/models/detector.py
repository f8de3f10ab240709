"""What the Params of an anomaly detector say of it: how it learns, the defaults of its paper, what it needs and what it costs."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from engine.contract.backbones import Architecture, architecture
from engine.contract.models.base import Params

Family = Literal["memory", "gradient", "flow", "ensemble"]

ASKED_PIXELS = 224  # at which the cost of networks is counted
LEAST_GMACS = 0.8  # what a lighter network costs: it waits for memory, not for its multiply-adds
UNKNOWN_GMACS = 4.0  # of networks that nobody counted


@dataclass(frozen=True)
class Work:
    """What a training costs depends on this besides the model's own settings.

    fit: good images that it learns from; looked_at: images that the finished model scores.
    """

    image_size: int
    epochs: int
    fit: float
    looked_at: float
    backbone: Architecture | None


@dataclass(frozen=True)
class Cost:
    """gmacs: 10^9 multiply-adds, which all cores share; seconds: what takes its time however many cores there are."""

    gmacs: float = 0.0
    seconds: float = 0.0


class DetectorParams(Params):
    """Hyper-parameters of one anomaly detector. What holds for its whole family stands in families.py."""

    family: ClassVar[Family]
    rank: ClassVar[int] = 1  # its place among those of its family, wherever they are listed
    stages: ClassVar[tuple[str, ...]]  # of a run between loading and calibrating
    most_folds: ClassVar[int] = 1  # of leave_one_out; each costs a whole training
    leaves_one_out: ClassVar[bool] = False  # with few good images, where nobody says how the threshold is set
    holds_back_validation: ClassVar[bool] = False  # good images that tell when to stop learning
    learns_in_epochs: ClassVar[bool] = False  # many good images and passes; else a handful and one pass suffice
    joins_runs: ClassVar[bool] = False  # puts finished runs (`members`) together instead of learning

    default_backbone: ClassVar[str | None] = None
    default_epochs: ClassVar[int] = 1
    default_batch_size: ClassVar[int] = 32
    default_image_size: ClassVar[int] = 256
    blocks_of_twelve: ClassVar[tuple[int, ...]] = ()  # `layers` where the backbone is a grid of 12 blocks
    adapts_backbone: ClassVar[bool] = False  # learns the backbone too; other trainings can take it (backbone_run)
    reconstructs: ClassVar[bool] = False  # the loss comes with PSNR and SSIM of the reconstructed image
    takes_style_mixing: ClassVar[bool] = True  # False where the student sees the image itself, not the features
    # rules of thumb for those who choose a model and wait for it
    needs_weights: ClassVar[bool] = True  # pre-trained ones, without which it finds far less
    needs_gpu: ClassVar[bool] = False  # without one its full training takes hours or days
    good_with_few: ClassVar[bool] = False  # works with a handful of good images
    fast: ClassVar[bool] = False  # made for inspection in real time
    # False where each place is learnt by itself, which shifts would blur, and where the model changes the images itself
    takes_augmentation: ClassVar[bool] = False
    passes_over_augmented: ClassVar[int] = 1  # of the good images, where they are augmented
    own_gmacs: ClassVar[float] = UNKNOWN_GMACS  # of the networks that a model without a backbone brings

    def settle(self, *, epochs: int, threshold_policy: str) -> None:
        """Fill in what follows from the job that this model is part of.

        Raises:
            ValueError: the two do not go together, in words.
        """

    @classmethod
    def without_effect(cls) -> set[str]:
        """Settings that every job has and this model makes no use of."""
        of_backbones = {"backbone", "backbone_run", "weights", "feature_normalisation", "style_mixing"}
        return (set() if cls.default_backbone else of_backbones) | (
            set() if cls.takes_style_mixing else {"style_mixing"}
        )

    @classmethod
    def layers_on(cls, backbone: Architecture) -> list[int] | None:
        """The levels that are used where nobody names any; None where the model has none.

        Those of a grid are given for 12 blocks; in a deeper or flatter one they lie at the same share of its depth.
        """
        if backbone.is_grid and cls.blocks_of_twelve:
            depth = len(backbone.strides)
            return sorted({max(round((block + 1) * depth / 12) - 1, 0) for block in cls.blocks_of_twelve})
        layers = cls.model_fields.get("layers")
        return list(layers.default) if layers else None

    @classmethod
    def default_layers(cls) -> list[int] | None:
        return cls.layers_on(architecture(cls.default_backbone)) if cls.default_backbone else None

    @property
    def learns_labelled(self) -> float:
        """The share of each defect type's labelled images that it learns from."""
        return 0.0

    @property
    def built_on(self) -> list[str]:
        """The finished runs that it puts together, or learns on from."""
        return []

    def forward_gmacs(self, work: Work) -> float:
        """10^9 multiply-adds of one image through the networks."""
        gmacs = work.backbone.gmacs if work.backbone else self.own_gmacs
        return max(gmacs, LEAST_GMACS) * (work.image_size / ASKED_PIXELS) ** 2

    def learning(self, work: Work) -> Cost:
        """What comes on top of one pass of every image through the networks."""
        raise NotImplementedError
