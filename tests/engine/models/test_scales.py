"""Two scales: what each sees, how they are put together, and that nobody else's pictures have a part in it."""

import json
from dataclasses import replace

import pytest
import torch

from engine.backbones import Backbone
from engine.contract.jobs import make_job, read_job
from engine.contract.models.detector import Work
from engine.contract.models.padim import PadimParams
from engine.contract.models.patchcore import PatchCoreParams
from engine.datasets.loading import Batch
from engine.models import AnomalyModel, build_model
from engine.models.padim import Padim
from engine.models.patchcore import PatchCore
from engine.models.scales import ASKED, Scales
from engine.report import silent
from tests.engine.samples import tiny_spec


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("mobilenetv2_100", layers=[2, 3], weights="random")


def fitted(model: AnomalyModel, seen: Batch) -> AnomalyModel:
    model.train_step(seen)
    model.fit(silent)
    return model


def two(backbone: Backbone, seen: Batch, **params) -> Scales:
    return fitted(Scales([PatchCore(PatchCoreParams(**params), backbone) for _ in range(2)], backbone), seen)


def test_a_job_of_two_scales_is_built_of_two_and_of_one_is_the_model_itself():
    built = {
        n: build_model(tiny_spec("patchcore", scales=n), weights_folder=None, hub=False, warn=print) for n in (1, 2)
    }
    assert isinstance(built[1], PatchCore)
    assert isinstance(built[2], Scales)
    assert len(built[2].models) == 2
    assert built[2].models[1].backbone is built[2].backbone  # one network in memory


def test_score_and_map_are_the_means_over_both_scales_each_in_what_is_usual_there(backbone):
    model, new = two(backbone, batch(6)), batch(3, seed=9)
    whole, half = model.models[0].predict_step(new), model.models[1].predict_step(model._at(1, new))
    found = model.predict_step(new)
    expected = (whole.pred_score / model.usual_scores[0] + half.pred_score / model.usual_scores[1]) / 2
    torch.testing.assert_close(found.pred_score, expected)
    enlarged = torch.nn.functional.interpolate(half.anomaly_map, size=(64, 64), mode="bilinear")
    maps = (whole.anomaly_map / model.usual_highs[0] + enlarged / model.usual_highs[1]) / 2
    torch.testing.assert_close(found.anomaly_map, maps)
    assert half.anomaly_map.shape[-1] == 32


def test_what_is_usual_comes_from_the_learnt_pictures_each_compared_with_the_others(backbone):
    """With the whole bank kept a picture is at distance 0 from itself: that would be usual of nothing."""
    seen = batch(5)
    model = two(backbone, seen, coreset_ratio=1.0, num_neighbours=1, blur_sigma=0)
    assert model.models[0].predict_step(seen).pred_score.max() == 0
    by_hand = []
    patches = model.models[0]._patches(seen.images).flatten(1, 2)  # (B, P, C)
    for i in range(len(patches)):
        others = torch.cat([patches[:i], patches[i + 1 :]]).flatten(0, 1)
        by_hand.append(torch.cdist(patches[i], others).amin(dim=1).max())
    torch.testing.assert_close(model.usual_scores[0], torch.stack(by_hand).mean(), rtol=1e-4, atol=1e-4)
    assert model.usual_scores[1] > 0


def test_the_half_size_sees_each_picture_in_its_own_exposure(backbone):
    model = two(backbone, batch(6))
    new = batch(2, seed=9)
    darker = replace(new, images=new.images * 0.5)
    torch.testing.assert_close(model._at(1, new).images, model._at(1, darker).images, rtol=0, atol=0.02)
    seen = backbone.normalise(model._at(1, new).images)
    torch.testing.assert_close(seen.mean(dim=(1, 2, 3)), torch.zeros(2), rtol=0, atol=1e-5)


def test_the_blur_reaches_twice_as_far_at_half_the_size(backbone):
    """One bright cell at each scale: how far its smoothed spot reaches in pixels of the whole picture."""
    spread = []
    for scale, model in two(backbone, batch(4), blur_sigma=4.0)._each():
        values = torch.zeros(1, 64 >> scale, 64 >> scale)
        values[0, values.shape[1] // 2, values.shape[2] // 2] = 1
        said = model._prediction(
            torch.zeros(1, *values.shape[1:], model.bank.patches.shape[1]), values, values.long(), size=values.shape[1:]
        )
        line = said.anomaly_map[0, 0].sum(dim=0)
        place = torch.arange(len(line)) - len(line) // 2
        spread.append(float(((line * place**2).sum() / line.sum()).sqrt()) * 2**scale)
    assert spread[1] == pytest.approx(2 * spread[0], rel=0.05)


def test_a_large_faint_defect_that_one_scale_cannot_see_is_seen_with_the_second(backbone):
    """The half-size model alone is told that a picture is strange: the score follows."""
    model, new = two(backbone, batch(6)), batch(2, seed=9)
    before = model.predict_step(new).pred_score
    model.models[1].bank.patches = model.models[1].bank.patches + 1.0
    assert (model.predict_step(new).pred_score > before * 1.05).all()


def test_what_is_nearest_is_told_by_the_scale_at_which_the_place_stands_out_most(backbone):
    model, new = two(backbone, batch(4)), batch(1, seed=9)
    places = [(0, 10, 20)]
    whole = model.models[0].explain(new, places, k=2)
    model.usual_highs[1] = 1e6
    assert [near.image for near in model.explain(new, places, k=2)[0]] == [near.image for near in whole[0]]
    model.usual_highs[:] = torch.tensor([1e6, 1.0])
    half = model.models[1].explain(model._at(1, new), [(0, 5, 10)], k=2)
    assert model.explain(new, places, k=2) == half


def test_models_that_keep_no_patches_explain_nothing_at_two_scales_either(backbone):
    parts = [Padim(PadimParams(num_features=8), backbone) for _ in range(2)]
    assert fitted(Scales(parts, backbone), batch(8)).explain(batch(1), [(0, 1, 1)], k=1) is None


def test_pictures_that_tell_what_is_usual_are_a_few_taken_evenly(backbone):
    model = Scales([PatchCore(PatchCoreParams(), backbone) for _ in range(2)], backbone)
    for start in range(5):
        model._some.add(batch(20, seed=start))
    numbers = [number for number, _ in model._some.kept]
    assert numbers == list(range(0, 100, 4))
    assert len(numbers) <= ASKED


def test_a_second_scale_costs_a_quarter_of_the_passes_and_less_of_the_bank():
    one, more = (make_job("detect", "d", "patchcore", {"scales": scales}) for scales in (1, 2))
    work = Work(256, 1, 50, 100, one.architecture)
    assert more.model.forward_gmacs(work) == pytest.approx(1.25 * one.model.forward_gmacs(work))
    assert more.model.learning(work).gmacs == pytest.approx((1 + 1 / 16) * one.model.learning(work).gmacs)


def test_a_backbone_that_takes_one_size_alone_looks_at_the_coarse_picture_at_that_size():
    backbone = Backbone("coatnet_nano_rw_224", layers=[2, 3], weights="random", image_size=64)
    assert backbone.made_for == (64, 64)
    model = two(backbone, batch(2))
    assert model._at(1, batch(1)).images.shape[-2:] == (64, 64)
    assert torch.isfinite(model.predict_step(batch(1)).pred_score).all()


def test_a_job_that_was_written_before_there_were_scales_has_one(tmp_path):
    job = make_job("detect", "d", "patchcore")
    written = job.model_dump(mode="json")
    assert read_job(written).model.scales == 2
    del written["model"]["scales"]
    assert read_job(written).model.scales == read_job(json.dumps(written)).model.scales == 1
