"""EfficientAD: the paper's networks, its losses by hand, what the teacher learns, its map and what is random in it."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.models.efficientad import EfficientAdParams
from engine.datasets import Item
from engine.datasets.loading import Batch, Loader
from engine.layers.distillation import described, distil
from engine.layers.other_pictures import OtherPictures
from engine.layers.patch_description import DescriptionAutoencoder, PatchDescription
from engine.models.efficientad import EfficientAd, hard_loss, recoloured
from engine.report import silent
from tests.engine.samples import items_of, write_mvtec


def efficientad(image_size=64, **settings):
    backbone = Backbone("mobilenetv2_100", layers=[2, 3], weights="random")
    torch.manual_seed(3)
    params = EfficientAdParams(**{"teacher_channels": 16, "teacher_steps": 2, **settings})
    return EfficientAd(params, backbone, image_size=image_size).eval()


def batch(number, size=64):
    images = torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.zeros(number).long(), None, [f"{i}.png" for i in range(number)])


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = write_mvtec(tmp_path_factory.mktemp("data"), train=6, good=1, defective=1)
    return Loader(items_of(folder, split="train"), image_size=64, batch_size=2)


@pytest.mark.parametrize(
    ("size", "shapes"),
    [
        ("small", [(128, 3, 4), (256, 128, 4), (256, 256, 3), (384, 256, 4)]),
        ("medium", [(256, 3, 4), (512, 256, 4), (512, 512, 1), (512, 512, 3), (384, 512, 4), (384, 384, 1)]),
    ],
)
def test_the_teacher_is_the_papers_table(size, shapes):
    with torch.device("meta"):
        network = PatchDescription(size, 384)
        found = [tuple(p.shape[:3]) for p in network.parameters() if p.dim() == 4]
        assert network(torch.empty(1, 3, 256, 256))[0].shape == (1, 384, 56, 56)
    assert found == shapes


def test_a_place_describes_33_by_33_pixels():
    network, image = PatchDescription("small", 16), torch.rand(1, 3, 64, 64, requires_grad=True)
    network(image)[0][0, :, 3, 3].sum().backward()
    seen = image.grad[0].abs().sum(dim=0) > 0
    assert seen.any(dim=1).sum() == seen.any(dim=0).sum() == 33


@pytest.mark.parametrize("image_size", [64, 96, 256])
def test_the_autoencoder_describes_the_same_places_through_64_numbers(image_size):
    autoencoder, images = DescriptionAutoencoder(16, image_size=image_size), torch.rand(1, 3, image_size, image_size)
    assert autoencoder.encoder(images).shape == (1, 64, 1, 1)
    assert autoencoder(images).shape == PatchDescription("small", 16)(images)[0].shape


@pytest.mark.parametrize("quantile", [0.0, 0.9, 0.999])
def test_the_hard_loss_is_the_mean_above_each_images_own_quantile(quantile):
    squared = torch.rand(3, 7, 11, 13) * torch.tensor([1.0, 5.0, 0.1]).view(3, 1, 1, 1)
    expected = []
    for one in squared:
        limit = np.quantile(one.numpy(), quantile)
        expected.append(one[one >= limit].mean())
    torch.testing.assert_close(hard_loss(squared, quantile=quantile), torch.stack(expected).mean())


def test_the_loss_of_one_pass_equals_that_of_the_papers_separate_passes():
    model, images = efficientad(penalty_weight=0.5, hard_quantile=0.9), batch(2)
    torch.manual_seed(7)
    with torch.no_grad():
        found = model.train_step(images)["loss"]
    torch.manual_seed(7)
    changed, others = recoloured(images.images), model.others.take(2, grey_share=0.3)
    view = model._view
    with torch.no_grad():
        teacher, teacher_changed = model.teacher(view(images.images))[0], model.teacher(view(changed))[0]
        drawn = model.autoencoder(view(changed))
        expected = hard_loss((teacher - model.student(view(images.images))[0]).square(), quantile=0.9)
        expected += 0.5 * model.student(view(others))[0].square().mean()
        expected += functional.mse_loss(drawn, teacher_changed)
        expected += functional.mse_loss(model.student(view(changed))[1], drawn)
    torch.testing.assert_close(found, expected)


def test_the_teacher_learns_what_the_backbone_says(good):
    backbone = Backbone("mobilenetv2_100", layers=[2, 3], weights="random")
    torch.manual_seed(0)
    teacher, events = PatchDescription("small", 16), []
    others = OtherPictures(None, image_size=64, seed=0, setting="penalty_folder")
    images = torch.cat([one.images for one in good] + [others.take(6, grey_share=0.1)])
    wanted = described(images, backbone, channels=16)

    def agreement():
        with torch.no_grad():
            given = teacher(backbone.normalise(images))[0]
        pairs = torch.stack([given.transpose(0, 1).flatten(1), wanted.transpose(0, 1).flatten(1)])
        return torch.stack([torch.corrcoef(pairs[:, c])[0, 1] for c in range(16)]).mean()

    before = agreement()
    distil(teacher, backbone, good, others, view=backbone.normalise, channels=16, steps=30, report=events.append)
    assert agreement() > before + 0.3
    taught = [event.done for event in events if isinstance(event, Fitting) and event.what == "teacher"]
    assert taught == list(range(1, 31))
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_the_networks_take_good_images_at_mean_0_and_deviation_1_whatever_their_contrast(good):
    model = efficientad()
    model.prepare(good, lambda event: None)
    found = torch.cat([model._view(one.images) for one in good])
    assert found.mean().abs() < 1e-4
    assert abs(found.std() - 1) < 1e-3


def test_on_good_images_the_teachers_channels_have_mean_0_and_deviation_1(good):
    model = efficientad()
    model.prepare(good, lambda event: None)
    found = torch.cat([model._teach(one.images) for one in good]).transpose(0, 1).flatten(1)
    torch.testing.assert_close(found.mean(dim=1), torch.zeros(16), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(dim=1), torch.ones(16), atol=0.05, rtol=0)


def test_the_quantiles_of_good_maps_become_0_and_a_tenth(good):
    model = efficientad()
    model.finish(good, None, lambda event: None)
    for which, (low, high) in enumerate(model.quantiles):
        values = torch.cat([model._maps(one)[which].flatten() for one in good]).numpy()
        assert math.isclose(low, np.quantile(values, 0.9, method="nearest"), rel_tol=1e-5)
        assert math.isclose(high, np.quantile(values, 0.995, method="nearest"), rel_tol=1e-5)


def test_a_defect_at_the_very_edge_shows():
    model, images = efficientad(), batch(1)
    model.quantiles.copy_(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    found = model.predict_step(images).anomaly_map
    assert found[0, 0, 0, 0] == found[0, 0, 8, 8] > 0


def test_good_images_without_any_variation_leave_scores_that_can_be_read(tmp_path):
    for number in range(4):
        Image.new("RGB", (64, 64), (90, 90, 90)).save(tmp_path / f"{number}.png")
    plain = Loader(
        [Item(path, path.name, "train", "good") for path in tmp_path.glob("*.png")], image_size=64, batch_size=2
    )
    model = efficientad()
    model.prepare(plain, silent)
    model.finish(plain, None, silent)
    assert model.predict_step(next(iter(plain))).pred_score.abs().max() < 100
    assert model.predict_step(batch(1)).pred_score.abs().max() < 1e11


def test_only_student_and_autoencoder_learn_and_all_but_the_backbone_is_saved():
    model = efficientad().train()
    model.train_step(batch(1))["loss"].backward()
    learning = {id(p) for part in (model.student, model.autoencoder) for p in part.parameters()}
    assert {id(p) for p in model.parameters_to_train()} == learning
    assert all(p.grad is not None for p in model.parameters_to_train())
    kinds = {name.partition(".")[0] for name in model.state_to_save()}
    measured = {"input_mean", "input_deviation", "teacher_mean", "teacher_deviation", "quantiles"}
    assert kinds == {"teacher", "student", "autoencoder"} | measured


def test_validation_repeats_itself():
    model = efficientad()
    assert model.validate_step(batch(2))["loss"] == model.validate_step(batch(2))["loss"]


def test_the_rate_falls_after_95_percent_of_the_steps():
    recipe, rates = efficientad().recipe(epochs=10, steps_per_epoch=10), []
    for _ in range(100):
        rates.append(recipe.optimiser.param_groups[0]["lr"])
        recipe.optimiser.step()
        recipe.schedule.step()
    assert recipe.every == "step"
    assert [rates[i] for i in (0, 94, 95, 99)] == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])


def test_recolouring_changes_brightness_contrast_or_saturation_by_a_fifth_at_most():
    images = torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
    torch.manual_seed(0)
    changed = recoloured(images)
    assert (changed - images).abs().amax(dim=(1, 2, 3)).max() <= 0.2
    ratio = changed / images
    brighter = ratio.amax(dim=(1, 2, 3)) - ratio.amin(dim=(1, 2, 3)) < 1e-4  # one factor for the whole picture
    assert 5 < brighter.sum() < 40


def test_other_pictures_come_from_a_folder_in_pieces_and_sometimes_grey(tmp_path):
    Image.fromarray(np.full((40, 60, 3), (250, 20, 20), np.uint8)).save(tmp_path / "red.png")
    torch.manual_seed(0)
    taken = OtherPictures(str(tmp_path), image_size=64, seed=0, setting="penalty_folder").take(40, grey_share=0.3)
    assert taken.shape == (40, 3, 64, 64)
    is_grey = (taken[:, 0] == taken[:, 1]).all(dim=2).all(dim=1)
    assert 4 <= is_grey.sum() <= 20
    torch.testing.assert_close(taken[~is_grey][0, :, 5, 5], torch.tensor([250.0, 20.0, 20.0]) / 255)


def test_a_penalty_folder_that_is_not_there_is_named_as_the_user_named_it():
    with pytest.raises(ValueError, match="penalty_folder is '/nowhere', which is no folder"):
        efficientad(penalty_folder="/nowhere")
