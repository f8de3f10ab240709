"""StableAdamW: AdamW whose step is shortened where the second moment lags behind the gradients.

Wortsman et al., Stable and low-precision training for large-scale vision-language models, NeurIPS 2023,
https://arxiv.org/abs/2304.13013, algorithm 2, with the AMSGrad option that Dinomaly adds. All tensors of a group are worked on
together, and nothing is read back from the device.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class StableAdamW(torch.optim.Optimizer):
    """The rate of each tensor is divided by the root mean square of gradient / root of second moment, where above 1.

    Args:
        lr: step size. betas: decay of the two moments.
        eps: added to the root of the second moment.
        weight_decay: decoupled, times the rate.
        amsgrad: divides by the highest second moment so far.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ):
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                self._step(parameters, group)
        return loss

    def _step(self, parameters: list[torch.Tensor], group: dict[str, Any]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = self._begin(parameter, amsgrad=group["amsgrad"])
        states = [self.state[parameter] for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        first = [state["exp_avg"] for state in states]
        second = [state["exp_avg_sq"] for state in states]
        for state in states:
            state["step"] += 1  # a tensor on the CPU: no waiting for the device
        number = states[0]["step"].item()
        first_beta, second_beta = (_without_bias(beta, number) for beta in group["betas"])

        torch._foreach_lerp_(first, gradients, 1 - first_beta)
        torch._foreach_mul_(second, second_beta)
        torch._foreach_addcmul_(second, gradients, gradients, value=1 - second_beta)
        rates = self._rates(gradients, second, group)
        if group["amsgrad"]:
            highest = [state["max_exp_avg_sq"] for state in states]
            torch._foreach_maximum_(highest, second)
            second = highest
        roots = torch._foreach_sqrt(second)
        torch._foreach_add_(roots, group["eps"])
        steps = torch._foreach_div(first, roots)
        if group["weight_decay"]:
            torch._foreach_add_(steps, parameters, alpha=group["weight_decay"])
        torch._foreach_mul_(steps, rates)
        torch._foreach_sub_(parameters, steps)

    def _rates(
        self, gradients: list[torch.Tensor], second: list[torch.Tensor], group: dict[str, Any]
    ) -> list[torch.Tensor]:
        """One number for each tensor, on its device."""
        floor = [moment.clamp(min=group["eps"] ** 2) for moment in second]
        ratios = torch._foreach_div(torch._foreach_mul(gradients, gradients), floor)
        return [group["lr"] / ratio.mean().sqrt().clamp(min=1) for ratio in ratios]

    def _begin(self, parameter: torch.Tensor, *, amsgrad: bool) -> dict[str, torch.Tensor]:
        state = {"step": torch.zeros(()), "exp_avg": torch.zeros_like(parameter)}
        state["exp_avg_sq"] = torch.zeros_like(parameter)
        if amsgrad:
            state["max_exp_avg_sq"] = torch.zeros_like(parameter)
        return state


def _without_bias(beta: float, step: float) -> float:
    """The decay that leaves no bias towards the zeros a moment began with; 0 in the first step."""
    return float(beta * (1 - beta ** (step - 1)) / (1 - beta**step))
