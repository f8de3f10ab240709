"""What each model is and every hyper-parameter it takes, with the defaults of its paper. Loads no torch.

A new model adds its Params class here and to `ModelParams` at the end, and its file in `engine/models/`; nothing else
lists models.
"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from engine.contract.models.base import Params

Family = Literal["memory", "gradient", "flow", "ensemble"]


class DetectorParams(Params):
    """Hyper-parameters of one anomaly detector. The class attributes say which defaults its paper gives, and what it needs."""

    family: ClassVar[Family]
    default_backbone: ClassVar[str | None] = None
    default_epochs: ClassVar[int] = 1
    default_batch_size: ClassVar[int] = 32
    default_image_size: ClassVar[int] = 256
    transformer_layers: ClassVar[list[int] | None] = None  # `layers` where the backbone is a transformer of 12 blocks
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
    passes_per_epoch: ClassVar[float] = (
        3.0  # what an image costs in an epoch, in passes of the backbone or own networks
    )


Layers = Annotated[
    list[Annotated[int, Field(ge=0, le=47)]],
    Field(
        min_length=1,
        max_length=12,
        description="backbone levels used; level i has stride 2^(i+1): 1 is 1/4, 2 is 1/8, 3 is 1/16 of the input. "
        "Of a transformer: its blocks, counted from 0",
    ),
]
Schedule = Annotated[
    Literal["none", "cosine", "plateau"], Field(description="how the learning rate falls over the epochs")
]
Patience = Annotated[
    int,
    Field(
        ge=0,
        le=1000,
        description="epochs without a better validation loss before training stops early; 0 is never",
    ),
]
LearningRate = Annotated[float, Field(gt=0, le=10, description="step size of the optimiser")]
WeightDecay = Annotated[float, Field(ge=0, le=1, description="decay of the weights in the optimiser")]
Neighbours = Annotated[int, Field(ge=1, le=50, description="nearest entries of the memory that are looked at")]
TextureFolder = Annotated[
    str | None,
    Field(
        max_length=500,
        description="folder of texture pictures to make synthetic defects from; empty takes procedural textures",
    ),
]
BlurSigma = Annotated[
    float, Field(ge=0, le=32, description="Gaussian smoothing of the anomaly map, in pixels of the input; 0 is none")
]


def _has_a_middle(size: int) -> int:
    """An even window has no middle cell: the grid would grow by one cell."""
    if size % 2 == 0:
        raise PydanticCustomError("odd", "take an odd number: {expected}", {"expected": "1, 3, 5, 7 or 9"})
    return size


PatchSize = Annotated[
    int,
    Field(ge=1, le=9, description="patches are averaged over patch_size x patch_size cells; an odd number"),
    AfterValidator(_has_a_middle),
]


class PatchCoreParams(DetectorParams):
    name: Literal["patchcore"] = "patchcore"
    title = "PatchCore"
    family = "memory"
    paper = (
        "Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022, https://arxiv.org/abs/2106.08265"
    )
    summary = "keeps typical patches of good images and scores by distance to the nearest; strong first choice, trains in one pass"
    default_backbone = "wide_resnet50_2"
    transformer_layers = [5, 8]
    takes_augmentation = True

    layers: Layers = [2, 3]
    coreset_ratio: float = Field(
        default=0.02, gt=0, le=1, description="share of the collected patches kept in the memory bank"
    )
    num_neighbours: int = Field(
        default=9, ge=1, le=50, description="nearest bank entries that weigh the image score; 1 is no weighting"
    )
    patch_size: PatchSize = 3
    blur_sigma: BlurSigma = 4.0


class PadimParams(DetectorParams):
    name: Literal["padim"] = "padim"
    title = "PaDiM"
    family = "memory"
    paper = "Defard et al., PaDiM: a Patch Distribution Modeling Framework, ICPR 2021, https://arxiv.org/abs/2011.08785"
    summary = "one Gaussian per image position; fast, small, best when every part lies in the same place"
    default_backbone = "resnet18"
    transformer_layers = [3, 7, 11]
    good_with_few = True

    layers: Layers = [1, 2, 3]
    num_features: int = Field(
        default=100,
        ge=8,
        le=1000,
        description="randomly chosen feature channels; the paper takes 100 for resnet18, 550 for wide_resnet50_2",
    )
    regularisation: float = Field(default=0.01, gt=0, le=1, description="added to the diagonal of each covariance")
    blur_sigma: BlurSigma = 4.0


class AutoencoderParams(DetectorParams):
    name: Literal["autoencoder"] = "autoencoder"
    title = "Autoencoder"
    family = "gradient"
    paper = (
        "Bergmann et al., Improving Unsupervised Defect Segmentation by Applying Structural Similarity to Autoencoders, "
        "VISAPP 2019, https://arxiv.org/abs/1807.02011"
    )
    summary = "learns to redraw good images; what it cannot redraw is suspicious. A baseline that needs no pre-trained weights"
    default_epochs = 200
    default_image_size = 128
    default_batch_size = 32
    reconstructs = True
    needs_weights = False
    takes_augmentation = True

    latent_channels: int = Field(default=100, ge=4, le=1024, description="size of the bottleneck")
    base_channels: int = Field(default=32, ge=4, le=128, description="channels of the first convolution")
    ssim_weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of the structural-similarity loss; the rest is the mean squared error",
    )
    learning_rate: float = Field(default=2e-4, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    schedule: Schedule = "none"
    patience: Patience = 20
    blur_sigma: BlurSigma = 2.0


class StfpmParams(DetectorParams):
    name: Literal["stfpm"] = "stfpm"
    title = "STFPM"
    family = "gradient"
    paper = "Wang et al., Student-Teacher Feature Pyramid Matching for Anomaly Detection, BMVC 2021, https://arxiv.org/abs/2103.04257"
    summary = "a student network imitates a pre-trained teacher on good images; where it fails to, something is new"
    default_backbone = "resnet18"
    default_epochs = 100
    transformer_layers = [3, 7, 11]
    takes_style_mixing = False
    takes_augmentation = True

    layers: Layers = [1, 2, 3]
    learning_rate: float = Field(default=0.4, gt=0, le=10, description="of SGD")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(default=1e-4, ge=0, le=0.1, description="of SGD")
    schedule: Schedule = "none"
    patience: Patience = 10
    blur_sigma: BlurSigma = 0.0


class FastFlowParams(DetectorParams):
    name: Literal["fastflow"] = "fastflow"
    title = "FastFlow"
    family = "flow"
    paper = "Yu et al., FastFlow: Unsupervised Anomaly Detection and Localization via 2D Normalizing Flows, 2021, https://arxiv.org/abs/2111.07677"
    summary = "learns the likelihood of features of good images; quick at inspection, slow to train without a GPU"
    default_backbone = "resnet18"
    default_epochs = 500
    transformer_layers = [7]
    needs_gpu = True
    fast = True
    passes_per_epoch = 4.0

    layers: Layers = [1, 2, 3]
    flow_steps: int = Field(default=8, ge=1, le=32, description="coupling blocks per level")
    hidden_ratio: float = Field(
        default=1.0, gt=0, le=4, description="width of the coupling networks, relative to their input"
    )
    conv3x3_only: bool = Field(default=False, description="3x3 convolutions throughout, instead of 3x3 and 1x1 in turn")
    clamp: float = Field(default=2.0, gt=0, le=10, description="bound of the log scale in a coupling block")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    patience: Patience = 50
    blur_sigma: BlurSigma = 0.0


class SpadeParams(DetectorParams):
    name: Literal["spade"] = "spade"
    title = "SPADE"
    family = "memory"
    paper = "Cohen and Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences, 2020, https://arxiv.org/abs/2005.02357"
    summary = "compares with the most similar good images, place by place; nothing to tune, but keeps every feature"
    default_backbone = "wide_resnet50_2"
    transformer_layers = [5, 8, 11]

    layers: Layers = [1, 2, 3]
    num_images: int = Field(
        default=50, ge=1, le=1000, description="most similar good images a picture is compared with"
    )
    num_neighbours: Neighbours = 1
    blur_sigma: BlurSigma = 4.0


class DfmParams(DetectorParams):
    name: Literal["dfm"] = "dfm"
    title = "DFM"
    family = "memory"
    paper = "Ahuja et al., Probabilistic Modeling of Deep Features for Out-of-Distribution and Adversarial Detection, 2019, https://arxiv.org/abs/1909.11786"
    summary = "a linear model of whole-image features; very small and quick, coarse at showing where"
    default_backbone = "resnet50"
    transformer_layers = [8]

    layers: Layers = [3]
    pooling: int = Field(default=4, ge=1, le=16, description="side of the cells that features are averaged over first")
    variance_kept: float = Field(
        default=0.97, gt=0, lt=1, description="share of the variance that the principal components keep"
    )
    score: Literal["residual", "likelihood"] = Field(
        default="residual",
        description="residual: what the principal components cannot express; likelihood: how rare the components' values are",
    )
    blur_sigma: BlurSigma = 4.0


class SubspaceParams(DetectorParams):
    name: Literal["subspace"] = "subspace"
    title = "Subspace"
    family = "memory"
    paper = "Lendering et al., SubspaceAD: Training-Free Few-Shot Anomaly Detection via Subspace Modeling, CVPR 2026, https://arxiv.org/abs/2602.23013"
    summary = "principal components of good patches; what they cannot express is suspicious. Needs few images, fits in seconds"
    default_backbone = "vit_base_patch14_dinov2"
    default_batch_size = 8
    default_image_size = 448
    transformer_layers = [6, 7, 8, 9]
    good_with_few = True
    takes_augmentation = True

    layers: Layers = [2, 3]
    variance_kept: float = Field(
        default=0.9, gt=0, lt=1, description="share of the variance that the principal components keep"
    )
    patch_size: PatchSize = 3
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest patch scores that its score is the mean of"
    )
    blur_sigma: BlurSigma = 4.0


class DinoBankParams(DetectorParams):
    name: Literal["dino_bank"] = "dino_bank"
    title = "DINO bank"
    family = "memory"
    paper = "Damm et al., AnomalyDINO: Boosting Patch-based Few-shot Anomaly Detection with DINOv2, WACV 2025, https://arxiv.org/abs/2405.14529"
    summary = "memory of transformer patches from several blocks, aware of position, on overlapping tiles; strong with few images"
    default_backbone = "vit_small_patch14_dinov2"
    default_batch_size = 8
    default_image_size = 448
    transformer_layers = [5, 8, 11]
    takes_augmentation = True

    layers: Layers = [2, 3]
    coreset_ratio: float = Field(
        default=0.1, gt=0, le=1, description="share of the collected patches kept in the memory bank"
    )
    num_neighbours: Neighbours = 1
    position_weight: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="how much the place counts beside the look; 0 compares with patches of any place, for parts that always lie alike take 0.2 or more",
    )
    tiles: int = Field(
        default=1,
        ge=1,
        le=6,
        description="tiles along each side, seen one by one at full backbone resolution; 1 is the whole image",
    )
    tile_overlap: float = Field(
        default=0.25, ge=0, le=0.5, description="share of a tile that it has in common with the next"
    )
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest patch scores that its score is the mean of"
    )
    blur_sigma: BlurSigma = 4.0


class DraemParams(DetectorParams):
    name: Literal["draem"] = "draem"
    title = "DRAEM"
    family = "gradient"
    paper = "Zavrtanik et al., DRAEM: A Discriminatively Trained Reconstruction Embedding for Surface Anomaly Detection, ICCV 2021, https://arxiv.org/abs/2108.07610"
    summary = "learns to repair and to mark synthetic defects; needs no pre-trained weights, but a long training"
    default_epochs = 700
    default_batch_size = 8
    reconstructs = True
    needs_weights = False
    needs_gpu = True

    base_channels: int = Field(default=128, ge=8, le=256, description="channels of the repairing network's first level")
    marking_channels: int = Field(default=64, ge=8, le=128, description="channels of the marking network's first level")
    ssim_weight: float = Field(
        default=1.0, ge=0, le=10, description="weight of the structural-similarity loss beside the squared error"
    )
    focal_gamma: float = Field(default=2.0, ge=0, le=5, description="how much the marking loss leans to hard pixels")
    defect_share: float = Field(
        default=0.5, ge=0.1, le=1, description="share of the training images that get a synthetic defect"
    )
    texture_folder: TextureFolder = None
    learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 0.0
    patience: Patience = 0
    blur_sigma: BlurSigma = 0.0


class EfficientAdParams(DetectorParams):
    name: Literal["efficientad"] = "efficientad"
    title = "EfficientAD"
    family = "gradient"
    paper = "Batzner et al., EfficientAD: Accurate Visual Anomaly Detection at Millisecond-Level Latencies, WACV 2024, https://arxiv.org/abs/2303.14535"
    summary = "small student, teacher and autoencoder; the fastest at inspection, slow to train without a GPU"
    default_backbone = "wide_resnet101_2"
    default_epochs = 300
    default_batch_size = 1
    transformer_layers = [5, 8]
    takes_style_mixing = False
    needs_gpu = True
    fast = True

    size: Literal["small", "medium"] = Field(
        default="small", description="of the networks: small is quicker, medium a little finer"
    )
    layers: Layers = [2, 3]
    teacher_channels: int = Field(default=384, ge=16, le=1024, description="features of the teacher at each place")
    teacher_steps: int = Field(
        default=2000,
        ge=1,
        le=100000,
        description="steps in which the small teacher learns to imitate the backbone, before the training",
    )
    hard_quantile: float = Field(
        default=0.999, ge=0, lt=1, description="only distances above this quantile are learnt from"
    )
    penalty_weight: float = Field(
        default=1.0, ge=0, le=10, description="of the loss that keeps the student from imitating on other pictures"
    )
    penalty_folder: str | None = Field(
        default=None,
        max_length=500,
        description="folder of other pictures, which the student must not learn to imitate the teacher on; empty takes procedural textures",
    )
    learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 1e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 0.0


class ReverseDistillationParams(DetectorParams):
    name: Literal["reverse_distillation"] = "reverse_distillation"
    title = "Reverse Distillation"
    family = "gradient"
    paper = "Deng and Li, Anomaly Detection via Reverse Distillation from One-Class Embedding, CVPR 2022, https://arxiv.org/abs/2201.10703"
    summary = "rebuilds the backbone's features from a narrow summary of them; strong and sharp after a medium training"
    default_backbone = "wide_resnet50_2"
    default_epochs = 200
    default_batch_size = 16
    transformer_layers = [3, 6, 9]
    needs_gpu = True
    takes_augmentation = True
    passes_per_epoch = 4.0

    layers: Layers = [1, 2, 3]
    combine: Literal["add", "multiply"] = Field(
        default="add", description="how the maps of the levels are put together"
    )
    learning_rate: LearningRate = 5e-3
    weight_decay: WeightDecay = 0.0
    patience: Patience = 20
    blur_sigma: BlurSigma = 4.0


class DinomalyParams(DetectorParams):
    name: Literal["dinomaly"] = "dinomaly"
    title = "Dinomaly"
    family = "gradient"
    paper = "Guo et al., Dinomaly: The Less Is More Philosophy in Multi-Class Unsupervised Anomaly Detection, CVPR 2025, https://arxiv.org/abs/2405.14325"
    summary = (
        "a transformer decoder rebuilds DINOv2 features; the most accurate where its weights and a GPU are at hand"
    )
    default_backbone = "vit_base_patch14_reg4_dinov2"
    default_epochs = 400
    default_batch_size = 16
    default_image_size = 448
    transformer_layers = [2, 3, 4, 5, 6, 7, 8, 9]
    needs_gpu = True
    takes_augmentation = True

    layers: Layers = [2, 3]
    decoder_blocks: int = Field(default=8, ge=1, le=16, description="linear-attention blocks of the decoder")
    num_groups: int = Field(
        default=2, ge=1, le=8, description="groups that the levels are averaged in before they are compared"
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="noise of the bottleneck")
    discard_share: float = Field(
        default=0.9, ge=0, lt=1, description="share of well-rebuilt places whose gradient is damped in the end"
    )
    discard_steps: int = Field(default=1000, ge=1, le=100000, description="steps until that share is reached")
    discard_factor: float = Field(default=0.1, ge=0, le=1, description="what is left of the gradient at those places")
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest pixel scores that its score is the mean of"
    )
    learning_rate: LearningRate = 2e-3
    weight_decay: WeightDecay = 1e-4
    warmup_steps: int = Field(default=100, ge=0, le=10000, description="steps in which the learning rate rises")
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0


class SuperSimpleNetParams(DetectorParams):
    name: Literal["supersimplenet"] = "supersimplenet"
    title = "SuperSimpleNet"
    family = "gradient"
    paper = "Rolih et al., SuperSimpleNet: Unifying Unsupervised and Supervised Learning for Fast and Reliable Surface Defect Detection, ICPR 2024, https://arxiv.org/abs/2408.03143"
    summary = (
        "learns from noise laid over the features, and from labelled defects where there are some; quick and accurate"
    )
    default_backbone = "wide_resnet50_2"
    default_epochs = 300
    default_batch_size = 32
    transformer_layers = [5, 8]
    takes_augmentation = True
    passes_per_epoch = 1.0

    layers: Layers = [2, 3]
    labelled_share: float = Field(
        default=0.0,
        ge=0,
        le=0.8,
        description="share of each defect type's labelled images that is learnt from and no longer tested with; 0 learns from good images alone",
    )
    upscale: Literal[1, 2] = Field(
        default=2,
        description="how much the grid of the finest level is enlarged: 2 marks finer, 1 learns four times as fast",
    )
    noise_std: float = Field(
        default=0.12,
        gt=0,
        le=1,
        description="strength of the noise laid over features, as a share of their own deviation",
    )
    perlin_threshold: float = Field(
        default=0.2, ge=0, le=1, description="height above which Perlin noise counts as defect; lower marks more"
    )
    patch_size: PatchSize = 3
    learning_rate: LearningRate = 2e-4
    adaptor_learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 1e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0


class CutPasteParams(DetectorParams):
    name: Literal["cutpaste"] = "cutpaste"
    title = "CutPaste"
    family = "gradient"
    paper = "Li et al., CutPaste: Self-Supervised Learning for Anomaly Detection and Localization, CVPR 2021, https://arxiv.org/abs/2104.04015"
    summary = "adapts a backbone to your pictures by telling cut-and-pasted ones apart; other trainings can then use that backbone"
    default_backbone = "resnet18"
    default_epochs = 256
    default_batch_size = 32
    transformer_layers = [11]
    adapts_backbone = True
    needs_gpu = True
    passes_per_epoch = 9.0

    layers: Layers = [2, 3, 4]
    variants: Literal["two", "three"] = Field(
        default="three", description="three also tells narrow scars from patches, two does not"
    )
    frozen_epochs: int = Field(
        default=20, ge=0, le=1000, description="first epochs in which only the new layers learn, not the backbone"
    )
    learning_rate: LearningRate = 0.03
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: WeightDecay = 3e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0


class CFlowParams(DetectorParams):
    name: Literal["cflow"] = "cflow"
    title = "CFlow"
    family = "flow"
    paper = "Gudovskiy et al., CFLOW-AD: Real-Time Unsupervised Anomaly Detection with Localization via Conditional Normalizing Flows, WACV 2022, https://arxiv.org/abs/2107.12571"
    summary = "likelihood of each patch given its place; sharp maps, slow to train without a GPU"
    default_backbone = "wide_resnet50_2"
    default_epochs = 50
    default_batch_size = 4
    transformer_layers = [3, 7, 11]
    needs_gpu = True
    passes_per_epoch = 5.0

    layers: Layers = [2, 3, 4]
    coupling_blocks: int = Field(default=8, ge=1, le=32, description="coupling blocks per level")
    condition_size: int = Field(
        default=128, ge=8, le=512, multiple_of=4, description="length of the code that tells a patch's place"
    )
    hidden_ratio: float = Field(
        default=2.0, gt=0, le=4, description="width of the coupling networks, relative to their input"
    )
    clamp: float = Field(default=1.9, gt=0, le=10, description="bound of the log scale in a coupling block")
    patches_per_step: int = Field(default=4096, ge=64, le=65536, description="patches learnt from in one step")
    learning_rate: LearningRate = 5e-4
    weight_decay: WeightDecay = 0.0
    patience: Patience = 10
    blur_sigma: BlurSigma = 0.0


class EnsembleParams(DetectorParams):
    name: Literal["ensemble"] = "ensemble"
    title = "Ensemble"
    family = "ensemble"
    paper = "Vovk and Wang, Combining p-values via averaging, Biometrika 2020, https://arxiv.org/abs/1212.4966"
    summary = "puts two to four finished models of the same data together; steadier than each of them"
    default_batch_size = 8
    needs_weights = False

    members: list[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]] = Field(
        min_length=2,
        max_length=4,
        description="the finished runs whose models are put together: 2 to 4, of the same data set and split",
    )
    combine: Literal["p_values", "ranks"] = Field(
        default="p_values",
        description="p_values: how rare each score is among held-out good images; ranks: its rank among them alone, for very few images",
    )


ModelParams = Annotated[
    PatchCoreParams
    | PadimParams
    | SpadeParams
    | DfmParams
    | SubspaceParams
    | DinoBankParams
    | AutoencoderParams
    | StfpmParams
    | ReverseDistillationParams
    | EfficientAdParams
    | SuperSimpleNetParams
    | DinomalyParams
    | DraemParams
    | CutPasteParams
    | FastFlowParams
    | CFlowParams
    | EnsembleParams,
    Field(discriminator="name"),
]
MODELS: dict[str, type[DetectorParams]] = {
    cls.model_fields["name"].default: cls for cls in get_args(get_args(ModelParams)[0])
}
