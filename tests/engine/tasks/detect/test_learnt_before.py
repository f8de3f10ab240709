"""Thresholds and tests keep off the pictures that an adapted backbone has learnt from, or say what that costs."""

import hashlib

import pytest

from engine.contract.events import Warned
from engine.contract.folder import RunFolder
from engine.contract.results.card import LearntFrom
from engine.contract.results.detect import DetectResults
from engine.datasets.splits import split_items
from engine.models import build_model
from engine.saved_models import save_model
from engine.tasks.detect.learnt_before import keep_unseen
from tests.engine.processes import train
from tests.engine.samples import items_of, tiny_spec, write_mvtec, write_run
from tests.engine.tasks.detect.test_run import kinds
from tests.stored_runs import card

CUTPASTE = tiny_spec("cutpaste", epochs=1, frozen_epochs=0, layers=[1, 2], seed=1, validation_share=0)
ON_IT = {"backbone_run": "adapted", "layers": [1, 2], "coreset_ratio": 0.2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mvtec(tmp_path_factory.mktemp("data"), train=20, good=3, defective=3)


def share_out(data):
    return split_items(
        items_of(data, split="train") + items_of(data, split="test"),
        calibration_share=0.3,
        validation_share=0,
        seed=0,
    )


def picture_hash(item):
    return hashlib.sha256(item.path.read_bytes()).hexdigest()


def kept(folder, split, learnt, *, policy="split_conformal", overkill_rate=0.3):
    """Split, policy and codes of the warnings where a backbone has learnt from the pictures `learnt` (None: it does not say)."""
    spec = tiny_spec("patchcore", **ON_IT)
    write_run(folder / "adapted", CUTPASTE)
    told = None if learnt is None else [picture_hash(item) for item in learnt]
    learnt_from = LearntFrom(name="d", fingerprint="f", learnt=told)
    adapted = build_model(CUTPASTE, weights_folder=None, hub=False, warn=lambda event: None)
    save_model(
        RunFolder(folder / "adapted").model, adapted, card=card(CUTPASTE).model_copy(update={"data": learnt_from})
    )
    model = build_model(spec, weights_folder=None, hub=False, warn=lambda event: None, runs=folder)
    warned: list[Warned] = []
    split, policy = keep_unseen(
        split,
        model,
        digest="f",
        policy=policy,
        overkill_rate=overkill_rate,
        warn=warned.append,
        hash_of=picture_hash,
    )
    return split, policy, [event.code for event in warned]


def test_what_the_backbone_has_not_seen_stays_as_it_is(tmp_path, data):
    split = share_out(data)
    assert kept(tmp_path, split, split.fit) == (split, "split_conformal", [])


def test_seen_pictures_are_left_out_where_enough_others_set_the_threshold(tmp_path, data):
    split = share_out(data)
    found, policy, codes = kept(tmp_path, split, [split.calibration[0], split.test[0]])
    assert (found.calibration, found.test) == (split.calibration[1:], split.test[1:])
    assert policy == "split_conformal"
    assert codes == ["backbone_has_seen_calibration_left_out", "backbone_has_seen_test_left_out"]


def test_nothing_is_promised_where_too_few_are_unseen(tmp_path, data):
    split = share_out(data)
    found, policy, codes = kept(tmp_path, split, split.calibration[:1], overkill_rate=0.05)
    assert (found, policy, codes) == (split, "percentile", ["backbone_has_seen"])


def test_leave_one_out_gives_way_to_the_pictures_held_out_that_the_backbone_has_not_seen(tmp_path, data):
    split = share_out(data)
    assert kept(tmp_path, split, split.fit, policy="leave_one_out") == (split, "split_conformal", [])


def test_a_backbone_that_does_not_tell_its_pictures_may_have_seen_all_of_the_same_data(tmp_path, data):
    split = share_out(data)
    found, policy, codes = kept(tmp_path, split, None, policy="leave_one_out")
    assert (found, policy, codes) == (split, "percentile", ["backbone_has_seen", "backbone_has_seen_tests"])


def test_a_whole_run_knows_what_its_backbone_has_learnt_from(tmp_path, data):
    assert train(write_run(tmp_path / "adapted", CUTPASTE), data)[0] == 0
    found = {}
    for seed in (1, 2):
        run = write_run(tmp_path / f"seed{seed}", tiny_spec("patchcore", seed=seed, **ON_IT))
        _, events, _ = train(run, data)
        threshold = RunFolder(run).evaluation.read(DetectResults).metrics.threshold
        codes = {event.code for event in kinds(events, Warned)}
        found[seed] = (threshold.policy, threshold.promised is None, "backbone_has_seen" in codes)
    assert found == {1: ("split_conformal", False, False), 2: ("percentile", True, True)}
