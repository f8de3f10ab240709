"""Looks through a data set before anything is trained on it: decodes every picture and says in facts what is there.

Broken pictures are named and left out of training; only what makes training impossible is a problem.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from engine.datasets import Dataset, Item
from engine.datasets.factory import open_dataset
from engine.datasets.fingerprints import contents_of, digest_of, fingerprint
from engine.datasets.folders import is_good, name_inside
from engine.datasets.licences import is_non_commercial
from engine.datasets.pictures import BrokenPicture, marked_pixels, open_picture
from engine.datasets.splits import least_good
from engine.spec import TrainSpec

THREADS = 4
FEW_GOOD = 25  # 20 % of these set the threshold: 5, which promise no better than every sixth good one called defective
SHOWN = 20  # broken pictures, or groups, that are named
DIM = 8  # 16-bit grey pictures that all stay below an eighth of full white come from a camera of 12 bits or so


@dataclass(frozen=True)
class _Look:
    """What one picture is like; broken is the reason why it, or its mask, cannot be read."""

    size: tuple[int, int] | None = None
    mode: str | None = None
    broken: str | None = None
    broken_mask: str | None = None
    mask_fits: bool = True
    mask_is_empty: bool = False
    highest: int | None = None  # value of a 16-bit grey picture
    digest: bytes = b""


def check_dataset(path: Path, *, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Facts of the data set, as JSON types. `problems` are fatal, `notices` are worth knowing.

    Raises:
        LookupError: there is no such folder.
    """
    dataset = open_dataset(path)
    looks = list(_look_at_all(dataset.items, progress))
    whole = [item for item, look in zip(dataset.items, looks, strict=True) if not look.broken]
    no_truth = sum(look.mask_is_empty or look.broken_mask is not None for look in looks)
    sizes = Counter(look.size for look in looks if look.size)
    facts: dict[str, Any] = {
        "layout": dataset.layout,
        "path": str(dataset.path),
        "train_good": _count(whole, split="train", label="good"),
        "test_good": _count(whole, split="test", label="good"),
        "test_defective": _count(whole, split="test", label="defective"),
        "test_unknown": _count(whole, split="test", label="unknown"),
        "defect_types": dict(sorted(Counter(item.defect_type for item in whole if item.defect_type).items())),
        "masks": sum(item.mask is not None for item in whole) - no_truth,
        "broken": _broken(dataset.items, looks),
        "sizes": [[*size, count] for size, count in sizes.most_common(5)],
        "modes": dict(sorted(Counter(look.mode for look in looks if look.mode).items())),
        "fingerprint": fingerprint(dataset.items, [look.digest for look in looks]),
        "synthetic": dataset.synthetic,
        "title": dataset.title,
        "licence": dataset.licence,
        "groups": len({item.group for item in whole if item.group}) or None,
        "images": [_listed(item, root=dataset.path) for item in whole],
    }
    facts["problems"] = _problems(facts)
    facts["notices"] = _notices(facts, looks) + _on_groups(whole) + _on_disputed(dataset) + _on_folders_in_good(whole)
    return facts


def _listed(item: Item, *, root: Path) -> dict[str, str | None]:
    """A picture as the data set's page lists it; paths are relative to the data set's folder."""
    mask = name_inside(item.mask, root=root) if item.mask else None
    return {"name": item.name, "split": item.split, "label": item.label, "defect_type": item.defect_type, "mask": mask}


def _look_at_all(items: list[Item], progress: Callable[[int, int], None]) -> Iterable[_Look]:
    with ThreadPoolExecutor(THREADS) as pool:
        for done, look in enumerate(pool.map(_look_at, items), start=1):
            progress(done, len(items))
            yield look


def _look_at(item: Item) -> _Look:
    digest = digest_of(*contents_of(item))
    try:
        image = open_picture(item.path)
    except BrokenPicture as error:
        return _Look(broken=str(error), digest=digest)
    broken_mask, fits, is_empty = None, True, False
    if item.mask is not None:
        try:
            marked = marked_pixels(item.mask)
            fits, is_empty = marked.shape == (image.height, image.width), not marked.any()
        except BrokenPicture as error:
            broken_mask = str(error)
    highest = int(np.asarray(image).max()) if image.mode.startswith("I") else None
    return _Look(
        size=image.size,
        mode=image.mode,
        broken_mask=broken_mask,
        mask_fits=fits,
        mask_is_empty=is_empty,
        highest=highest,
        digest=digest,
    )


def _count(items: list[Item], *, split: str, label: str) -> int:
    return sum(item.split == split and item.label == label for item in items)


def _broken(items: list[Item], looks: list[_Look]) -> list[dict[str, str]]:
    """Pictures that are left out, and masks that are ignored."""
    broken = []
    for item, look in zip(items, looks, strict=True):
        if look.broken:
            broken.append({"name": item.name, "reason": look.broken})
        elif look.broken_mask:
            broken.append({"name": item.name, "reason": f"its mask is ignored: {look.broken_mask}"})
    return broken


def _problems(facts: dict[str, Any]) -> list[dict[str, str]]:
    known = facts["train_good"] + facts["test_good"] + facts["test_defective"] + facts["test_unknown"]
    if known == 0 and not facts["broken"]:
        message = "the folder holds no pictures (PNG, JPEG, BMP, TIFF, WEBP); put good ones into good/"
        return [_problem("empty", message)]
    if known == 0:
        return [_problem("all_broken", f"none of the {len(facts['broken'])} pictures can be read")]
    if facts["train_good"] == 0:
        return [_problem("no_good", "there are no good pictures to learn from; put them into good/ or train/good/")]
    needed = _least_good(facts, validation_share=0.0)
    if facts["train_good"] < needed:
        message = f"{facts['train_good']} good pictures are too few to learn from; {needed} are needed, 20 or more are a start"
        return [_problem("too_few_good", message)]
    return []


def _least_good(facts: dict[str, Any], *, validation_share: float) -> int:
    """What a training with default settings needs; memory models hold no pictures back for validation."""
    return least_good(
        calibration_share=_default("calibration_share"),
        validation_share=validation_share,
        has_own_test=facts["test_good"] > 0,
    )


def _default(share: str) -> float:
    default: float = TrainSpec.model_fields[share].default
    return default


def _notices(facts: dict[str, Any], looks: list[_Look]) -> list[dict[str, Any]]:
    notices = []
    broken, good, defective = facts["broken"], facts["train_good"], facts["test_defective"]
    if broken:
        names = ", ".join(entry["name"] for entry in broken[:SHOWN])
        message = f"{len(broken)} files cannot be read: {names}"
        notices.append(_notice("broken_images", message, count=len(broken), names=names))
    if 0 < good < FEW_GOOD:
        notices.append(_notice("few_images", f"only {good} good pictures: the threshold will be rough", good=good))
    needed = _least_good(facts, validation_share=_default("validation_share"))
    if 0 < good < needed and not facts["problems"]:
        message = f"{good} good pictures are enough for the memory models (PatchCore, PaDiM and their like) alone; the other models need {needed}"
        notices.append(_notice("memory_models_only", message, good=good, needed=needed))
    at_top = sum("/" not in image["name"] and image["split"] == "train" for image in facts["images"])
    if at_top:
        message = f"no folder is called good: the {at_top} pictures that lie in none are taken as good"
        notices.append(_notice("assumed_good", message, count=at_top))
    if not defective:
        notices.append(_notice("no_defects", "no defective pictures: it cannot be measured how many defects are found"))
    elif not facts["masks"]:
        notices.append(_notice("no_masks", "no masks: it cannot be measured how well defects are located"))
    elif facts["masks"] < defective:
        message = f"{facts['masks']} of {defective} defective pictures have a mask"
        notices.append(_notice("some_masks", message, masks=facts["masks"], defective=defective))
    if good and not facts["test_good"]:
        message = "no good pictures are kept for testing: some of the good ones are held out"
        notices.append(_notice("no_test_good", message))
    misfits = sum(not look.mask_fits for look in looks)
    if misfits:
        message = f"{misfits} masks differ in size from their picture and are stretched"
        notices.append(_notice("mask_size", message, count=misfits))
    empty = sum(look.mask_is_empty for look in looks)
    if empty:
        message = f"{empty} masks mark nothing: their defective pictures count as ones without a mask"
        notices.append(_notice("empty_masks", message, count=empty))
    shapes = {round(look.size[0] / look.size[1], 1) for look in looks if look.size}
    if len(shapes) > 1:
        message = "the pictures differ in shape (width to height) and are all made square"
        notices.append(_notice("mixed_shapes", message))
    highest = [look.highest for look in looks if look.highest is not None]
    if highest and max(highest) < 2**16 // DIM:
        message = (
            f"the 16-bit pictures use values up to {max(highest)} of 65535 only, and so are dark; "
            "normalisation 'image' makes up for it"
        )
        notices.append(_notice("dim_16_bit", message, highest=max(highest)))
    if facts["licence"] and is_non_commercial(facts["licence"]):
        message = f"the licence {facts['licence']} forbids commercial use, of models learnt from the pictures too"
        notices.append(_notice("licence_non_commercial", message, licence=facts["licence"]))
    return notices


def _on_groups(items: list[Item]) -> list[dict[str, Any]]:
    """Groups on both sides make a test look better than it is. Where it is split here, they are kept together."""
    sides = [{item.group for item in items if item.group and item.split == split} for split in ("train", "test")]
    shared = sorted(name for name in sides[0] & sides[1] if name)
    if not shared:
        return []
    names = ", ".join(shared[:SHOWN])
    message = f"{len(shared)} groups have pictures both to learn from and to test with: {names}"
    return [_notice("group_leak", message, count=len(shared), names=names)]


def _on_disputed(dataset: Dataset) -> list[dict[str, Any]]:
    if not dataset.disputed_masks:
        return []
    names = ", ".join(name_inside(mask, root=dataset.path) for mask in dataset.disputed_masks[:SHOWN])
    message = (
        f"{len(dataset.disputed_masks)} masks are named like pictures of several defect types and used for none: {names}; "
        "put them into a folder per type"
    )
    return [_notice("disputed_masks", message, count=len(dataset.disputed_masks), names=names)]


def _on_folders_in_good(items: list[Item]) -> list[dict[str, Any]]:
    """Somebody may have sorted defective pictures into the folder good, by kind."""
    inside: set[str] = set()
    for item in items:
        folders = PurePosixPath(item.name).parts[:-1]
        first = next((i for i, folder in enumerate(folders) if is_good(Path(folder))), len(folders))
        if item.label == "good" and len(folders) > first + 1:
            inside.add("/".join(folders[: first + 2]))
    if not inside:
        return []
    names = ", ".join(sorted(inside)[:SHOWN])
    message = f"the pictures of {len(inside)} folders inside good ones are taken as good: {names}"
    return [_notice("folders_in_good", message, count=len(inside), names=names)]


def _problem(code: str, message: str) -> dict[str, str]:
    return {"code": code, "message": message}


def _notice(code: str, message: str, **values: str | int) -> dict[str, Any]:
    return {"code": code, "message": message, "values": values}
