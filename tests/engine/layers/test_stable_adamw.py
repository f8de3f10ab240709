"""StableAdamW: like AdamW where gradients are steady, shorter steps where they jump, and the paper's formulas by hand."""

import copy

import pytest
import torch

from engine.layers.stable_adamw import StableAdamW


def weight(*values: float) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def steps(optimiser: torch.optim.Optimizer, parameter: torch.nn.Parameter, gradients: list[list[float]]) -> None:
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()


def test_equals_adamw_while_gradients_do_not_outgrow_their_second_moment():
    """Falling gradients: the root mean square stays below 1, so nothing is shortened."""
    gradients = [[0.9**i, -(0.8**i)] for i in range(12)]
    ours, theirs = weight(1.0, 2.0), weight(1.0, 2.0)
    steps(StableAdamW([ours], lr=0.01, weight_decay=0.1), ours, gradients)
    steps(torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1), theirs, gradients)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_follows_the_formulas_of_the_paper(amsgrad):
    gradients, lr, decay, eps = [[0.1, 0.2], [3.0, -1.0], [0.01, 0.02], [5.0, 5.0]], 0.05, 0.1, 1e-8
    ours, expected = weight(1.0, -1.0), torch.tensor([1.0, -1.0], dtype=torch.float64)
    first, second, highest = (torch.zeros(2, dtype=torch.float64) for _ in range(3))
    for t, values in enumerate(gradients, start=1):
        gradient = torch.tensor(values, dtype=torch.float64)
        b1, b2 = (beta * (1 - beta ** (t - 1)) / (1 - beta**t) for beta in (0.9, 0.999))
        first, second = b1 * first + (1 - b1) * gradient, b2 * second + (1 - b2) * gradient**2
        highest = torch.maximum(highest, second) if amsgrad else second
        rate = lr / max(1.0, float((gradient**2 / second.clamp(min=eps**2)).mean().sqrt()))
        expected = expected - rate * (first / (highest.sqrt() + eps) + decay * expected)
    steps(StableAdamW([ours], lr=lr, weight_decay=decay, eps=eps, amsgrad=amsgrad), ours, gradients)
    torch.testing.assert_close(ours.detach(), expected)


def test_a_sudden_gradient_moves_less_than_with_adamw():
    gradients = [[0.01]] * 20 + [[10.0]]
    ours, theirs = weight(0.0), weight(0.0)
    stable, plain = StableAdamW([ours], lr=0.1), torch.optim.AdamW([theirs], lr=0.1, weight_decay=0.0)
    steps(stable, ours, gradients[:-1])
    steps(plain, theirs, gradients[:-1])
    before = float(ours.detach()), float(theirs.detach())
    steps(stable, ours, gradients[-1:])
    steps(plain, theirs, gradients[-1:])
    assert abs(float(ours.detach()) - before[0]) < 0.3 * abs(float(theirs.detach()) - before[1])


def test_goes_on_from_its_saved_state():
    whole, part = weight(1.0, 2.0), weight(1.0, 2.0)
    gradients = [[0.3, -0.1], [0.2, 0.4], [1.0, 0.1], [0.1, 0.1]]
    steps(StableAdamW([whole], lr=0.01, amsgrad=True), whole, gradients)
    first = StableAdamW([part], lr=0.01, amsgrad=True)
    steps(first, part, gradients[:2])
    again = StableAdamW([part], lr=0.01, amsgrad=True)
    again.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(again, part, gradients[2:])
    assert torch.equal(whole, part)
