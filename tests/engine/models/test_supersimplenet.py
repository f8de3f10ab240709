"""SuperSimpleNet: where noise goes, what labelled defects change, the losses by hand."""

import torch

from engine.backbones import Backbone
from engine.contract.events import Batches, Fitting
from engine.contract.models.supersimplenet import SuperSimpleNetParams
from engine.datasets.loading import Batch
from engine.models.supersimplenet import SuperSimpleNet, _focal, _marking_loss


def supersimplenet(**settings):
    params = SuperSimpleNetParams(**{"layers": [1, 2], **settings})
    torch.manual_seed(0)
    return SuperSimpleNet(params, Backbone("mobilenetv2_100", layers=params.layers, weights="random")).eval()


def batch(number, *, defective=0, masks=True, seed=0):
    """The first `defective` images are, in their upper left quarter."""
    images = torch.rand(number, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    labels = (torch.arange(number) < defective).long()
    marked = torch.zeros(number, 1, 64, 64)
    marked[:defective, :, :32, :32] = 1
    known = torch.tensor([masks or not label for label in labels])
    names = [f"{seed}-{i}.png" for i in range(number)]
    return Batch(images, labels, marked if masks and defective else None, names, has_truth=known)


class Plain(list):
    """Batches as a loader gives them."""

    images = 8


def test_noise_lies_on_places_that_are_good_for_sure():
    model = supersimplenet(perlin_threshold=0.0)
    truth, known = torch.zeros(64, 1, 16, 16), torch.ones(64)
    truth[:32, :, :8], known[60:] = 1, 0
    noisy = model._where_noise_goes(truth, known, torch.Generator().manual_seed(0))
    assert 0.3 < noisy[32:60].mean() < 0.7
    assert noisy[:32, :, :8].sum() == noisy[60:].sum() == 0


def test_losses_by_hand():
    marked, truth = torch.tensor([[[[-0.7, 0.1, 0.2]]]]), torch.tensor([[[[0.0, 0.0, 1.0]]]])
    chance = marked.sigmoid()
    focal = -((1 - truth - chance).abs() ** 0) * torch.log(torch.where(truth == 1, chance, 1 - chance))
    focal = focal * torch.where(truth == 1, 1 - chance, chance) ** 4
    torch.testing.assert_close(_focal(marked, truth), focal)
    expected = (0.0 + 0.6) / 2 + 0.3 + focal.mean()  # beyond the margin, inside it; the defective place
    torch.testing.assert_close(_marking_loss(marked, truth, torch.ones(1, 1, 1, 1)), expected)


def test_a_defect_without_its_mask_teaches_the_verdict_alone():
    model = supersimplenet(labelled_share=0.5)
    unmarked = batch(4, defective=4, masks=False)
    model.train_step(unmarked)["loss"].backward()
    judged = [parameter.grad.abs().sum() for parameter in model.verdict.parameters()]
    marked = model._heads(model.adaptor(model._features(unmarked)))[0]
    assert _marking_loss(marked, torch.zeros_like(marked), torch.zeros(4, 1, 1, 1)) == 0
    assert all(gradient > 0 for gradient in judged)


def test_without_labels_the_verdict_does_not_bend_the_marking_head():
    def reached(model):
        model.zero_grad()
        model._heads(model.adaptor(model._features(batch(2))))[1].sum().backward()
        return model.marking[0].weight.grad is not None

    assert not reached(supersimplenet())
    assert reached(supersimplenet(labelled_share=0.2))


def test_levels_are_divided_by_their_deviation_over_good_images():
    model, events = supersimplenet(), []
    good, mixed = batch(4, seed=1), batch(4, seed=2, defective=2)
    model.prepare(Plain([good, mixed]), events.append)
    seen = torch.cat([good.images, mixed.images[2:]])
    expected = torch.stack([level.double().std(correction=0) for level in model.backbone(seen)])
    torch.testing.assert_close(model.deviations.double(), expected, rtol=1e-4, atol=0)
    assert all(isinstance(event, Fitting) for event in events)
    assert not any(isinstance(event, Batches) for event in events)


def test_the_validation_loss_is_the_same_whenever_it_is_measured():
    model, images = supersimplenet(), batch(3)
    first = model.validate_step(images)["loss"]
    torch.rand(100)
    assert torch.equal(model.validate_step(images)["loss"], first)


def test_labelled_defects_raise_the_scores_of_their_like():
    """Darkened corners, learnt from four marked examples."""

    def plates(number, *, defective, seed):
        made = batch(number, defective=defective, seed=seed)
        made.images[:defective, :, :32, :32] *= 0.4
        return made

    def trained():
        model = supersimplenet(labelled_share=0.5, learning_rate=2e-3, adaptor_learning_rate=1e-3)
        recipe = model.recipe(epochs=40, steps_per_epoch=1)
        images = plates(8, defective=4, seed=3)
        model.train()
        for _ in range(40):
            recipe.optimiser.zero_grad()
            model.train_step(images)["loss"].backward()
            recipe.optimiser.step()
        return model.eval()

    test = plates(8, defective=4, seed=4)
    found = trained().predict_step(test)
    assert found.pred_score[:4].min() > found.pred_score[4:].max()
    inside, outside = found.anomaly_map[:4, :, 8:24, 8:24].mean(), found.anomaly_map[:4, :, 40:, 40:].mean()
    assert inside > outside


def test_two_learning_rates_fall_twice_near_the_end():
    recipe = supersimplenet().recipe(epochs=10, steps_per_epoch=3)
    rates = []
    for _ in range(10):
        rates.append([group["lr"] for group in recipe.optimiser.param_groups])
        recipe.optimiser.step()
        recipe.schedule.step()
    assert rates[0] == rates[7] == [2e-4, 1e-4]
    torch.testing.assert_close(torch.tensor(rates[8:]), torch.tensor([[8e-5, 4e-5], [3.2e-5, 1.6e-5]]))
