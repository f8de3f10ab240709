"""STFPM: loss and map by hand, a perfect student, and independence of batch mates."""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.models.stfpm import StfpmParams
from engine.datasets.loading import Batch
from engine.models.stfpm import Stfpm


def stfpm(layers=(1, 2)):
    backbone = Backbone("resnet18", layers=list(layers), weights="random")
    torch.manual_seed(3)
    return Stfpm(StfpmParams(layers=list(layers)), backbone).eval()


def batch(number, size=64):
    images = torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.zeros(number).long(), None, [f"{i}.png" for i in range(number)])


def test_a_perfect_student_finds_nothing():
    model = stfpm()
    torch.manual_seed(model.backbone.seed)
    model.student = model.backbone.student().eval()
    prediction = model.predict_step(batch(2))
    assert prediction.anomaly_map.abs().max() < 1e-6
    assert model.validate_step(batch(2))["loss"] < 1e-5


def test_loss_and_map_by_hand():
    model, images = stfpm(), batch(2)
    with torch.no_grad():
        teacher, student = model.backbone(images.images), model.student(model.backbone.normalise(images.images))
    distances = [
        1 - functional.cosine_similarity(t, s, dim=1) for t, s in zip(teacher, student, strict=True)
    ]  # 0.5 |t-s|^2
    torch.testing.assert_close(model.validate_step(images)["loss"], sum(distance.mean() for distance in distances))
    large = [functional.interpolate(distance[:, None], size=(64, 64), mode="bilinear") for distance in distances]
    torch.testing.assert_close(model.predict_step(images).anomaly_map, large[0] * large[1], atol=1e-6, rtol=1e-4)


def test_a_score_does_not_depend_on_batch_mates():
    model, images = stfpm(), batch(3)
    together = model.predict_step(images).pred_score
    alone = [
        model.predict_step(Batch(images.images[i : i + 1], images.labels[:1], None, ["x"])).pred_score for i in range(3)
    ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_only_the_student_learns_and_is_saved():
    model = stfpm()
    trained = {id(parameter) for parameter in model.parameters_to_train()}
    assert trained == {id(parameter) for parameter in model.student.parameters()}
    assert all(name.startswith("student.") for name in model.state_to_save())


def test_the_teacher_keeps_its_batch_statistics_while_the_student_trains():
    model = stfpm()
    before = model.backbone.fingerprint()
    model.train()
    model.train_step(batch(2))["loss"].backward()
    assert model.backbone.fingerprint() == before
    assert model.student.training


def test_a_single_image_can_be_trained_on():
    model = stfpm(layers=(1, 2, 3))
    model.train()
    assert torch.isfinite(model.train_step(batch(1))["loss"])
