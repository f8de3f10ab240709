"""Learning with less than there is: memory that runs out, few good pictures, labelled defects."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from engine.backbones import Backbone
from engine.checkpoints import load_state
from engine.contract.events import Collection, Epoch, Stage, Warned, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import share_out, validation_share
from engine.contract.results.detect import DetectCard, DetectResults
from engine.datasets import Item
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader
from engine.datasets.splits import folds, split_items
from engine.failures import failure
from engine.models import AnomalyModel, build_model
from engine.models.autoencoder import Autoencoder
from engine.models.padim import Padim
from engine.report import Report, Reporter, silent
from engine.saved_models import load_model
from engine.scorer import Scorer
from engine.tasks.detect.sharing import policy_for
from engine.trainers.factory import get_trainer
from tests.engine.samples import items_of, run_here, tiny_spec, write_mvtec, write_run

PETABYTE = 2**50  # beyond any address space: the allocator refuses for real


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=3, defective=3)


def takes_too_much(*, above: int, from_epoch: int = 1):
    """A train_step that asks for a petabyte where the batch holds more than `above` pictures."""
    honest, seen = Autoencoder.train_step, []

    def greedy(self, batch):
        seen.append(len(batch))
        if len(batch) > above and len(seen) >= from_epoch:
            torch.empty(PETABYTE, dtype=torch.uint8)
        return honest(self, batch)

    return greedy


AUTOENCODER = {"epochs": 3, "base_channels": 4, "latent_channels": 8, "batch_size": 8}


@pytest.mark.parametrize("step", [1, 4])
def test_a_training_without_memory_starts_again_once_with_half_the_batch(tmp_path, data, monkeypatch, step):
    monkeypatch.setattr(Autoencoder, "train_step", takes_too_much(above=4, from_epoch=step))
    events = run_here(tmp_path / "greedy", tiny_spec("autoencoder", **AUTOENCODER), data)
    lowered = [event for event in events if isinstance(event, Warned) and event.code == "batch_lowered"]
    assert [event.values for event in lowered] == [{"old": 8, "new": 4}]
    assert [event.name for event in events if isinstance(event, Stage)].count("training") == 2
    assert [event.epoch for event in events if isinstance(event, Epoch)][-3:] == [1, 2, 3]
    monkeypatch.undo()
    modest = run_here(tmp_path / "modest", tiny_spec("autoencoder", **(AUTOENCODER | {"batch_size": 4})), data)
    losses = [[event.loss for event in each if isinstance(event, Epoch)][-3:] for each in (events, modest)]
    assert losses[0] == losses[1]


def test_memory_that_runs_out_a_second_time_ends_the_run_honestly(tmp_path, data, monkeypatch):
    monkeypatch.setattr(Autoencoder, "train_step", takes_too_much(above=2))
    with pytest.raises(RuntimeError) as refused:
        run_here(tmp_path / "run", tiny_spec("autoencoder", **AUTOENCODER), data)
    told = failure(refused.value)
    assert (told.code, "batch_size" in told.hint) == ("memory", True)
    codes = [event.code for event in read_events(tmp_path / "run") if isinstance(event, Warned)]
    assert codes.count("batch_lowered") == 1


def test_a_smaller_batch_is_tried_only_where_pictures_go_through_in_batches(tmp_path, data, monkeypatch):
    """Fitting works on what was collected, all of it at once: it would run out of memory again, after collecting anew."""

    def greedy(self, report):
        torch.empty(PETABYTE, dtype=torch.uint8)

    monkeypatch.setattr(Padim, "fit", greedy)
    with pytest.raises(RuntimeError) as refused:
        run_here(tmp_path / "run", tiny_spec("padim", num_features=10, threshold_policy="split_conformal"), data)
    assert failure(refused.value).code == "memory"
    events = read_events(tmp_path / "run")
    assert not [event for event in events if isinstance(event, Warned) and event.code == "batch_lowered"]
    assert [event.name for event in events if isinstance(event, Stage)][-1] == "fitting"


def test_a_run_that_goes_on_keeps_the_lower_batch(tmp_path, data):
    spec = tiny_spec("padim", num_features=10, batch_size=8, threshold_policy="split_conformal")
    report = Report(write_run(tmp_path / "run", spec))
    report(Warned(code="batch_lowered", message="", values={"old": 8, "new": 4}))
    report.log.close()
    events = run_here(tmp_path / "run", spec, data)
    last = [event for event in events if isinstance(event, Collection)][-1]
    assert (last.images, last.batches) == (10, 3)


def test_leave_one_out_of_a_model_with_epochs_trains_it_once_more_for_each_of_three_folds(tmp_path, data):
    spec = tiny_spec("autoencoder", **AUTOENCODER, validation_share=0.0, threshold_policy="leave_one_out")
    events = run_here(tmp_path / "run", spec, data)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3]  # the folds tell none of theirs
    calibrating = [event for event in events if event.type == "batches" and event.what == "calibrating"]
    assert calibrating[-1].done == calibrating[-1].total == 12
    saved = card_of(tmp_path / "run")
    threshold = saved.thresholds.image
    assert (threshold.policy, threshold.calibration_images) == ("leave_one_out", 12)
    assert saved.data.licence is None
    assert set(saved.versions) >= {"torch", "timm"}


WHOLE_BANK = {"coreset_ratio": 1.0, "overkill_rate": 0.3}  # a picture that was learnt from scores exactly 0


def card_of(run: Path) -> DetectCard:
    return RunFolder(run).model.read_card(DetectCard)


def test_the_threshold_comes_from_pictures_that_the_model_has_not_seen(tmp_path, data):
    spec = tiny_spec("patchcore", **WHOLE_BANK, threshold_policy="split_conformal", seed=5)
    run_here(tmp_path / "run", spec, data)
    model, card = load_model(RunFolder(tmp_path / "run").model, weights_folder=None, hub=False)
    split = split_items(open_dataset(data).items, calibration_share=0.2, validation_share=0.0, seed=5)
    known = Scorer(model).inspect(Loader(split.fit, image_size=64, batch_size=4), what="calibrating").scores
    unknown = Scorer(model).inspect(Loader(split.calibration, image_size=64, batch_size=4), what="calibrating").scores
    assert known == pytest.approx(0)
    assert min(unknown) > 0.1
    assert card.calibration.scores == pytest.approx(unknown, rel=1e-4)
    assert card.thresholds.image.value == pytest.approx(max(unknown), rel=1e-4)
    assert card.thresholds.image.overkill_rate == 0.3


def test_a_picture_left_out_is_scored_by_a_model_that_has_not_seen_it(tmp_path, data):
    run_here(tmp_path / "run", tiny_spec("patchcore", **WHOLE_BANK, threshold_policy="leave_one_out"), data)
    card = card_of(tmp_path / "run")
    assert len(card.calibration.scores) == 12
    assert min(card.calibration.scores) > 0.1
    assert card.thresholds.image.overkill_rate == 0.3


def learnt_by_hand(
    spec: DetectJob, fit: list[Item], *, validation: list[Item] | None = None, report: Reporter = silent
) -> AnomalyModel:
    """What a trainer makes of these pictures, without a run around it."""
    torch.manual_seed(spec.seed)
    model = build_model(spec, weights_folder=None, hub=False, warn=lambda event: None)
    size = {"image_size": spec.image_size, "batch_size": spec.batch_size}
    changing = {"seed": spec.seed, "augmentation": spec.augmentation, "synthesis": model.synthesis()}
    is_plain = spec.model.family == "memory" and spec.augmentation == "none"
    trainer = get_trainer(spec.model.name, model, report=report)
    trainer.fit(
        Loader(fit, **size, **({} if is_plain else changing)),
        num_epochs=spec.epochs,
        valid_loader=Loader(validation, **size) if validation else None,
    )
    return model.eval()


def assert_kept(run: Path, model: AnomalyModel) -> None:
    """The run kept this very model."""
    kept, _ = load_state(RunFolder(run).model.state)
    expected = model.state_to_save()
    assert [name for name in kept if not torch.equal(kept[name], expected[name])] == []


LEARNING = {
    "autoencoder": {**AUTOENCODER, "learning_rate": 1e-2},
    "supersimplenet": {"epochs": 3, "layers": [1], "upscale": 1},
    "padim": {"num_features": 10},
}


@pytest.mark.parametrize("model", list(LEARNING))
def test_a_run_learns_from_its_part_of_the_pictures_by_its_seed_and_settings_alone(tmp_path, data, model):
    settings = {"seed": 5, "augmentation": "light", "threshold_policy": "split_conformal", "validation_share": 0.2}
    spec = tiny_spec(model, **(LEARNING[model] | settings))
    events, by_hand = run_here(tmp_path / "run", spec, data), []
    split = split_items(
        open_dataset(data).items, calibration_share=0.2, validation_share=validation_share(spec), seed=5
    )
    expected = learnt_by_hand(spec, split.fit, validation=split.validation, report=by_hand.append)
    assert_kept(tmp_path / "run", expected)
    assert losses(events) == losses(by_hand)
    assert len(losses(events)) == (0 if model == "padim" else 3)


def losses(events: list) -> list[tuple[float, float | None]]:
    return [(event.loss, event.val_loss) for event in events if isinstance(event, Epoch)]


def test_another_seed_gives_other_weights_and_other_noise_to_learn_with():
    built, drawn = [], []
    for seed in (1, 1, 2):
        torch.manual_seed(0)
        spec = tiny_spec("autoencoder", **AUTOENCODER, seed=seed)
        model = build_model(spec, weights_folder=None, hub=False, warn=lambda event: None)
        built.append(next(iter(model.state_to_save().values())))
        drawn.append(torch.rand(1))
    assert torch.equal(built[0], built[1])
    assert not torch.equal(built[0], built[2])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("model", "number", "own"),
    [
        ("autoencoder", 3, {"validation_share": 0.0}),
        ("padim", 10, {"feature_normalisation": "batch", "scales": 1}),
        ("padim", 10, {}),
    ],
)
def test_a_fold_learns_as_the_model_does_but_without_its_pictures(tmp_path, data, model, number, own):
    spec = tiny_spec(model, **(LEARNING[model] | own), seed=5, threshold_policy="leave_one_out")
    run_here(tmp_path / "run", spec, data)
    good, expected = items_of(data, split="train"), []
    for fit, held_out in folds(good, number, 5):
        loader = Loader(held_out, image_size=64, batch_size=spec.batch_size)
        expected += Scorer(learnt_by_hand(spec, fit)).inspect(loader, what="calibrating").scores.tolist()
    assert card_of(tmp_path / "run").calibration.scores == pytest.approx(expected, rel=1e-5)
    assert_kept(tmp_path / "run", learnt_by_hand(spec, good))


def test_a_frozen_backbone_looks_once_at_a_picture_that_is_in_many_folds(tmp_path, data, monkeypatch):
    seen: Counter[tuple[bool, tuple[int, ...], bytes]] = Counter()
    compute = Backbone._computed

    def counted(self, images):
        for image in images:
            seen[self._kept is not None, tuple(image.shape), image.numpy().tobytes()] += 1
        return compute(self, images)

    monkeypatch.setattr(Backbone, "_computed", counted)
    run_here(tmp_path / "run", tiny_spec("padim", num_features=10, threshold_policy="leave_one_out"), data)
    in_folds = {key: times for key, times in seen.items() if key[0]}
    assert len(in_folds) == 2 * 12 + 3  # at two scales; and the defects whose regions the evaluation keeps
    assert set(in_folds.values()) == {1}


def test_labelled_defects_are_learnt_from_and_not_tested_with(tmp_path, data):
    settings = LEARNING["supersimplenet"] | {"epochs": 1, "labelled_share": 0.4, "threshold_policy": "split_conformal"}
    events = run_here(tmp_path / "run", tiny_spec("supersimplenet", **settings), data)
    counts = RunFolder(tmp_path / "run").evaluation.read(DetectResults).metrics.counts
    assert (counts["labelled"], counts["test_defective"]) == (1, 2)
    training = [event for event in events if event.type == "batches" and event.what == "training"]
    assert {event.total for event in training} == {counts["fit"] + 1}


@pytest.mark.parametrize("own_test", [True, False])
@pytest.mark.parametrize("model", ["padim", "autoencoder"])
@pytest.mark.parametrize("good", [39, 40, 45, 49, 50])
def test_a_run_shares_good_pictures_out_as_its_plan_said(model, good, own_test):
    items = [Item(Path(f"{i}.png"), f"{i}.png", "train", "good") for i in range(good)]
    items.append(Item(Path("t.png"), "t.png", "test", "good" if own_test else "defective"))
    spec = tiny_spec(model)
    planned = share_out(spec, good=good, has_own_test=own_test)
    split = split_items(items, calibration_share=0.2, validation_share=validation_share(spec), seed=0)
    assert policy_for(spec, split) == planned.policy
    held = [] if planned.policy == "leave_one_out" else split.calibration
    assert len(split.fit) + len(split.calibration) - len(held) == planned.fit
    assert len(held or split.fit + split.calibration) == planned.threshold


def test_memory_models_learn_from_augmented_pictures_beside_the_plain_ones(tmp_path, data):
    spec = tiny_spec("padim", num_features=10, augmentation="light", threshold_policy="split_conformal")
    events = run_here(tmp_path / "run", spec, data)
    collected = [event for event in events if isinstance(event, Collection)]
    assert collected[-1].images == collected[-1].total_images == 2 * 10
