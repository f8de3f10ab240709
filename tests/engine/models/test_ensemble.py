"""Ensembles: scores read by rarity, images never compared with themselves, members that do not fit together refused."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.contract.checksums import write_checksums
from engine.contract.folder import ModelFolder, RunFolder
from engine.contract.results.detect import DetectCard, Thresholds
from engine.contract.thresholds import p_values
from engine.datasets.loading import Loader
from engine.models import build_model
from engine.models.ensemble import Scale, _at_size
from engine.saved_models import load_model, save_model
from engine.tasks.detect.assembly import assemble_model
from engine.trainers.factory import get_trainer
from tests.engine.processes import train
from tests.engine.samples import items_of, tiny_spec, write_mvtec, write_run
from tests.stored_runs import card, threshold

ALL_USED = Thresholds(image=threshold("leave_one_out"), pixel=threshold("leave_one_out")).facts()
SETTINGS = {"patchcore": {"coreset_ratio": 0.1}, "padim": {"num_features": 20, "image_size": 96}}


def quiet(event):
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mvtec(tmp_path_factory.mktemp("data"), train=16, good=6, defective=6)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, data):
    """Two finished runs, at different sizes of picture, that have learnt from the first ten good images."""
    folder = tmp_path_factory.mktemp("runs")
    for name, settings in SETTINGS.items():
        spec = tiny_spec(name, **settings)
        model = build_model(spec, weights_folder=None, hub=False, warn=quiet)
        get_trainer(name, model).fit(loader(items_of(data, split="train")[:10], size=spec.image_size))
        save_model(RunFolder(folder / name).model, model, card=card(spec, fingerprint="abc"))
    return folder


def loader(items, *, size=96, batch_size=4):
    return Loader(items, image_size=size, batch_size=batch_size)


def ensemble_spec(**settings):
    return tiny_spec("ensemble", **{"members": list(SETTINGS), "image_size": 96, **settings})


def fitted(runs, data, *, images=6, **settings):
    model = assemble_model(ensemble_spec(**settings), weights_folder=None, hub=False, warn=quiet, runs=runs)
    trainer = get_trainer("ensemble", model)
    trainer.fit(loader(items_of(data, split="train")[10 : 10 + images]))
    return model, trainer


def predicted(model, items):
    return model.predict_step(next(iter(loader(items, batch_size=len(items)))))


def with_facts(runs, folder, **changes):
    """A copy of the runs in which the second member's model.json differs."""
    shutil.copytree(runs, folder)
    path = RunFolder(folder / "padim").model.card
    facts = json.loads(path.read_text())
    for key, value in changes.items():
        place = facts if key in facts else facts["spec"] if key in facts["spec"] else facts["spec"]["model"]
        place[key] = value
    path.write_text(json.dumps(facts))
    write_checksums(path.parent)
    return folder


@pytest.mark.parametrize("combine", ["p_values", "ranks"])
@pytest.mark.parametrize("held_out", [[3.0], [2.0, 2.0], [1.0, 2.0, 2.0, 5.0, 9.0], [-1e-9, 0.0, 1e9]])
def test_the_higher_score_stays_the_higher_however_rare(held_out, combine):
    scale = Scale(torch.tensor(held_out, dtype=torch.float64), combine=combine)
    reach = max(1.0, max(map(abs, held_out)))
    scores = torch.linspace(-50 * reach, 50 * reach, 4001, dtype=torch.float64)
    read = scale(scores)
    assert torch.isfinite(read).all()
    assert (read.diff() > 0).all()


def test_is_minus_the_log_of_the_conformal_p_value_at_held_out_scores():
    held_out = np.random.default_rng(0).normal(size=40)
    read = Scale(torch.from_numpy(held_out), combine="p_values")(torch.from_numpy(held_out))
    np.testing.assert_allclose(np.exp(-read.numpy()), p_values(held_out, held_out))


def test_ranks_are_the_share_of_held_out_scores_below():
    scale = Scale(torch.tensor([4.0, 1.0, 2.0, 3.0]), combine="ranks")
    torch.testing.assert_close(scale(torch.tensor([1.0, 2.0, 2.5, 4.0])), torch.tensor([0, 0.25, 0.375, 0.75]))


def test_the_tail_is_exponential_with_the_mean_excess_of_the_upper_half():
    scale = Scale(torch.tensor([0.0, 1.0, 2.0, 4.0, 6.0]), combine="p_values")
    excess = ((4 - 2) + (6 - 2)) / 2
    expected = math.log(6 / 2) + (12 - 6) / excess
    assert scale(torch.tensor([12.0])).item() == pytest.approx(expected)


def test_the_tail_of_exponential_scores_is_their_own():
    """4000 held-out scores of a unit exponential: the chance of 14 is e^-14, far beyond any rank."""
    scores = torch.empty(4000).exponential_(generator=torch.Generator().manual_seed(0))
    assert Scale(scores, combine="p_values")(torch.tensor([14.0])).item() == pytest.approx(14, rel=0.1)


@torch.no_grad()
def test_score_and_map_are_the_means_of_what_the_members_scales_read(runs, data):
    model, _ = fitted(runs, data)
    images = next(iter(loader(items_of(data, split="test")[:3])))
    scores, maps = model.raw(images)
    scales, found = model.scales(), model.predict_step(images)
    expected = (scales.scores[0](scores[0]) + scales.scores[1](scores[1])) / 2
    torch.testing.assert_close(found.pred_score, expected)
    torch.testing.assert_close(found.anomaly_map[:, 0], (scales.maps[0](maps[0]) + scales.maps[1](maps[1])) / 2)


@torch.no_grad()
def test_every_member_sees_the_picture_at_its_own_size(runs, data):
    model, _ = fitted(runs, data)
    sizes = []
    for member in model.members:
        member.model.backbone.register_forward_pre_hook(lambda module, given: sizes.append(tuple(given[0].shape[2:])))
    assert predicted(model, items_of(data, split="test")[:2]).anomaly_map.shape == (2, 1, 96, 96)
    assert sizes == [(64, 64), (32, 32), (96, 96), (48, 48)]  # each at two scales


def test_a_held_out_image_is_never_compared_with_itself(runs, data):
    """Its fused score is that of an ensemble which never saw it."""
    _, whole = fitted(runs, data, images=6)
    others, _ = fitted(runs, data, images=5)
    found = predicted(others, items_of(data, split="train")[15:16])
    assert whole.held_out[0][5] == pytest.approx(found.pred_score.item(), rel=1e-4)
    assert whole.held_out[1][5] == pytest.approx(found.anomaly_map.max().item(), rel=1e-4)


def test_the_member_that_keeps_patches_shows_the_nearest_good_ones(runs, data):
    model, _ = fitted(runs, data, members=["padim", "patchcore"])  # the first keeps none
    learnt = [item.name for item in items_of(data, split="train")[:10]]
    assert model.remembered == learnt * 2
    batch = next(iter(loader(items_of(data, split="test")[:1])))
    found = model.explain(batch, [(0, 48, 72)], k=2)[0]  # of 96 pixels, and of the member's 64
    own = model.members[1].model.explain(_at_size(batch, 64), [(0, 32, 48)], k=2)[0]
    assert [replace(each, image=10 + each.image) for each in own] == found


def test_a_saved_ensemble_needs_its_members_runs_no_longer(runs, data, tmp_path):
    own = shutil.copytree(runs, tmp_path / "runs")
    model, _ = fitted(own, data)
    fused = RunFolder(tmp_path / "fused").model
    save_model(fused, model, card=card(ensemble_spec()))
    shutil.rmtree(own)
    again, _ = load_model(fused, weights_folder=None, hub=False)
    items = items_of(data, split="test")
    assert torch.equal(predicted(again, items).pred_score, predicted(model, items).pred_score)


def test_refuses_a_run_that_is_not_there_or_has_no_model(runs, tmp_path):
    with pytest.raises(LookupError, match=r"there is no run 'x' .*finished: padim, patchcore"):
        assemble_model(ensemble_spec(members=["patchcore", "x"]), weights_folder=None, hub=False, warn=quiet, runs=runs)
    (tmp_path / "x").mkdir()
    with pytest.raises(LookupError, match="'x' has no model: it has not finished"):
        assemble_model(ensemble_spec(members=["x", "y"]), weights_folder=None, hub=False, warn=quiet, runs=tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 1}, "patchcore and padim differ in seed \\(0 and 1\\)"),
        ({"calibration_share": 0.4}, "patchcore and padim differ in calibration_share \\(0.2 and 0.4\\)"),
        ({"data": {"fingerprint": "other"}}, "the pictures of 'tiny' are others now than those padim was trained on"),
        ({"thresholds": ALL_USED}, "padim held no good images back"),
        ({"model": {"name": "ensemble", "members": ["a", "b"]}, "backbone": None}, "padim is an ensemble itself"),
        ({"image_size": 128}, "image_size is 96, but a member works at 128: take 128 or more"),
        (
            {"model": {"name": "supersimplenet", "labelled_share": 0.5}, "epochs": 5},
            "padim learnt from labelled defects",
        ),
    ],
)
def test_refuses_members_that_do_not_fit_together(runs, tmp_path, changes, words):
    changed = with_facts(runs, tmp_path / "runs", **changes)
    with pytest.raises(ValueError, match=words):
        assemble_model(ensemble_spec(), weights_folder=None, hub=False, warn=quiet, runs=changed)


def test_refuses_the_same_run_twice(runs):
    spec = ensemble_spec(members=["padim", "padim"])
    with pytest.raises(ValueError, match="padim is named 2 times"):
        assemble_model(spec, weights_folder=None, hub=False, warn=quiet, runs=runs)


MODEL = ModelFolder(Path())


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        (MODEL.state.name, None, f"{MODEL.state.name} is gone; train again"),
        (MODEL.card.name, "[]", "it is no JSON object"),
        (MODEL.card.name, "{}", r"cannot be understood \(spec: Field required\); train again"),
        (MODEL.card.name, "{", "cannot be understood"),
    ],
)
def test_refuses_a_member_whose_files_are_not_whole_and_names_its_run(runs, tmp_path, file, content, words):
    shutil.copytree(runs, tmp_path / "runs")
    path = RunFolder(tmp_path / "runs" / "padim").model.path / file
    path.unlink() if content is None else path.write_text(content)
    if content is not None:
        ModelFolder(path.parent).checksums.unlink()  # as in a model of an older version
    with pytest.raises(ValueError, match=words) as refused:
        assemble_model(ensemble_spec(), weights_folder=None, hub=False, warn=quiet, runs=tmp_path / "runs")
    assert "the model of the run 'padim' cannot be built on" in str(refused.value)


def test_refuses_a_copy_of_a_member(runs, tmp_path):
    shutil.copytree(runs, tmp_path / "runs")
    shutil.copytree(runs / "padim", tmp_path / "runs" / "copy")
    spec = ensemble_spec(members=["padim", "copy"])
    with pytest.raises(ValueError, match="'copy' has the same weights and settings as 'padim'"):
        assemble_model(spec, weights_folder=None, hub=False, warn=quiet, runs=tmp_path / "runs")


def test_refuses_to_calibrate_on_nothing(runs, data):
    with pytest.raises(ValueError, match="no held-out good images"):
        fitted(runs, data, images=0)


def test_whole_runs_are_put_together_in_a_whole_run(data, tmp_path):
    specs = {
        name: tiny_spec(name, **settings, threshold_policy="split_conformal") for name, settings in SETTINGS.items()
    }
    ended = [train(write_run(tmp_path / name, spec), data)[0] for name, spec in specs.items()]
    code, events, errors = train(write_run(tmp_path / "fused", ensemble_spec()), data)
    assert (ended, code) == ([0, 0], 0), errors
    assert events[-1].metrics["image_auroc"] > 0.9
    fused = RunFolder(tmp_path / "fused").model.read_card(DetectCard)
    assert len(fused.calibration.scores) == fused.thresholds.image.calibration_images == 3
    assert RunFolder(tmp_path / "fused").model.member(1).state.is_file()
