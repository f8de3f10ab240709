"""A coupling block is invertible, and its log-determinant is that of the Jacobian."""

import pytest
import torch

from engine.layers.coupling import ConditionalCouplingBlock, CouplingBlock


def block(channels: int = 5, *, kernel_size: int = 3, clamp: float = 2.0) -> CouplingBlock:
    """A block that does something: an untrained one only permutes."""
    torch.manual_seed(0)
    made = CouplingBlock(channels, hidden_ratio=1.5, kernel_size=kernel_size, clamp=clamp).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("channels", [2, 5])
def test_the_log_determinant_is_that_of_the_jacobian(channels, kernel_size):
    flow, x = block(channels, kernel_size=kernel_size), torch.randn(2, channels, 3, 4, dtype=torch.float64)
    _, log_det = flow(x)
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda one: flow(one)[0], x[i : i + 1])
        expected = jacobian.reshape(x[i].numel(), -1).slogdet().logabsdet
        torch.testing.assert_close(log_det[i], expected)


def test_the_inverse_gives_back_what_went_in():
    flow, x = block(), torch.randn(3, 5, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(flow.inverse(flow(x)[0]), x)


def test_the_log_scale_stays_within_the_clamp():
    flow, x = block(6, clamp=0.7), torch.randn(2, 6, 4, 4, dtype=torch.float64) * 1e3
    _, log_det = flow(x)
    assert log_det.abs().max() <= 0.7 * 3 * 16


def test_an_untrained_block_only_permutes_the_channels():
    flow, x = CouplingBlock(6, hidden_ratio=1.0, kernel_size=1, clamp=2.0), torch.randn(1, 6, 2, 2)
    y, log_det = flow(x)
    assert torch.equal(y, x[:, flow.permutation])
    assert log_det.item() == 0


def conditional(channels: int = 5) -> ConditionalCouplingBlock:
    torch.manual_seed(0)
    made = ConditionalCouplingBlock(channels, code_size=4, hidden_ratio=1.5, clamp=1.9).double()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made


@pytest.mark.parametrize("channels", [2, 5])
def test_the_log_determinant_of_each_vector_is_that_of_its_jacobian(channels):
    flow = conditional(channels)
    x, code = torch.randn(2, 3, channels, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    _, log_det = flow(x, code)
    for i in range(2):
        for place in range(3):
            one, there = x[i, place].view(1, 1, -1), code[place : place + 1]
            jacobian = torch.autograd.functional.jacobian(lambda each, at=there: flow(each, at)[0], one)
            torch.testing.assert_close(log_det[i, place], jacobian.reshape(channels, channels).slogdet().logabsdet)


def test_the_conditional_inverse_gives_back_what_went_in():
    flow, x, code = conditional(), torch.randn(3, 4, 5, dtype=torch.float64), torch.randn(4, 4, dtype=torch.float64)
    torch.testing.assert_close(flow.inverse(flow(x, code)[0], code), x)


def test_the_same_vector_is_read_differently_at_another_place():
    flow, x = conditional(), torch.ones(1, 2, 5, dtype=torch.float64)
    noise, _ = flow(x, torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]], dtype=torch.float64))
    assert not torch.allclose(noise[0, 0], noise[0, 1])
