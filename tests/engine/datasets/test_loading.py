import threading

import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.pictures import BrokenPicture
from engine.datasets.loading import Loader, Pictures
from engine.datasets.synthetic.blending import Synthesis
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


def test_a_defective_picture_whose_mask_marks_nothing_has_no_truth(tmp_path):
    items = items_of(write_mvtec(tmp_path, good=0, defective=3), split="test")
    Image.new("L", (64, 64)).save(tmp_path / "ground_truth/patch/001_mask.png")
    (batch,) = Loader(items, image_size=64, batch_size=3)
    assert batch.has_truth.tolist() == [True, False, True]
    whole, broken = Pictures(image_size=64).readable(items)
    assert ([item.mask is None for item in whole], broken) == ([False, True, False], {})


def test_a_picture_that_breaks_later_stops_the_pass(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=4), split="train")
    items[2].path.write_bytes(b"")
    with pytest.raises(BrokenPicture, match=r"train/good/002\.png can no longer be read: the file is empty"):
        list(Loader(items, image_size=64, batch_size=2))


def augmented(items, **settings):
    return Loader(items, image_size=64, batch_size=4, augmentation="strong", synthesis=Synthesis(share=0.5), **settings)


def same(one, other):
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for a, b in zip(one, other, strict=True)
        for name in ("images", "synthetic", "synthetic_masks")
    )


def test_the_seed_decides_augmentation_and_defects_whatever_the_threads_do(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=13), split="train")
    assert same(list(augmented(items, seed=1)), list(augmented(items, seed=1)))
    assert not same(list(augmented(items, seed=1)), list(augmented(items, seed=2)))


def test_another_seed_changes_a_picture_in_another_way(tmp_path):
    one = items_of(write_mvtec(tmp_path, train=1), split="train")  # a single picture has no order

    def drawn(seed: int) -> torch.Tensor:
        return next(iter(Loader(one, image_size=32, batch_size=1, seed=seed, augmentation="light"))).images

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_a_loader_goes_on_at_the_pass_where_another_stopped(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=9), split="train")
    first, second = augmented(items, seed=1), augmented(items, seed=1)
    passes = [list(first) for _ in range(3)]
    second.passes = 2
    assert same(passes[2], list(second))
    assert not same(passes[1], passes[2])


def test_without_a_seed_every_pass_is_the_same(tmp_path):
    loader = augmented(items_of(write_mvtec(tmp_path, train=5), split="train"))
    assert same(list(loader), list(loader))


def test_what_an_image_becomes_does_not_depend_on_the_batch_size(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=7), split="train")
    whole = {}
    for size in (2, 7):
        loader = Loader(items, image_size=64, batch_size=size, seed=3, augmentation="strong", synthesis=Synthesis())
        batches = list(loader)
        whole[size] = [torch.cat([getattr(batch, name) for batch in batches]) for name in ("images", "synthetic")]
    assert all(torch.equal(one, other) for one, other in zip(whole[2], whole[7], strict=True))


def test_twins_are_marked_and_images_are_the_good_ones(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=8), split="train")
    batch = next(iter(Loader(items, image_size=64, batch_size=8, synthesis=Synthesis())))
    assert batch.augmented is False
    assert torch.equal(batch.images, next(iter(Loader(items, image_size=64, batch_size=8))).images)
    changed = (batch.synthetic != batch.images).any(dim=1, keepdim=True)
    assert batch.synthetic_masks.shape == (8, 1, 64, 64)
    assert (changed & (batch.synthetic_masks == 0)).sum() == 0
    assert all(mask.any() for mask in batch.synthetic_masks)


def test_an_image_that_is_defective_already_is_its_own_twin(tmp_path):
    items = [item for item in items_of(write_mvtec(tmp_path), split="test") if item.label == "defective"]
    batch = next(iter(augmented(items, seed=0)))
    assert batch.augmented is True
    assert torch.equal(batch.synthetic, batch.images)
    assert torch.equal(batch.synthetic_masks, batch.masks)
    moved = batch.images[0].mean(dim=0)[batch.masks[0, 0] > 0].mean()
    assert abs(float(moved - batch.images[0].mean())) > 0.1  # the mask still lies on the patch


def test_a_reader_may_be_in_inference_mode(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=5), split="train")
    with torch.inference_mode():
        inside = list(augmented(items, seed=0))
    assert same(inside, list(augmented(items, seed=0)))


def test_plain_gives_the_items_as_they_are(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=6), split="train")
    plain = augmented(items, seed=5).plain()
    expected = Loader(items, image_size=64, batch_size=4)
    for one, other in zip(plain, expected, strict=True):
        assert one.names == other.names
        assert torch.equal(one.images, other.images)
        assert (one.augmented, one.synthetic) == (False, None)


def test_sixteen_bits_reach_the_tensor(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=2), split="train")
    steps = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
    Image.fromarray(steps).save(items[0].path)
    deep, shallow = next(iter(Loader(items, image_size=64, batch_size=2))).images
    assert len(deep.unique()) == 64 * 64
    assert torch.allclose(deep[0] * 65535, torch.from_numpy(steps.astype(np.float32)), atol=0.01)
    assert len(shallow.unique()) <= 256


def test_moving_a_batch_takes_everything_along(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=4), split="train")
    batch = next(iter(augmented(items, seed=0))).to("meta")
    assert {batch.images.device.type, batch.labels.device.type, batch.synthetic.device.type} == {"meta"}
    assert batch.synthetic_masks.device.type == "meta"
    assert batch.augmented is True


def test_an_unknown_augmentation_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown augmentation 'heavy'"):
        Loader([], image_size=64, batch_size=4, augmentation="heavy")
