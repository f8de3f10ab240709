"""A model that learns on: its memory is kept and extended by new good pictures, within a limit, and says where each entry comes from."""

import numpy as np
import pytest
import torch
from PIL import Image

from engine.checkpoints import load_state, save_state
from engine.contract.events import Evaluation, Warned
from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectCard, DetectResults
from engine.failures import SettingError
from engine.layers.coreset import greedy_coreset
from engine.layers.memory_bank import MemoryBank
from engine.layers.pca import Moments, components_of_moments
from engine.report import silent
from engine.tasks.detect.rescoring import rescore
from tests.engine.samples import run_here, tiny_spec, write_mvtec

BANK = {
    "layers": [1, 2],
    "coreset_ratio": 0.05,
    "num_neighbours": 1,
    "scales": 1,
    "threshold_policy": "split_conformal",
}


def spread(*, around: float, count: int = 400) -> torch.Tensor:
    return around + torch.randn(count, 6, generator=torch.Generator().manual_seed(int(around)))


def bank_of(patches: torch.Tensor) -> MemoryBank:
    bank = MemoryBank(6)
    bank.learn(patches, grid=(10, 10), ratio=0.1, most=1000, seed=0, report=silent)
    return bank


def test_what_is_added_is_farthest_from_what_there_is_and_what_there_was_is_kept():
    old, new = spread(around=0), torch.cat([spread(around=0, count=300), spread(around=50, count=100)])
    bank = bank_of(old)
    before = bank.patches.clone()
    bank.learn(new, grid=(10, 10), ratio=0.1, most=1000, seed=0, report=silent, first_image=4)
    assert torch.equal(bank.patches[:40], before)
    added = bank.patches[40:]
    assert len(added) == 40
    assert added[0].mean() > 40  # the strangest first
    assert (bank.sources[40:, 0] >= 4).all()
    assert bank.sources[40:, 0].max() == 7


def test_the_first_pick_beyond_a_bank_is_the_one_farthest_from_all_of_it():
    cloud, held = spread(around=3), spread(around=0, count=50)
    picked = greedy_coreset(cloud, size=30, beyond=held, pool_size=16)
    distance = torch.cdist(cloud.double(), held.double()).amin(dim=1)
    expected = []
    for _ in range(30):
        expected.append(int(distance.argmax()))
        distance = torch.minimum(distance, torch.cdist(cloud.double(), cloud[expected[-1:]].double()).squeeze(1))
    assert picked.tolist() == expected


def test_a_bank_that_would_hold_too_much_is_thinned_old_and_new_together():
    bank = bank_of(spread(around=0))
    bank.learn(spread(around=20), grid=(10, 10), ratio=0.1, most=50, seed=0, report=silent, first_image=4)
    assert len(bank) == len(bank.sources) == 50
    is_new = bank.patches.mean(dim=1) > 10
    assert 15 < int(is_new.sum()) < 35
    assert torch.equal(bank.sources[:, 0] >= 4, is_new)


def test_a_bank_never_shrinks_below_what_it_held():
    bank = bank_of(spread(around=0))
    bank.learn(spread(around=20), grid=(10, 10), ratio=0.1, most=10, seed=0, report=silent, first_image=4)
    assert len(bank) == 40


def test_components_that_are_known_count_as_the_rows_that_they_are_of():
    torch.manual_seed(0)
    rows = torch.randn(5000, 8) * torch.linspace(0.1, 3, 8) + 2
    first, second = rows[:3000], rows[3000:]
    of_first = Moments(first)
    of_first.add(first)
    known = components_of_moments(of_first, variance_kept=0.999)
    both, whole = Moments(second), Moments(rows)
    both.add(second)
    both.add_components(known, count=3000)
    whole.add(rows)
    assert torch.allclose(both.mean(), whole.mean(), atol=1e-5)
    assert torch.allclose(both.covariance(), whole.covariance(), atol=0.05)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """r1 of plates with lying stripes, r2 that learns on from it by plates with standing ones; beside them the pictures of both."""
    home = tmp_path_factory.mktemp("runs")
    write_mvtec(home / "lying", train=24, good=8, defective=8)
    write_mvtec(home / "standing", train=24, good=8, defective=8)
    for path in (home / "standing").rglob("*.png"):
        Image.fromarray(np.swapaxes(np.asarray(Image.open(path)), 0, 1)).save(path)
    for run, data, settings in (("r1", "lying", {}), ("r2", "standing", {"learns_on": "r1"})):
        events = run_here(home / run, tiny_spec("patchcore", **BANK, **settings), home / data)
        assert isinstance(events[-1], Evaluation)
    return home


def wrong(runs, run, data):
    """Misses and false alarms of a run at its own threshold on pictures of `data`, and how many of each there are."""
    again = rescore(RunFolder(runs / run), data=runs / data, own=False, most=None, threshold=None, weights_folder=None)
    escapes, overkill = again.counts()
    return sum(missed for missed, _ in escapes.values()), overkill[0]


def test_it_learns_the_new_look_and_keeps_the_old_one(runs):
    before = {data: wrong(runs, "r1", data) for data in ("lying", "standing")}
    after = {data: wrong(runs, "r2", data) for data in ("lying", "standing")}
    assert before["standing"][1] == 8  # all good ones of the new look were overkilled
    assert after["standing"][1] <= 1 and after["standing"][0] <= 1
    assert after["lying"][0] <= before["lying"][0] + 1 and after["lying"][1] <= before["lying"][1] + 1


def test_its_threshold_is_its_own_and_its_patches_say_which_run_they_came_from(runs):
    first, second = (RunFolder(runs / run).model.read_card(DetectCard) for run in ("r1", "r2"))
    assert second.calibration.scores != first.calibration.scores
    assert second.thresholds.image.value == max(first.thresholds.image.value, *second.calibration.scores)
    assert second.normals[: len(first.normals)] == [f"r1:{name}" for name in first.normals]
    assert not any(":" in name for name in second.normals[len(first.normals) :])
    assert set(first.data.learnt or ()) < set(second.data.learnt or ())


def test_nothing_is_promised_by_pictures_that_it_learnt_from_before(runs, tmp_path):
    events = run_here(
        runs / "r3", tiny_spec("patchcore", **BANK, learns_on="r1", calibration_share=0.5), runs / "lying"
    )
    assert "backbone_has_seen" in {event.code for event in events if isinstance(event, Warned)}
    assert RunFolder(runs / "r3").model.read_card(DetectCard).thresholds.image.promised is None


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"patch_size": 5}, "patch_size"), ({"image_size": 96}, "image_size"), ({"learns_on": "r77"}, "no run 'r77'")],
)
def test_what_does_not_fit_is_refused_by_name(runs, tmp_path, settings, named):
    spec = tiny_spec("patchcore", **{**BANK, "learns_on": "r1", **settings})
    with pytest.raises(SettingError, match=named):
        run_here(runs / f"refused_{named[:5]}", spec, runs / "standing")


@pytest.mark.parametrize("scales", [1, 2])
def test_a_subspace_of_an_older_version_judges_as_it_did_and_is_not_extended(runs, tmp_path, scales):
    own = {"layers": [1, 2], "scales": scales, "threshold_policy": "split_conformal"}
    run_here(tmp_path / "r1", tiny_spec("subspace", **own), runs / "lying")
    folder = RunFolder(tmp_path / "r1").model
    state, facts = load_state(folder.state)
    kept = {
        name: each for name, each in state.items() if name.rpartition(".")[2] in ("mean", "axes") or "usual" in name
    }
    assert len(kept) == len(state) - 3 * scales
    save_state(folder.state, kept, facts=facts)
    folder.seal()
    again = rescore(
        RunFolder(tmp_path / "r1"), data=runs / "lying", own=True, most=None, threshold=None, weights_folder=None
    )
    assert again.images and not again.differing()
    with pytest.raises(SettingError, match="train it again"):
        run_here(tmp_path / "r2", tiny_spec("subspace", **own, learns_on="r1"), runs / "standing")


@pytest.mark.parametrize(("model", "scales"), [("subspace", 1), ("dino_bank", 1), ("patchcore", 2)])
def test_every_model_that_can_learns_on(runs, tmp_path, model, scales):
    own = {"layers": [1, 2], "scales": scales, "threshold_policy": "split_conformal"}
    for run, data, settings in (("r1", "lying", {}), ("r2", "standing", {"learns_on": "r1"})):
        events = run_here(tmp_path / run, tiny_spec(model, **own, **settings), runs / data)
        assert isinstance(events[-1], Evaluation)
    results = RunFolder(tmp_path / "r2").evaluation.read(DetectResults)
    assert results.metrics.metrics["image_auroc"] > 0.8
