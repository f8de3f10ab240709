"""Under which licence a data set stands, as far as its own files or its unmistakable layout say; never a guess.

A model learnt from data that may not be used commercially may not be either, so it is marked by this. A wrong mark would
do harm both ways: a folder that merely looks like a known data set has no licence here.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.datasets import Item

LICENCE_FILES = ("license", "licence", "license.txt", "licence.txt", "license.md", "licence.md")
MOST_READ = 20_000  # bytes of a licence file
SHORT = re.compile(r"\bCC[ -]BY((?:-(?:NC|SA|ND))*)[ -](\d\.\d)\b", re.IGNORECASE)
LONG = re.compile(r"\bAttribution((?:-(?:NonCommercial|ShareAlike|NoDerivatives))*) (\d\.\d)\b", re.IGNORECASE)
PARTS = {"noncommercial": "NC", "sharealike": "SA", "noderivatives": "ND"}

VISA = "CC BY 4.0"
VISA_OBJECTS = {
    "candle", "capsules", "cashew", "chewinggum", "fryum", "macaroni1", "macaroni2", "pcb1", "pcb2", "pcb3", "pcb4",
    "pipe_fryum",
}  # fmt: skip
MVTEC = "CC BY-NC-SA 4.0"
MVTEC_DEFECTS = {
    "bottle": "broken_large broken_small contamination",
    "cable": "bent_wire cable_swap combined cut_inner_insulation cut_outer_insulation missing_cable missing_wire poke_insulation",
    "capsule": "crack faulty_imprint poke scratch squeeze",
    "carpet": "color cut hole metal_contamination thread",
    "grid": "bent broken glue metal_contamination thread",
    "hazelnut": "crack cut hole print",
    "leather": "color cut fold glue poke",
    "metal_nut": "bent color flip scratch",
    "pill": "color combined contamination crack faulty_imprint pill_type scratch",
    "screw": "manipulated_front scratch_head scratch_neck thread_side thread_top",
    "tile": "crack glue_strip gray_stroke oil rough",
    "toothbrush": "defective",
    "transistor": "bent_lead cut_lead damaged_case misplaced",
    "wood": "color combined hole liquid scratch",
    "zipper": "broken_teeth combined fabric_border fabric_interior rough split_teeth squeezed_teeth",
}
BTAD = "CC BY-NC-SA 4.0"
BTAD_CATEGORIES = {"01", "02", "03"}


def licence_of(
    root: Path, layout: str, items: Sequence[Item], about: Mapping[str, object], *, around: Path | None = None
) -> str | None:
    """What murascope.json says, else a licence file in the root or in `around`, a folder that the root was found in, else
    the layout of a known data set; None if nothing does."""
    stated = about.get("licence", about.get("license"))
    if isinstance(stated, str) and stated.strip():
        return stated.strip()
    return _in_a_file(root) or (_in_a_file(around) if around else None) or _of_known(root, layout, items)


def _in_a_file(root: Path) -> str | None:
    """The first Creative Commons licence that a licence file of the root names."""
    for path in sorted(root.iterdir()):
        if path.name.lower() in LICENCE_FILES and path.is_file() and not path.is_symlink():
            try:
                with path.open("rb") as file:
                    text = " ".join(file.read(MOST_READ).decode("utf-8", "replace").split())
            except OSError:
                continue
            found = SHORT.search(text) or LONG.search(text)
            if found:
                parts = [PARTS.get(part.lower(), part.upper()) for part in found[1].split("-") if part]
                return " ".join(["CC", "-".join(["BY", *parts]), found[2]])
    return None


def _of_known(root: Path, layout: str, items: Sequence[Item]) -> str | None:
    inside = {item.name.split("/")[0] for item in items}
    types: dict[str, set[str]] = {}  # of defects, by category
    for item in items:
        if item.defect_type:
            category, _, kind = item.defect_type.rpartition("/")
            types.setdefault(category or root.name, set()).add(kind)
    if layout == "visa" and (inside <= VISA_OBJECTS or root.name in VISA_OBJECTS):
        return VISA
    if (
        layout == "categories"
        and inside == BTAD_CATEGORIES
        and set(types) <= inside
        and set().union(*types.values()) == {"ko"}
    ):
        return BTAD
    categories = inside if layout == "categories" else {root.name}
    if layout in ("mvtec", "categories") and all(
        types.get(category) == set(MVTEC_DEFECTS.get(category, "").split()) for category in categories
    ):
        return MVTEC
    return None
