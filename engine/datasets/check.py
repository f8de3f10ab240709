"""Looks through a data set before anything is trained on it: decodes every picture and says in facts what is there.

Broken pictures are named and left out of training; only what makes every kind of run impossible, or would learn defects as
good, is a problem.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.contract.data import BrokenFile, DataFacts, Picture
from engine.datasets import Item, UnreadableDataset
from engine.datasets.class_sizes import class_sizes
from engine.datasets.factory import open_dataset
from engine.datasets.fingerprints import contents_of, digest_of, fingerprint
from engine.datasets.left_out import account_for, as_listed
from engine.datasets.names import name_inside
from engine.datasets.needs import problem, unfit_for
from engine.datasets.notices import Seen, notices_of, problems_of
from engine.datasets.sight import Sight, look_at_item

THREADS = 4


def check_dataset(path: Path, *, progress: Callable[[int, int], None] = lambda done, total: None) -> DataFacts:
    """The facts of a data set, after a look at every picture of it.

    Raises:
        UnreadableDataset: there is no such folder, or it says something of itself that cannot be followed.
    """
    dataset = open_dataset(path)
    sights = list(_look_at_all(dataset.items, progress))
    accounts = account_for(dataset)
    pairs = list(zip(dataset.items, sights, strict=True))
    whole = [item for item, sight in pairs if not sight.broken]
    no_truth = sum(sight.mask_is_empty or sight.broken_mask is not None for sight in sights)
    sizes = Counter(sight.size for sight in sights if sight.size)
    pages = {item.path: sight.pages - 1 for item, sight in pairs if sight.pages > 1}
    facts = DataFacts(
        layout=dataset.layout,
        path=str(dataset.path),
        train_good=_count(whole, split="train", label="good"),
        test_good=_count(whole, split="test", label="good"),
        test_defective=_count(whole, split="test", label="defective"),
        test_unknown=_count(whole, split="test", label="unknown"),
        defect_types=dict(sorted(Counter(item.defect_type for item in whole if item.defect_type).items())),
        classes=class_sizes(whole),
        masks=sum(item.mask is not None for item in whole) - no_truth,
        broken=_broken(pairs),
        left_out=as_listed(accounts, root=path, pages=pages),
        files=accounts.used | {"left_out": len(accounts.left_out)},
        sizes=[(*size, count) for size, count in sizes.most_common(5)],
        modes=dict(sorted(Counter(sight.mode for sight in sights if sight.mode).items())),
        fingerprint=fingerprint(dataset.items, [sight.digest for sight in sights]),
        synthetic=dataset.synthetic,
        title=dataset.title,
        licence=dataset.licence,
        groups=len({item.group for item in whole if item.group}) or None,
        images=[_listed(item, root=dataset.path) for item in whole],
    )
    facts = facts.model_copy(update={"unfit": unfit_for(facts)})
    seen = Seen(dataset, pairs, accounts, facts)
    return facts.model_copy(update={"problems": problems_of(seen), "notices": notices_of(seen)})


def no_facts(path: Path, error: UnreadableDataset) -> DataFacts:
    """What a folder gives that cannot be read at all."""
    return DataFacts(
        layout=None,
        path=str(path),
        train_good=0,
        test_good=0,
        test_defective=0,
        test_unknown=0,
        defect_types={},
        masks=0,
        broken=[],
        left_out=[],
        problems=[problem(error.code, error.message, error.hint, **error.values)],
        notices=[],
    )


def _listed(item: Item, *, root: Path) -> Picture:
    mask = name_inside(item.mask, root=root) if item.mask else None
    listed = Picture(
        name=item.name, split=item.part or item.split, label=item.label, defect_type=item.defect_type, mask=mask
    )
    return listed if item.group is None else listed.model_copy(update={"group": item.group})


def _look_at_all(items: list[Item], progress: Callable[[int, int], None]) -> Iterable[Sight]:
    with ThreadPoolExecutor(THREADS) as pool:
        for done, sight in enumerate(pool.map(_look_at, items), start=1):
            progress(done, len(items))
            yield sight


def _look_at(item: Item) -> Sight:
    return look_at_item(item, digest=digest_of(*contents_of(item)))


def _count(items: list[Item], *, split: str, label: str) -> int:
    return sum(item.split == split and item.label == label for item in items)


def _broken(pairs: list[tuple[Item, Sight]]) -> list[BrokenFile]:
    """Pictures that are left out, and masks that are ignored."""
    broken = []
    for item, sight in pairs:
        if sight.broken:
            broken.append(BrokenFile(name=item.name, reason=sight.broken))
        elif sight.broken_mask:
            broken.append(BrokenFile(name=item.name, reason=f"its mask is ignored: {sight.broken_mask}"))
    return broken
