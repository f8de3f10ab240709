"""The loop over epochs: what it keeps, when it stops, what it tells, and that kept features change no score."""

import math
import random
from types import SimpleNamespace

import pytest
import torch

from engine.backbones import Backbone
from engine.checkpoints import load_state
from engine.contract.continuing import epochs_kept
from engine.contract.events import Artifact, Batches, Epoch, Warned
from engine.contract.folder import Checkpoints, RunFolder
from engine.contract.models.fastflow import FastFlowParams
from engine.contract.models.stfpm import StfpmParams
from engine.datasets.loading import Batch
from engine.layers.frozen_features import FrozenFeatures
from engine.models import AnomalyModel
from engine.models.fastflow import FastFlow
from engine.models.stfpm import Stfpm
from engine.recipes import Recipe, falling
from engine.report import StopRequested
from engine.trainers.factory import get_trainer
from engine.trainers.gradient import GradientTrainer


class Batched:
    """A loader of ready batches, in another order at each pass where it has a seed."""

    def __init__(self, *images, batch_size, seed=None):
        self.pictures, self.batch_size, self.images = torch.stack(images), batch_size, len(images)
        self.seed, self.passes = seed, 0
        self.items = [SimpleNamespace(name=f"{number}.png") for number in range(len(images))]

    def plain(self):
        return Batched(*self.pictures, batch_size=self.batch_size)

    def __len__(self):
        return math.ceil(self.images / self.batch_size)

    def __iter__(self):
        order = list(range(self.images))
        if self.seed is not None:
            random.Random(self.seed + self.passes).shuffle(order)
            self.passes += 1
        for start in range(0, self.images, self.batch_size):
            part = order[start : start + self.batch_size]
            yield Batch(self.pictures[part], torch.zeros(len(part)).long(), None, [f"{i}.png" for i in part])


class Guess(AnomalyModel):
    """Guesses one number; the loss is its squared distance to the images' mean."""

    def __init__(self, start=0.0, *, rate=0.1, schedule="none", every="epoch"):
        super().__init__()
        self.number = torch.nn.Parameter(torch.tensor(start))
        self.rate, self.schedule, self.every = rate, schedule, every

    def recipe(self, *, epochs, steps_per_epoch):
        optimiser = torch.optim.Adam([self.number], lr=self.rate)
        steps = epochs if self.every == "epoch" else epochs * steps_per_epoch
        return Recipe(optimiser, falling(optimiser, self.schedule, epochs=steps, patience=0), self.every)

    def train_step(self, batch):
        return {"loss": (batch.images.mean() - self.number).square()}

    def validate_step(self, batch):
        return {"loss": self.train_step(batch)["loss"].detach()}


def flat(*values, batch_size=8):
    return Batched(*(torch.full((3, 2, 2), value) for value in values), batch_size=batch_size)


def trained(model, events=None, **settings):
    report = settings.pop("report", (lambda event: None) if events is None else events.append)
    return GradientTrainer(model, report=report, **settings)


def test_the_best_state_is_kept_not_the_last():
    """Training pulls the guess to 1 and past the validation images' 0.5."""
    model, events = Guess(), []
    history = trained(model, events).fit(flat(1.0), 30, flat(0.5))
    epochs = [event for event in events if isinstance(event, Epoch)]
    best = min(range(30), key=lambda i: history["val"][i]["val_loss"])
    assert 0 < best < 29
    assert [event.best for event in epochs][best:] == [True] + [False] * (29 - best)
    assert (0.5 - model.number.item()) ** 2 == pytest.approx(history["val"][best]["val_loss"], abs=1e-6)


def test_patience_ends_the_training():
    history = trained(Guess(), patience=3).fit(flat(1.0), 100, flat(0.5))
    best = min(range(len(history["val"])), key=lambda i: history["val"][i]["val_loss"])
    assert len(history["train"]) == best + 1 + 3


def test_without_validation_images_the_training_loss_is_watched():
    model, events = Guess(rate=0.05), []
    history = trained(model, events, patience=5).fit(flat(1.0), 400)
    assert history["val"] == []
    assert 20 < len(history["train"]) < 400
    assert all(event.val_loss is None and event.figures == {} for event in events if isinstance(event, Epoch))


def test_losses_are_means_over_images_not_batches():
    trainer = trained(Guess(rate=1e-9))
    assert trainer.train(flat(1.0, 1.0, 1.0, 3.0, batch_size=3))["loss"] == pytest.approx((3 * 1 + 9) / 4)
    assert trainer.validate(flat(1.0, 1.0, 1.0, 3.0, batch_size=3))["val_loss"] == pytest.approx((3 * 1 + 9) / 4)


def test_every_figure_is_there_and_null_where_a_model_has_none():
    trainer = trained(Guess())
    assert trainer.train(flat(0.0)) == {"loss": 0.0, "psnr": None, "ssim": None}
    assert trainer.validate(flat(0.0)) == {"val_loss": 0.0, "val_psnr": None, "val_ssim": None}


@pytest.mark.parametrize(("schedule", "every"), [("cosine", "epoch"), ("cosine", "step"), ("plateau", "epoch")])
def test_the_learning_rate_falls_by_schedule_and_starts_anew_in_a_second_fit(schedule, every):
    events = []
    trainer = trained(Guess(1.0, schedule=schedule, every=every), events)
    for _ in range(2):
        events.clear()
        trainer.fit(flat(1.0), 10)
        rates = [event.lr for event in events if isinstance(event, Epoch)]
        assert rates[0] == 0.1
        assert rates[-1] < 0.05
        assert rates == sorted(rates, reverse=True)


def test_a_diverged_training_names_the_learning_rate():
    with pytest.raises(FloatingPointError, match=r"learning_rate 1e\+30.*such as 1e\+29"):
        trained(Guess(rate=1e30)).fit(flat(1.0), 5)


def test_the_best_state_lies_in_the_checkpoints_folder(tmp_path):
    model, events, folder = Guess(), [], Checkpoints(RunFolder(tmp_path).checkpoints)
    trained(model, events, checkpoints=folder.path).fit(flat(1.0), 8, flat(0.5))
    state, _ = load_state(folder.best)
    assert state["number"].item() == model.number.item()
    assert set(folder.path.iterdir()) == {folder.best, folder.last}
    assert [event.path for event in events if isinstance(event, Artifact)] == [str(folder.best.relative_to(tmp_path))]


def test_a_stop_leaves_in_the_middle_of_an_epoch():
    events = []

    def report(event):
        events.append(event)
        if isinstance(event, Batches) and event.epoch == 2:
            raise StopRequested

    model = stfpm()
    with pytest.raises(StopRequested):
        GradientTrainer(model, report=report).fit(pictures(4), 5)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1]
    assert not model.training
    assert model.frozen_features._kept is None


def test_progress_counts_images_up_to_all_of_them():
    events = []
    trained(Guess(), events).fit(flat(1.0, 2.0, 3.0, batch_size=2), 2)
    progress = [(event.epoch, event.done, event.total) for event in events if isinstance(event, Batches)]
    assert progress == [(1, 2, 3), (1, 3, 3), (2, 2, 3), (2, 3, 3)]


def stfpm():
    torch.manual_seed(0)
    return Stfpm(StfpmParams(layers=[1, 2], learning_rate=0.05), Backbone("resnet18", layers=[1, 2], weights="random"))


def fastflow():
    torch.manual_seed(0)
    params = FastFlowParams(layers=[1, 2], flow_steps=2)
    return FastFlow(params, Backbone("resnet18", layers=[1, 2], weights="random"))


def pictures(number):
    generator = torch.Generator().manual_seed(0)
    return Batched(*(torch.rand(3, 64, 64, generator=generator) for _ in range(number)), batch_size=2)


@pytest.mark.parametrize("build", [stfpm, fastflow])
def test_kept_features_do_not_change_the_scores(build):
    """Three images in batches of two: the last batch holds one image."""
    scores = []
    for memory_mb in (2048, 0):
        model = build()
        model.frozen_features = FrozenFeatures(model.backbone, memory_mb=memory_mb)
        name = "stfpm" if build is stfpm else "fastflow"
        get_trainer(name, model).fit(pictures(3), 3, pictures(1))
        scores.append(model.predict_step(next(iter(pictures(2)))).pred_score)
    torch.testing.assert_close(scores[0], scores[1], rtol=1e-5, atol=1e-7)


def test_gradients_are_clipped_where_the_recipe_says_so():
    """The gradient at 0 is -200; one step of SGD at rate 1 moves the guess by the clipped length."""
    model = Guess()
    model.recipe = lambda **_: Recipe(torch.optim.SGD([model.number], lr=1.0), clip_norm=0.5)
    trained(model).fit(flat(100.0), 1)
    assert model.number.item() == pytest.approx(0.5)


def test_a_model_prepares_before_the_first_epoch_and_finishes_with_the_best_state():
    model, events = Guess(), []
    model.prepare = lambda train, report: events.append(("prepare", train.images, model.number.item()))
    model.finish = lambda train, valid, report: events.append(("finish", valid.images, model.number.item()))
    trained(model, events).fit(flat(1.0), 30, flat(0.5))
    assert events[0] == ("prepare", 1, 0.0)
    assert events[-1] == ("finish", 1, model.number.item())
    assert model.number.item() == pytest.approx(0.5, abs=0.1)


class Interrupted(BaseException):
    """The process dies here."""


def interrupt_in(epoch):
    def report(event):
        if isinstance(event, Batches) and event.epoch == epoch:
            raise Interrupted

    return report


def start_and_die(build, loaders, folder, *, epochs=6, at=4, key="k"):
    with pytest.raises(Interrupted):
        trained(build(), checkpoints=folder, checkpoint_every_s=0, key=key, report=interrupt_in(at)).fit(
            loaders()[0], epochs, loaders()[1]
        )


def go_on(build, loaders, folder, *, epochs=6, key="k"):
    """State, history and events of the training that goes on."""
    model, events = build(), []
    trainer = trained(model, events, checkpoints=folder, checkpoint_every_s=0, key=key, resume=True)
    history = trainer.fit(loaders()[0], epochs, loaders()[1])
    return model.state_to_save(), history, events


class Noisy(Guess):
    """A guess whose steps also depend on random numbers."""

    def train_step(self, batch):
        return {"loss": (batch.images.mean() * torch.rand(()) - self.number).square()}


def noisy(**settings):
    torch.manual_seed(0)
    return Noisy(**settings)


BUILDS = {
    "epoch": lambda: noisy(schedule="cosine"),
    "step": lambda: noisy(schedule="cosine", every="step"),
    "plateau": lambda: noisy(schedule="plateau"),
    "stfpm": lambda: stfpm(),
    "fastflow": lambda: fastflow(),
}


@pytest.mark.parametrize("name", BUILDS)
def test_a_training_that_was_interrupted_ends_as_if_it_had_not_been(tmp_path, name):
    """Five images in batches of two, in another order at each pass: the last batch holds one image."""

    def loaders():
        return Batched(*pictures(5).pictures, batch_size=2, seed=3), pictures(2)

    whole, history, _ = go_on(BUILDS[name], loaders, tmp_path / "whole")
    start_and_die(BUILDS[name], loaders, tmp_path / "dies")
    resumed, history_again, events = go_on(BUILDS[name], loaders, tmp_path / "dies")
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [4, 5, 6]
    assert [event.code for event in events if isinstance(event, Warned)] == ["resumed"]
    assert history_again == history
    assert all(torch.equal(resumed[entry], whole[entry]) for entry in whole)


def test_an_epoch_is_told_before_a_checkpoint_stands_after_it(tmp_path):
    """So whenever a process dies, the log tells of each epoch that the checkpoint holds."""
    told = []

    def report(event):
        if isinstance(event, Epoch):
            told.append((event.epoch, epochs_kept(tmp_path) or 0))

    trained(Guess(), checkpoints=RunFolder(tmp_path).checkpoints, checkpoint_every_s=0, report=report).fit(flat(1.0), 3)
    assert told == [(1, 0), (2, 1), (3, 2)]


def test_a_training_that_was_over_is_not_run_again(tmp_path):
    def loaders():
        return flat(1.0), flat(0.5)

    whole, history, _ = go_on(Guess, loaders, tmp_path)
    again, history_again, events = go_on(Guess, loaders, tmp_path)
    assert (again, history_again) == (whole, history)
    assert not [event for event in events if isinstance(event, Epoch)]


@pytest.mark.parametrize("harm", ["cut", "changed", "foreign"])
def test_a_damaged_or_foreign_checkpoint_is_told_and_the_training_starts_anew(tmp_path, harm):
    def loaders():
        return flat(1.0), flat(0.5)

    start_and_die(Guess, loaders, tmp_path / "dies", key="other" if harm == "foreign" else "k")
    path = Checkpoints(tmp_path / "dies").last
    content = bytearray(path.read_bytes())
    if harm == "cut":
        path.write_bytes(content[:-9])
    elif harm == "changed":
        content[-1] ^= 1  # a bit of the random state: nothing but the checksum would tell
        path.write_bytes(content)
    state, _, events = go_on(Guess, loaders, tmp_path / "dies")
    assert [event.code for event in events if isinstance(event, Warned)] == ["checkpoint_damaged"]
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3, 4, 5, 6]
    assert state == go_on(Guess, loaders, tmp_path / "whole")[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns_and_scores_in_full_precision(dtype):
    """On a GPU without bfloat16 it is float16, whose small gradients are scaled up."""
    model = fastflow()
    trainer = get_trainer("fastflow", model, precision="mixed")
    assert trainer.dtype == torch.bfloat16
    trainer.dtype, trainer.scaler = dtype, torch.amp.GradScaler("cpu", enabled=dtype == torch.float16)
    losses = [each["loss"] for each in trainer.fit(pictures(4), 12)["train"]]
    assert losses[-1] < losses[0]
    assert model.predict_step(next(iter(pictures(2)))).pred_score.dtype == torch.float32


def test_what_a_model_could_do_before_the_first_epoch_is_kept_where_no_epoch_is_better():
    for begins_useful, kept in ((True, 0.5), (False, pytest.approx(0.6))):
        model = Guess(0.5)
        model.begins_useful = begins_useful
        trained(model).fit(flat(1.0), num_epochs=1, valid_loader=flat(0.5))
        assert model.number.item() == kept


def test_it_tells_what_a_model_could_do_before_the_first_epoch_and_that_none_was_better():
    trainer = trained(model := Guess(0.5))
    model.begins_useful = True
    trainer.fit(flat(1.0), num_epochs=2, valid_loader=flat(0.5))
    at = trainer.position
    assert (at.epoch, at.best_epoch, at.best_loss) == (2, 0, at.loss_before)
    assert all(each["val_loss"] > at.loss_before for each in at.history["val"])
