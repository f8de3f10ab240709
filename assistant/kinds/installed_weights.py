"""Which weights lie on this machine and which models use them, which are missing for a model's usual network, and how to bring those."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.kinds import kind_names, kind_of
from assistant.kinds.weights import local_backbones, where_are_weights
from assistant.settings import Settings
from engine.contract.backbones import hub_name
from engine.contract.jobs import KINDS

HUB = "https://huggingface.co"  # where weights are fetched by hand, on a machine with a network


@dataclass(frozen=True)
class WeightsHere:
    """A file in the weights folder. `usual_of` and `instead_in` are titles of models: it is their usual network, or takes its place."""

    file: str
    architecture: str
    tag: str | None
    size: int  # bytes
    usual_of: list[str]
    instead_in: list[str]


@dataclass(frozen=True)
class WeightsMissing:
    """A usual network of models whose weights are not in the folder. `file` is what it must be called there, `address` where it can be
    fetched; `taken` is what a plan takes now; `source` where that network itself would come from."""

    architecture: str
    file: str
    address: str | None
    models: list[str]
    taken: str
    source: Literal["cache", "hub", "none"]


@dataclass(frozen=True)
class InstalledWeights:
    folder: str
    here: list[WeightsHere]
    missing: list[WeightsMissing]


def installed_weights(settings: Settings) -> InstalledWeights:
    """A look at folders, and where no weights are here one at the hub; it may wait for the network."""
    models = _models(settings)
    here = local_backbones(settings)
    files = sorted(settings.weights_folder.glob("*.safetensors")) if here else []
    return InstalledWeights(
        folder=str(settings.weights_folder),
        here=[_here(file, models) for file in files if file.name.partition(".")[0] in here],
        missing=[
            _missing(settings, usual, models)
            for usual in dict.fromkeys(each.usual for each in models)
            if usual not in here
        ],
    )


@dataclass(frozen=True)
class _Model:
    """A model, the network it usually takes, and the one that a plan takes now."""

    title: str
    usual: str
    now: str


def _models(settings: Settings) -> list[_Model]:
    return [
        _Model(params.title, usual=usual, now=kind_of(kind).backbone_for(settings, name, {}) or usual)
        for kind in kind_names()
        for name, params in KINDS[kind].models().items()
        if (usual := getattr(params, "default_backbone", None))
    ]


def _here(file: Path, models: Sequence[_Model]) -> WeightsHere:
    architecture, _, tag = file.stem.partition(".")
    return WeightsHere(
        file=file.name,
        architecture=architecture,
        tag=tag or None,
        size=file.stat().st_size,
        usual_of=[each.title for each in models if each.usual == architecture],
        instead_in=[each.title for each in models if each.now == architecture != each.usual],
    )


def _missing(settings: Settings, usual: str, models: Sequence[_Model]) -> WeightsMissing:
    of_it = [each for each in models if each.usual == usual]
    where, full = where_are_weights(settings, usual), hub_name(usual)
    return WeightsMissing(
        architecture=usual,
        file=f"{full or usual}.safetensors",
        address=f"{HUB}/timm/{full}/resolve/main/model.safetensors" if full else None,
        models=[each.title for each in of_it],
        taken=of_it[0].now,
        source="none" if where == "local" else where,
    )
