"""The autoencoder: the paper's table, every image size, its loss by hand, and that it learns."""

import pytest
import torch

from engine.contract.models.autoencoder import AutoencoderParams
from engine.datasets.loading import Batch
from engine.layers.ssim import ssim_map
from engine.models.autoencoder import Autoencoder


def autoencoder(image_size=64, **settings):
    torch.manual_seed(0)
    params = AutoencoderParams(**{"base_channels": 8, "latent_channels": 16, **settings})
    return Autoencoder(params, image_size=image_size).eval()


def batch(images):
    return Batch(images, torch.zeros(len(images)).long(), None, [f"{i}.png" for i in range(len(images))])


def test_at_128_pixels_it_is_the_papers_table():
    convolutions = [
        layer
        for layer in autoencoder(128, base_channels=32, latent_channels=100).encoder
        if len(list(layer.parameters()))
    ]
    table = [(layer.out_channels, layer.kernel_size[0], layer.stride[0]) for layer in convolutions]
    assert table == [
        (32, 4, 2),
        (32, 4, 2),
        (32, 3, 1),
        (64, 4, 2),
        (64, 3, 1),
        (128, 4, 2),
        (64, 3, 1),
        (32, 3, 1),
        (100, 8, 1),
    ]


@pytest.mark.parametrize("image_size", [64, 96, 160, 256, 416, 512])
def test_it_takes_every_image_size(image_size):
    model, images = (
        autoencoder(image_size, base_channels=4, latent_channels=4),
        torch.rand(1, 3, image_size, image_size),
    )
    assert model.reconstruct(images).shape == images.shape
    prediction = model.predict_step(batch(images))
    assert prediction.anomaly_map.shape == (1, 1, image_size, image_size)
    assert prediction.pred_score.shape == (1,)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_mixes_similarity_and_squared_error(weight):
    model, images = autoencoder(ssim_weight=weight), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        drawn = model.reconstruct(images)
    figures = model.validate_step(batch(images))
    squared, similarity = (drawn - images).square().mean(), ssim_map(images, drawn).mean()
    torch.testing.assert_close(figures["loss"], weight * (1 - similarity) + (1 - weight) * squared)
    torch.testing.assert_close(figures["ssim"], similarity)


def test_psnr_is_the_mean_over_images():
    model, images = autoencoder(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        errors = (model.reconstruct(images) - images).square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(model.validate_step(batch(images))["psnr"], (-10 * errors.log10()).mean())


def test_the_negative_of_an_image_is_out_of_reach():
    """With a free output SSIM takes the negative for the image itself: the output is bounded."""
    image = torch.rand(1, 3, 64, 64)
    assert ssim_map(image, -image).mean() > 0.98
    drawn = autoencoder().reconstruct(image * 100)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_it_learns_to_redraw_good_images_and_finds_what_is_new():
    torch.manual_seed(1)
    ramp = torch.linspace(0.1, 0.6, 64).expand(3, 64, 64)
    good, model = torch.stack([ramp * gain for gain in torch.linspace(0.8, 1.2, 8)]), autoencoder(ssim_weight=0.0)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=3e-3), []
    for _ in range(30):
        loss = model.train_step(batch(good))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    bad = good[:4].clone()
    bad[:, :, 20:36, 20:36] = 0.95
    scores = model.predict_step(batch(torch.cat([good[:4], bad]))).pred_score
    assert scores[4:].min() > scores[:4].max()
