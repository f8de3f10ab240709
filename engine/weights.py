"""Where a backbone's weights come from: an adapted backbone, the weights folder, timm's hub, or nowhere (random ones).

What was taken is recorded: where it was found, the weight tag, the licence, and for an adapted backbone what it was adapted on.
"""

import difflib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import engine.torchvision_import  # noqa: F401  (must come before timm)

import timm  # isort: skip
from safetensors import SafetensorError, safe_open

from engine.contract.backbones import PINNED_TAGS
from engine.contract.checksums import refuse_damage
from engine.contract.folder import RunFolder
from engine.contract.hub import answers, hub_address
from engine.contract.jobs import read_job
from engine.contract.joining import why_no_backbone


@dataclass(frozen=True)
class Weights:
    """Where a backbone's weights come from. `source` is "local file NAME", "hub", "random" or "run ID".

    `lineage`: what an adapted backbone was adapted on, oldest first: {"run": ..., "data": ..., "fingerprint": ..., "learnt": ...,
    "licence": ...}; learnt holds the hashes of the pictures, as engine/tasks/detect/learnt_before.py makes them.
    """

    source: str
    tag: str | None = None
    licence: str | None = None
    file: Path | None = None
    lineage: tuple[dict[str, Any], ...] = field(default=())

    @property
    def is_adapted(self) -> bool:
        return bool(self.lineage)


def find_weights(name: str, *, weights: str, folder: Path | None, hub: bool) -> Weights:
    """Decide where the weights come from: the folder, the hub, or random.

    Raises:
        LookupError: unknown architecture, or weights="pretrained" and neither folder nor hub has them.
        ValueError: the weights file is damaged.
    """
    architecture, tag = known(name)
    if weights == "random":
        return Weights("random")
    local = _local_file(architecture, tag, folder)
    if local is not None:
        found = local.name.removeprefix(architecture).removesuffix(".safetensors").strip(".") or tag
        return Weights(f"local file {local.name}", found or None, _licence(architecture, found, local), local)
    config = timm.get_pretrained_cfg(f"{architecture}.{tag}" if tag else architecture)
    if hub and config is not None and config.has_weights and _hub_reachable(config):
        return Weights("hub", config.tag or tag, config.license)
    if weights == "auto":
        return Weights("random")
    raise LookupError(_how_to_bring_them(name, architecture, tag, folder, hub))


def adapted_weights(file: Path, name: str) -> Weights:
    """The weights of a backbone that a run adapted, from the file that `adapted_facts` describes.

    Raises:
        ValueError: the file is damaged, or holds another architecture than that of `name`.
    """
    facts = _facts_of(file)
    held, wanted = facts.get("architecture"), known(name)[0]
    lineage = tuple(json.loads(facts.get("lineage", "[]")))
    if held is None or not lineage:
        raise ValueError(f"{file} is no adapted backbone: it does not say what it was adapted on; take another run")
    if held != wanted:
        raise ValueError(
            f"run {lineage[-1]['run']!r} adapted the backbone {held!r}, but backbone is {name!r}; "
            f"take backbone={held}, or another backbone_run"
        )
    return Weights(
        f"run {lineage[-1]['run']}", facts.get("tag") or None, facts.get("license") or None, file, lineage=lineage
    )


def adapted_facts(name: str, weights: Weights, *, adapted_on: dict[str, Any] | None) -> dict[str, str]:
    """What stands in an adapted backbone's file; `adapted_on` is added to the lineage where this run adapted it."""
    lineage = [*weights.lineage, *([adapted_on] if adapted_on else [])]
    return {
        "architecture": known(name)[0],
        "tag": weights.tag or "",
        "license": weights.licence or "",
        "lineage": json.dumps(lineage, ensure_ascii=False, allow_nan=False),
    }


def adapted_file(run: str, runs: Path | None, *, wanted: str) -> Path:
    """The adapted backbone of the run `run`, a folder in `runs`, for a training on the architecture `wanted`.

    Raises:
        LookupError: no such run, it has not finished, or it holds no backbone of its own or another one.
        ValueError: a file of its model is damaged.
    """
    if runs is None:
        raise LookupError(f"backbone_run is {run!r}, but the folder that holds the runs is not known here")
    folder = runs / run
    if not RunFolder(folder).spec.is_file():
        near = difflib.get_close_matches(run, sorted(path.name for path in _adapting(runs)), n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"backbone_run is {run!r}, but there is no such run{hint} (have: {_have(runs)})")
    if not RunFolder(folder).model.card.is_file():
        raise LookupError(
            f"backbone_run is {run!r}, but that run has not finished: it has no model yet; wait for its end, "
            f"or take a finished one (have: {_have(runs)})"
        )
    file = RunFolder(folder).model.backbone
    job = read_job(RunFolder(folder).spec.read_bytes())
    if why := why_no_backbone(run, job, has_backbone=file.is_file(), wanted=wanted):
        raise LookupError(f"backbone_run is {run!r}: {why.message} (have: {_have(runs)})")
    refuse_damage(file.parent)
    return file


def known(name: str) -> tuple[str, str]:
    """Architecture and weight tag ("" for timm's default) of a timm name.

    Raises:
        LookupError: timm has no such architecture.
    """
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=3)
        hint = f", did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise LookupError(
            f"unknown backbone {name!r}{hint} (any timm architecture with feature levels or blocks is allowed)"
        )
    return architecture, tag or PINNED_TAGS.get(architecture, "")


def full_name(architecture: str, tag: str | None) -> str:
    """As timm knows the weights; without the tag where that is not one of timm's."""
    return f"{architecture}.{tag}" if tag and _is_tag(architecture, tag) else architecture


def _adapting(runs: Path) -> list[Path]:
    return sorted(run for run in runs.glob("*") if RunFolder(run).model.backbone.exists())


def _have(runs: Path) -> str:
    return ", ".join(folder.name for folder in _adapting(runs)) or "none"


def _local_file(architecture: str, tag: str, folder: Path | None) -> Path | None:
    """The file of the wanted tag, else the one without a tag, else the first with any other."""
    if folder is None or not folder.is_dir():
        return None
    exact = [folder / f"{architecture}.{tag}.safetensors", folder / f"{architecture}.safetensors"]
    others = sorted(folder.glob(f"{architecture}.*.safetensors"))
    return next((file for file in (*exact, *others) if file.is_file()), None)


def _licence(architecture: str, tag: str, file: Path) -> str | None:
    """What the file says itself, else what timm knows of the tag, else None: whoever brought the file knows."""
    written = _facts_of(file).get("license")
    if written or not _is_tag(architecture, tag):
        return written
    config = timm.get_pretrained_cfg(f"{architecture}.{tag}")
    return config.license if config else None


def _facts_of(file: Path) -> dict[str, str]:
    try:
        with safe_open(file, framework="pt") as opened:
            return dict(opened.metadata() or {})
    except SafetensorError as error:
        raise ValueError(f"the weights file {file} is damaged: {error}; bring it over again") from None


def _is_tag(architecture: str, tag: str) -> bool:
    return f"{architecture}.{tag}" in timm.list_pretrained(f"{architecture}.*")


def _hub_reachable(config: Any) -> bool:
    return answers(hub_address() if config.hf_hub_id else config.url)


def _how_to_bring_them(name: str, architecture: str, tag: str, folder: Path | None, hub: bool) -> str:
    looked = f"none in {folder}" if folder else "no weights folder is set (MURASCOPE_WEIGHTS)"
    where = f"into {folder}" if folder else "into a folder and name that in MURASCOPE_WEIGHTS"
    wanted = f"{architecture}.{tag}" if tag else architecture
    no_hub = "cannot be reached" if hub else "is switched off"
    return (
        f"no pre-trained weights for {name!r}: {looked}, and the hub {no_hub}. "
        f"On a machine with a network, download model.safetensors of {wanted} (huggingface.co/timm), name it "
        f"{wanted}.safetensors and put it {where}; or take weights=random"
    )
