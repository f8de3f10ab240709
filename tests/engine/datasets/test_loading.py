import threading

import pytest
import torch

from engine.datasets.loading import Loader, Pictures
from engine.datasets.pictures import BrokenPicture
from tests.engine.samples import items_of, write_mvtec


def test_batches_hold_what_the_items_say(tmp_path):
    items = items_of(write_mvtec(tmp_path, good=3, defective=4), split="test")
    loader = Loader(items, image_size=96, batch_size=3)
    batches = list(loader)
    assert (len(loader), loader.images, [len(batch) for batch in batches]) == (3, 7, [3, 3, 1])
    assert batches[0].images.shape == (3, 3, 96, 96)
    assert 0 <= float(batches[0].images.min()) <= float(batches[0].images.max()) <= 1
    assert [name for batch in batches for name in batch.names] == [item.name for item in items]
    assert torch.cat([batch.labels for batch in batches]).tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert batches[0].masks is None
    assert batches[1].masks.shape == (3, 1, 96, 96)
    assert all(bool(batch.has_truth.all()) for batch in batches)


def test_the_order_is_the_seeds_and_changes_with_each_pass(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=20), split="train")

    def orders(seed):
        loader = Loader(items, image_size=64, batch_size=8, seed=seed)
        return [[name for batch in loader for name in batch.names] for _ in range(2)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)
    first, second = orders(1)
    assert first != second
    assert sorted(first) == sorted(second)


def test_pictures_beyond_the_memory_are_decoded_again(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=6), split="train")
    none_kept = Loader(items, image_size=64, batch_size=4, pictures=Pictures(image_size=64, memory_mb=0))
    kept = Loader(items, image_size=64, batch_size=4)
    for _ in range(2):
        for one, other in zip(none_kept, kept, strict=True):
            assert torch.equal(one.images, other.images)


def test_leaving_in_mid_pass_leaves_no_thread_behind(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=16), split="train")
    before = threading.active_count()
    for _ in Loader(items, image_size=64, batch_size=2):
        break
    assert threading.active_count() == before


def test_readable_sorts_out_the_broken_and_keeps_a_picture_without_its_broken_mask(tmp_path):
    write_mvtec(tmp_path, train=4, good=1, defective=2)
    (tmp_path / "train/good/001.png").write_bytes(b"no picture")
    (tmp_path / "ground_truth/patch/000_mask.png").write_bytes(b"")
    items = items_of(tmp_path, split="train") + items_of(tmp_path, split="test")
    seen: list[int] = []
    whole, broken = Pictures(image_size=64).readable(items, progress=seen.append)
    assert seen == list(range(1, 8))
    assert set(broken) == {"train/good/001.png", "test/patch/000.png"}
    assert len(whole) == 6
    assert [item.mask is not None for item in whole if item.label == "defective"] == [False, True]


def test_a_picture_that_breaks_later_stops_the_pass(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=4), split="train")
    items[2].path.write_bytes(b"")
    with pytest.raises(BrokenPicture, match=r"train/good/002\.png can no longer be read: the file is empty"):
        list(Loader(items, image_size=64, batch_size=2))
