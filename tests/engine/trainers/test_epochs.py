"""The loop over epochs: what it keeps, when it stops, what it tells, and that kept features change no score."""

import math

import pytest
import torch

from engine.backbones import Backbone
from engine.checkpoints import load_state
from engine.datasets.loading import Batch
from engine.events import Artifact, Batches, Epoch
from engine.layers.frozen_features import FrozenFeatures
from engine.models import AnomalyModel
from engine.models.fastflow import FastFlow
from engine.models.stfpm import Stfpm
from engine.params import FastFlowParams, StfpmParams
from engine.recipes import Recipe, falling
from engine.report import StopRequested
from engine.trainers.factory import get_trainer
from engine.trainers.gradient import GradientTrainer


class Batched:
    """A loader of ready batches."""

    def __init__(self, *images, batch_size):
        self.pictures, self.batch_size, self.images = torch.stack(images), batch_size, len(images)

    def __len__(self):
        return math.ceil(self.images / self.batch_size)

    def __iter__(self):
        for start in range(0, self.images, self.batch_size):
            part = self.pictures[start : start + self.batch_size]
            names = [f"{start + i}.png" for i in range(len(part))]
            yield Batch(part, torch.zeros(len(part)).long(), None, names)


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
    return GradientTrainer(model, report=(lambda event: None) if events is None else events.append, **settings)


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
    assert all(event.val_loss is None and event.psnr is None for event in events if isinstance(event, Epoch))


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
    model, events = Guess(), []
    trained(model, events, checkpoints=tmp_path / "checkpoints").fit(flat(1.0), 8, flat(0.5))
    state, _ = load_state(tmp_path / "checkpoints" / "best.safetensors")
    assert state["number"].item() == model.number.item()
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best.safetensors"]
    assert [event.path for event in events if isinstance(event, Artifact)] == ["checkpoints/best.safetensors"]


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
