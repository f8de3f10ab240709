"""What a check makes of what it saw: problems, which forbid any run, and notices, which a person should know before one."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import get_args

from engine.contract.classes import judged
from engine.contract.data import DataFacts, DataNotice, DataProblem, Part
from engine.contract.jobs import FIRST_KIND
from engine.contract.licences import is_non_commercial
from engine.contract.pictures import BrokenPicture, marked_pixels
from engine.datasets import Dataset, Item
from engine.datasets.factory import assumed_good
from engine.datasets.left_out import Accounts
from engine.datasets.names import (
    GOOD,
    TEST_WORDS,
    is_good,
    means_defect,
    means_test,
    name_inside,
    plain_name,
    written,
)
from engine.datasets.needs import problem
from engine.datasets.needs.detect import least_for_detection, least_for_memory_models
from engine.datasets.sight import Sight
from engine.datasets.tables import HEAD, written_text_of

FEW_GOOD = 25  # 20 % of these set the threshold: 5, which promise no better than every sixth good one called defective
SHOWN = 20  # files, folders or groups that are named
DIM = 8  # 16-bit grey pictures that all stay below an eighth of full white come from a camera of 12 bits or so
LEFT_BY_SYSTEMS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}  # nobody misses them
MOST_MASKS = 0.1  # of the pictures of a class may look like masks


@dataclass(frozen=True)
class Seen:
    """A data set as the check saw it; `facts` are without problems and notices."""

    dataset: Dataset
    pairs: list[tuple[Item, Sight]]
    accounts: Accounts
    facts: DataFacts

    @cached_property
    def whole(self) -> list[tuple[Item, Sight]]:
        return [(item, sight) for item, sight in self.pairs if not sight.broken]

    @cached_property
    def assumed(self) -> set[Path]:
        """Pictures that are taken as good because nothing says otherwise."""
        return {item.path for item, _ in self.whole if assumed_good(item)}

    @cached_property
    def marked_good(self) -> dict[Path, Path]:
        """Masks that mark something on good pictures, and these."""
        return {mask: good for mask, good in self.dataset.masks_of_good.items() if _marks(mask)}

    def names(self, paths: Iterable[Path]) -> str:
        return _first(name_inside(path, root=self.dataset.given.path) for path in paths)

    def folders_of(self, paths: Iterable[Path]) -> str:
        return self.names(dict.fromkeys(path.parent for path in paths))


def problems_of(seen: Seen) -> list[DataProblem]:
    facts = seen.facts
    known = facts.train_good + facts.test_good + facts.test_defective + facts.test_unknown
    if known == 0 and not facts.broken:
        unread = facts.files["left_out"]
        message = "the folder holds no pictures (PNG, JPEG, BMP, TIFF, WEBP)"
        message += f", but {unread} files that are not read" if unread else ""
        return [problem("empty", message, "put good ones into good/", unread=unread)]
    if known == 0:
        message = f"none of the {len(facts.broken)} pictures can be read"
        hint = "open one in another program; copy them again from where they come from, or save them as PNG"
        return [problem("all_broken", message, hint, count=len(facts.broken))]
    unfit = facts.unfit  # where no kind of run can use the data, what the first one says of it
    is_useless = all(unfit.values()) and not _is_only_tested_with(facts)
    return [entry for judge in MISREADINGS for entry in judge(seen)] + (unfit[FIRST_KIND] if is_useless else [])


def _is_only_tested_with(facts: DataFacts) -> bool:
    """Whether good pictures are kept for testing alone: models that learnt elsewhere are measured on such a data set."""
    return facts.train_good == 0 and facts.test_good > 0


def _labels_against_assumption(seen: Seen) -> list[DataProblem]:
    """Pictures are good for want of a folder called good, yet there are labels that somebody gave them."""
    about = {path for labelled in seen.accounts.labels.values() for path in labelled} | set(seen.marked_good.values())
    labelled = about & seen.assumed
    if not labelled:
        return []
    files = [*(file for file, those in seen.accounts.labels.items() if those & seen.assumed), *seen.marked_good]
    names = seen.names(files)
    message = (
        f"{len(labelled)} pictures would be learnt as good, since no folder is called good, but labels lie beside them, which "
        f"are not read: {names}"
    )
    hint = "put the good pictures into good/ and the defective ones into a folder per defect type"
    return [problem("labels_beside_pictures", message, hint, count=len(labelled), names=names)]


def _masks_among_pictures(seen: Seen) -> list[DataProblem]:
    """Pictures of two values where the good ones are photographs: they are masks that no name gives away."""
    if not _good_are_photographs(seen):
        return []
    classes: dict[str, list[tuple[Item, Sight]]] = {}
    for item, sight in seen.whole:
        classes.setdefault(f"{item.split}/{item.defect_type or item.label}", []).append((item, sight))
    found: list[Path] = []
    for pairs in classes.values():
        masks = [item.path for item, sight in pairs if sight.look == "mask"]
        found += masks if len(masks) > max(1, MOST_MASKS * len(pairs)) else []
    if not found:
        return []
    names = seen.folders_of(found)
    message = f"{len(found)} files look like masks, yet would be taken as pictures: they lie in {names}"
    hint = "put masks into ground_truth/ with a folder per defect type, named like their pictures"
    return [problem("masks_among_pictures", message, hint, count=len(found), names=names)]


def _good_are_photographs(seen: Seen) -> bool:
    looks = [sight.look for item, sight in seen.whole if item.label == "good"]
    return looks.count("picture") > len(looks) / 2


def _good_among_defects(seen: Seen) -> list[DataProblem]:
    found = {}
    for item, _ in seen.pairs:
        folders = PurePosixPath(item.name).parts[:-1]
        if item.label == "defective" and any(map(is_good, folders)):
            place = next(i for i, folder in enumerate(folders) if is_good(folder))
            found["/".join(folders[: place + 1])] = item
    if not found:
        return []
    names = _first(sorted(found))
    message = f"{len(found)} folders called good lie inside folders that are read as defect types: {names}"
    hint = "put good and defective pictures side by side, as in test/good and test/scratch"
    return [problem("good_among_defects", message, hint, count=len(found), names=names)]


def _unclear_channels(seen: Seen) -> list[DataProblem]:
    if not seen.dataset.unclear:
        return []
    names = seen.names(dict.fromkeys(seen.dataset.unclear))
    message = (
        "these folders hold files of the same names, of different depth, and nothing tells which are the pictures: "
        f"{names}"
    )
    hint = "call the folder of the pictures rgb or images, or take the others out"
    return [problem("unclear_channels", message, hint, names=names)]


MISREADINGS: list[Callable[[Seen], list[DataProblem]]] = [
    _labels_against_assumption,
    _masks_among_pictures,
    _good_among_defects,
    _unclear_channels,
]


def notices_of(seen: Seen) -> list[DataNotice]:
    return [entry for judge in NOTICES for entry in judge(seen)]


def _on_broken(seen: Seen) -> list[DataNotice]:
    broken = seen.facts.broken
    if not broken:
        return []
    names = ", ".join(entry.name for entry in broken[:SHOWN])
    return [_entry("broken_images", f"{len(broken)} files cannot be read: {names}", count=len(broken), names=names)]


def _on_numbers(seen: Seen) -> list[DataNotice]:
    facts, found = seen.facts, []
    good = facts.train_good
    if 0 < good < FEW_GOOD:
        found.append(_entry("few_images", f"only {good} good pictures: the threshold will be rough", good=good))
    needed = least_for_detection(facts)
    enough_for_some = good >= least_for_memory_models(facts)
    if enough_for_some and good < needed:
        message = f"{good} good pictures are enough for the memory models (PatchCore, PaDiM and their like) alone; the other models need {needed}"
        found.append(_entry("memory_models_only", message, good=good, needed=needed))
    return found


def _on_assumed_good(seen: Seen) -> list[DataNotice]:
    if not seen.assumed:
        return []
    count, names = len(seen.assumed), seen.folders_of(sorted(seen.assumed))
    message = f"no folder is called good: the {count} pictures that lie in none are taken as good (in {names})"
    return [_entry("assumed_good", message, count=count, names=names)]


def _on_names(seen: Seen) -> list[DataNotice]:
    """Names of folders that say another thing than what is made of them."""
    found = []
    given, *looked_through = seen.dataset.around or ("",)
    lost = [name for name in looked_through if means_test(name)] + [given] * (plain_name(given) in TEST_WORDS)
    if lost and seen.dataset.layout == "folder" and seen.facts.train_good:
        names = _first(map(written, lost))
        message = f"all pictures lie in a folder called {names}: its good ones are learnt from"
        found.append(_entry("learnt_from_test", message, names=names))
    kinds = {item.defect_type.rpartition("/")[2] for item, _ in seen.pairs if item.defect_type}
    if doubtful := sorted(kind for kind in kinds if not means_defect(kind) and set(plain_name(kind).split("_")) & GOOD):
        names = _first(doubtful)
        message = f"{len(doubtful)} folders are read as defect types, though their names may mean good: {names}"
        found.append(_entry("perhaps_good", message, count=len(doubtful), names=names))
    if seen.dataset.alike:
        names = seen.names(seen.dataset.alike)
        message = (
            f"pictures named after other pictures beside or around them are taken as pictures of their own: in {names}"
        )
        found.append(_entry("named_alike", message, count=len(seen.dataset.alike), names=names))
    if unknown := [item.path for item, _ in seen.whole if item.label == "unknown"]:
        names = seen.folders_of(unknown)
        message = f"{len(unknown)} pictures lie in no folder of a class: they are scored, but nobody knows what they are ({names})"
        found.append(_entry("unknown_pictures", message, count=len(unknown), names=names))
    return found


def _on_labels(seen: Seen) -> list[DataNotice]:
    files = [*seen.accounts.labels, *seen.marked_good]
    if not files:
        return []
    names = seen.names(files)
    message = (
        f"{len(files)} files of labels lie beside the pictures and are not read: {names}. "
        "What is good and what is defective is told by the folders alone"
    )
    return [_entry("labels_beside_pictures", message, count=len(files), names=names)]


def _on_what_is_measured(seen: Seen) -> list[DataNotice]:
    facts, found = seen.facts, []
    unpaired = seen.accounts.of("unpaired_mask")
    if unpaired:
        names = seen.folders_of(unpaired)
        message = f"{len(unpaired)} masks fit no picture and are not used: they lie in {names}"
        found.append(_entry("unpaired_masks", message, count=len(unpaired), names=names))
    masks, defective = facts.masks, facts.test_defective
    if not defective:
        found.append(_entry("no_defects", "no defective pictures: it cannot be measured how many defects are found"))
    elif not masks and _is_all_read(seen) and not _masks_among_pictures(seen):
        found.append(_entry("no_masks", "no masks: it cannot be measured how well defects are located"))
    elif masks < defective:
        message = f"{masks} of {defective} defective pictures have a mask"
        found.append(_entry("some_masks", message, masks=masks, defective=defective))
    if _is_only_tested_with(facts):
        message = "there are no good pictures to learn from: models that learnt from other data can be tested with it"
        found.append(_entry("only_tested_with", message))
    if facts.train_good and not facts.test_good:
        message = "no good pictures are kept for testing: some of the good ones are held out"
        found.append(_entry("no_test_good", message))
    return found


def _is_learnt(item: Item) -> bool:
    """Whether something is learnt from it: by detection from good pictures, by classification from all that lie in train."""
    return "train" in (item.split, item.part)


def _is_all_read(seen: Seen) -> bool:
    """Whether nothing is left out, and no mask is broken or empty, that could be a mask of a picture."""
    left = (path for path, reason in seen.accounts.left_out.items() if reason != "ending" or _is_binary(path))
    return not any(not _is_clutter(path, seen) for path in left) and not any(item.mask for item, _ in seen.pairs)


def _on_masks(seen: Seen) -> list[DataNotice]:
    said = {
        "mask_size": ("mask_fits", False, "{} masks differ in size from their picture and are stretched"),
        "empty_masks": (
            "mask_is_empty",
            True,
            "{} masks mark nothing: their defective pictures count as ones without a mask",
        ),
        "mask_nearly_full": (
            "mask_is_nearly_full",
            True,
            "{} masks mark nearly the whole picture, or all along its border: black must be good and white defective, so they may be inverted, or their ground coloured",
        ),
        "mask_not_two_valued": (
            "mask_is_two_valued",
            False,
            "{} masks have more than two values: all that is not black is taken as defective",
        ),
        "mask_turned": ("mask_is_turned", True, "{} masks lie across their photograph and are turned as EXIF turns it"),
        "mask_may_lie_otherwise": (
            "mask_may_lie_otherwise",
            True,
            "EXIF turns {} photographs whose masks fit turned and not turned: the masks are taken as they are",
        ),
    }
    found = []
    for code, (fact, notable, message) in said.items():
        items = [item for item, sight in seen.whole if item.mask and getattr(sight, fact) == notable]
        if items:
            kinds = _first(sorted({item.defect_type or "" for item in items}))
            found.append(_entry(code, message.format(len(items)) + f" ({kinds})", count=len(items), names=kinds))
    return found


def _on_pixels(seen: Seen) -> list[DataNotice]:
    found = []
    sights = [sight for _, sight in seen.pairs]
    shapes = {round(sight.size[0] / sight.size[1], 1) for sight in sights if sight.size}
    if len(shapes) > 1:
        message = "the pictures differ in shape (width to height) and are all made square"
        found.append(_entry("mixed_shapes", message))
    highest = [sight.highest for sight in sights if sight.highest is not None]
    if highest and max(highest) < 2**16 // DIM:
        message = (
            f"the 16-bit pictures use values up to {max(highest)} of 65535 only, and so are dark; "
            "normalisation 'image' makes up for it"
        )
        found.append(_entry("dim_16_bit", message, highest=max(highest)))
    depths = {label: sorted({s.bits for i, s in seen.whole if i.label == label}) for label in ("good", "defective")}
    if depths["good"] and depths["defective"] and depths["good"] != depths["defective"]:
        good, defective = (" and ".join(map(str, depths[label])) for label in ("good", "defective"))
        message = f"good pictures have {good} bits, defective ones {defective}: a model may learn the depth instead of the defects"
        found.append(_entry("depth_differs", message, good=good, defective=defective))
    paged = [(item, sight.pages - 1) for item, sight in seen.whole if sight.pages > 1]
    if paged:
        names = _first(item.name for item, _ in paged)
        message = f"{len(paged)} files hold more than one page, of which the first alone is read: {names}"
        found.append(_entry("more_pages", message, count=len(paged), names=names))
    return found


def _on_twins(seen: Seen) -> list[DataNotice]:
    """The same pixels more than once: learnt from and tested with, or called good and defective."""
    twins: dict[bytes, list[Item]] = {}
    for item, sight in seen.whole:
        twins.setdefault(sight.content, []).append(item)
    found = []
    several = [items for items in twins.values() if len(items) > 1]
    across = [items for items in several if len({_is_learnt(item) for item in items}) == 2]
    if across:
        tested = [item for items in across for item in items if not _is_learnt(item)]
        names = _first(item.name for item in tested)
        message = (
            f"{len(tested)} test pictures are learnt from, too, as the same pixels lie among the good ones: {names}"
        )
        found.append(_entry("twins_across_splits", message, count=len(tested), names=names))
    labels = [items for items in several if {"good", "defective"} <= {item.label for item in items}]
    if labels:
        names = "; ".join(" = ".join(item.name for item in items[:3]) for items in labels[:SHOWN])
        message = f"{len(labels)} pictures are called both good and defective: {names}"
        found.append(_entry("twins_across_labels", message, count=len(labels), names=names))
    within = [items for items in several if {(item.split, item.label) for item in items} == {("train", "good")}]
    if within and not seen.facts.test_good:
        names = "; ".join(" = ".join(item.name for item in items[:3]) for items in within[:SHOWN])
        message = f"{len(within)} good pictures are there more than once, and may be both learnt from and tested with: {names}"
        found.append(_entry("twins_among_good", message, count=len(within), names=names))
    return found


def _on_left_out(seen: Seen) -> list[DataNotice]:
    found = []
    unread = seen.accounts.of("unread_folder")
    if pictures := [path for path in unread if not _is_clutter(path, seen)]:
        names = seen.folders_of(pictures)
        message = f"{len(pictures)} pictures lie in folders that the layout does not read: {names}"
        found.append(_entry("unread_folders", message, count=len(pictures), names=names))
    endings = [path for path in seen.accounts.of("ending") if not _is_clutter(path, seen) and _is_binary(path)]
    if endings:
        names = _first(sorted({written(path.suffix.lower()) or written(path.name) for path in endings}))
        message = f"{len(endings)} files are of a kind that is not read: {names}"
        found.append(_entry("unread_endings", message, count=len(endings), names=names))
    for reason, code, message in (
        (
            "link",
            "links_left_out",
            "{} links lead out of the data set, to a folder or nowhere, and are not followed: {}",
        ),
        (
            "side_channel",
            "side_channels",
            "{} files show the pictures in another way, such as their depth, and are not read: {}",
        ),
    ):
        if paths := seen.accounts.of(reason):  # type: ignore[arg-type]
            names = seen.names(paths) if reason == "link" else seen.folders_of(paths)
            found.append(_entry(code, message.format(len(paths), names), count=len(paths), names=names))
    if closed := [folder.path for folder in seen.dataset.given.walk() if folder.unreadable]:
        names = seen.names(closed)
        message = f"{len(closed)} folders may not be listed, and what lies in them is not known: {names}"
        found.append(_entry("closed_folders", message, count=len(closed), names=names))
    return found


def _is_clutter(path: Path, seen: Seen) -> bool:
    """What systems leave in folders, and hidden files: nobody misses them."""
    parts = path.relative_to(seen.dataset.given.path).parts
    return parts[-1].lower() in LEFT_BY_SYSTEMS or any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _is_binary(path: Path) -> bool:
    return written_text_of(path, most=HEAD) is None


def _on_licence(seen: Seen) -> list[DataNotice]:
    licence = seen.facts.licence
    if not licence or not is_non_commercial(licence):
        return []
    message = f"the licence {licence} forbids commercial use, of models learnt from the pictures too"
    return [_entry("licence_non_commercial", message, licence=licence)]


def _on_groups(seen: Seen) -> list[DataNotice]:
    """Groups on both sides make a test look better than it is. Where it is split here, they are kept together."""
    sides = [
        {item.group for item, _ in seen.whole if item.group and _is_learnt(item) == learnt} for learnt in (True, False)
    ]
    shared = sorted(name for name in sides[0] & sides[1] if name)
    if not shared:
        return []
    names = ", ".join(shared[:SHOWN])
    message = f"{len(shared)} groups have pictures both to learn from and to test with: {names}"
    return [_entry("group_leak", message, count=len(shared), names=names)]


def _on_given_split(seen: Seen) -> list[DataNotice]:
    """Who tells classes apart keeps to the parts that the data set makes itself."""
    if not judged(seen.facts.classes or {}, include_good=True).given:
        return []
    counts = Counter(item.part for item, _ in seen.whole if item.label != "unknown")
    values = {part: counts[part] for part in get_args(Part)}
    parts = ", ".join(f"{count} pictures in {part}" for part, count in values.items() if count)
    message = f"the data set is split by its own folders, which a classification keeps to: {parts}"
    return [_entry("given_split", message, **values)]


def _on_disputed(seen: Seen) -> list[DataNotice]:
    disputed = seen.dataset.disputed_masks
    if not disputed:
        return []
    names = _first(name_inside(mask, root=seen.dataset.path) for mask in disputed)
    message = (
        f"{len(disputed)} masks are named like several pictures and used for none: {names}; "
        "put them into a folder per type"
    )
    return [_entry("disputed_masks", message, count=len(disputed), names=names)]


def _on_folders_in_good(seen: Seen) -> list[DataNotice]:
    """Somebody may have sorted defective pictures into the folder good, by kind."""
    inside: set[str] = set()
    for item, _ in seen.whole:
        folders = PurePosixPath(item.name).parts[:-1]
        first = next((i for i, folder in enumerate(folders) if is_good(folder)), len(folders))
        if item.label == "good" and len(folders) > first + 1:
            inside.add("/".join(folders[: first + 2]))
    if not inside:
        return []
    names = ", ".join(sorted(inside)[:SHOWN])
    message = f"the pictures of {len(inside)} folders inside good ones are taken as good: {names}"
    return [_entry("folders_in_good", message, count=len(inside), names=names)]


NOTICES: list[Callable[[Seen], list[DataNotice]]] = [
    _on_broken,
    _on_labels,
    _on_left_out,
    _on_twins,
    _on_numbers,
    _on_assumed_good,
    _on_names,
    _on_what_is_measured,
    _on_masks,
    _on_pixels,
    _on_licence,
    _on_groups,
    _on_given_split,
    _on_disputed,
    _on_folders_in_good,
]


def _marks(mask: Path) -> bool:
    try:
        return bool(marked_pixels(mask).any())
    except BrokenPicture:
        return False


def _first(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:SHOWN])


def _entry(code: str, message: str, **values: str | int) -> DataNotice:
    return DataNotice(code=code, message=message, values=values)
