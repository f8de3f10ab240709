"""The pictures of one folder as items: what belongs to them is told apart first."""

from engine.contract.data import Part
from engine.datasets import Item, Label, Reading, Split
from engine.datasets.masks import MaskFolders
from engine.datasets.names import name_inside
from engine.datasets.series import sort_out
from engine.datasets.tree import Folder


def read_pictures(
    reading: Reading,
    folder: Folder,
    *,
    root: Folder,
    split: Split,
    label: Label,
    defect_type: str | None = None,
    masks: MaskFolders | None = None,
    of_class: Folder | None = None,
    part: Part | None = None,
    deep: bool = True,
) -> None:
    """Add the pictures of a folder to a reading, those of the folders below too when `deep`.

    Only defective pictures get masks: from beside them, else from where `masks` looks for those of the class, which the folder
    is, or is a `part` of.
    """
    series = sort_out(folder, deep=deep)
    reading.beside.update(dict.fromkeys(series.unpaired, "unpaired_mask"))
    reading.beside.update(dict.fromkeys(series.channels, "side_channel"))
    reading.unclear += series.unclear
    reading.alike += series.alike
    for picture in series.pictures:
        mask = series.masks.get(picture)
        if mask is None and masks is not None:
            mask = masks.mask_of(picture, of_class or folder)
        if mask is not None and label == "good":
            reading.masks_of_good[mask] = picture
        elif mask is not None and label == "unknown":
            reading.beside[mask] = "unpaired_mask"
        mask = mask if label == "defective" else None
        name = name_inside(picture, root=root.path)
        reading.items.append(
            Item(path=picture, name=name, split=split, label=label, defect_type=defect_type, mask=mask, part=part)
        )
